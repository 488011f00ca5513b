// Traceflow objects as the controller and the source's agent deal with them: a tag for each, what is to be watched on a
// node, and the packet that is sent. From: the lab, which stands for both. To: agent-state.ts's RunningTraceflow; a
// PacketOut.
import { addressValue, type Family, familyOf } from '../../../kube/address.js';
import type { Cluster, ClusterPod } from '../../../kube/cluster/types.js';
import { type NodeState, type ObjectOf, type ObjectSet, refOf } from '../../../kube/index.js';
import { type BuildSpec, buildFrame } from '../../../dataplane/wire/index.js';
import type { RunningTraceflow } from '../v2/agent-state.js';
import type { PacketOut } from './types.js';

export type Traceflow = ObjectOf<'Traceflow'>;

const TAGS = 63;
const DEFAULT_TIMEOUT = 20;
const SYN = 2;
/** Connection tracking takes none with port 0. The tag is added, so that each Traceflow's connection is its own. */
const DEFAULT_SOURCE_PORT = 33_000;
const DEFAULT_PORT = 80;
const DEFAULT_TTL = 64;
const PROTOCOL = { icmp: 1, tcp: 6, udp: 17, icmpv6: 58, sctp: 132 } as const;
const NAMES = { 1: 'icmp', 6: 'tcp', 17: 'udp', 58: 'icmp', 132: 'sctp' } as const;

/** Starts those that have not begun, as Antrea's controller does: each gets a tag that no other has, and a status. */
export function startTraceflows(objects: ObjectSet, now: Date = new Date()): void {
  const all = objects.of('Traceflow');
  const taken = new Set(all.flatMap(({ status }) => status?.dataplaneTag ?? []));
  for (const traceflow of all) {
    if (traceflow.status?.dataplaneTag !== undefined) continue;
    const tag = Array.from({ length: TAGS }, (_, i) => i + 1).find((n) => !taken.has(n));
    if (tag === undefined) return;
    taken.add(tag);
    objects.put({ ...traceflow, status: { phase: 'Running', startTime: now.toISOString(), dataplaneTag: tag } });
  }
}

export function isOver({ spec, status }: Traceflow, now: Date = new Date()): boolean {
  const began = Date.parse(status?.startTime ?? '');
  return Number.isNaN(began) || now.getTime() >= began + (spec.timeout ?? DEFAULT_TIMEOUT) * 1000;
}

/** What a node watches for; live ones only where their pod is. */
export function runningTraceflows(cluster: Cluster, state: NodeState): RunningTraceflow[] {
  return cluster.objects.of('Traceflow').flatMap((traceflow): RunningTraceflow[] => {
    const { spec, status } = traceflow;
    if (status?.dataplaneTag === undefined) return [];
    const common = {
      ref: refOf(traceflow),
      tag: status.dataplaneTag,
      timeoutSeconds: spec.timeout ?? DEFAULT_TIMEOUT,
      ...(spec.droppedOnly ? { droppedOnly: true } : {}),
    };
    if (!spec.liveTraffic) return [common];
    const live = liveOf(cluster, state, spec);
    return [{ ...common, live: live ?? {} }];
  });
}

function liveOf(cluster: Cluster, state: NodeState, spec: Traceflow['spec']): RunningTraceflow['live'] {
  const { transportHeader: l4 = {}, ipHeader, ipv6Header } = spec.packet ?? {};
  const ports = l4.tcp ?? l4.udp;
  const number = l4.tcp
    ? PROTOCOL.tcp
    : l4.udp
      ? PROTOCOL.udp
      : l4.icmp
        ? PROTOCOL.icmp
        : (ipHeader?.protocol ?? ipv6Header?.nextHeader);
  const protocol = NAMES[number as keyof typeof NAMES];
  const [source, destination] = [podOf(cluster, spec.source), podOf(cluster, spec.destination)];
  const local = (pod: ClusterPod | undefined): number | undefined =>
    state.pods.find(({ port }) => pod && pod.node === state.node.name && port.ofport === pod.port.ofport)?.port.ofport;
  const defined = <T extends object>(values: T): T =>
    Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as T;
  return defined({
    sourcePort: local(source),
    destinationPort: source ? undefined : local(destination),
    sourceIp: spec.source?.ip,
    destinationIp: destinationIp(cluster, spec, ipv6Header ? 'ipv6' : 'ipv4'),
    protocol,
    tpSrc: ports?.srcPort,
    tpDst: ports?.dstPort,
  });
}

function podOf({ pods }: Cluster, end: { namespace?: string; pod?: string } | undefined): ClusterPod | undefined {
  return end?.pod === undefined
    ? undefined
    : pods.find(({ ref }) => ref.name === end.pod && ref.namespace === (end.namespace ?? 'default'));
}

function destinationIp(cluster: Cluster, { destination: to }: Traceflow['spec'], family: Family): string | undefined {
  if (to?.ip !== undefined) return to.ip;
  if (to?.service === undefined) return podOf(cluster, to)?.ips[family];
  const isIt = ({ ref }: { ref: { name: string; namespace?: string } }): boolean =>
    ref.name === to.service && ref.namespace === (to.namespace ?? 'default');
  return cluster.services.find((service) => service.family === family && isIt(service))?.clusterIp;
}

/** The packet that the node of the source's pod sends; undefined: it is another node's, live, or has no ends. */
export function tracePacket(cluster: Cluster, state: NodeState, { spec, status }: Traceflow): PacketOut | undefined {
  const source = podOf(cluster, spec.source);
  const { transportHeader: l4 = {}, ipHeader, ipv6Header } = spec.packet ?? {};
  const to = destinationIp(cluster, spec, ipv6Header ? 'ipv6' : 'ipv4');
  if (
    spec.liveTraffic ||
    !source ||
    source.node !== state.node.name ||
    to === undefined ||
    status?.dataplaneTag === undefined
  )
    return undefined;
  const family = familyOf(to);
  const from = source.ips[family];
  if (from === undefined) return undefined;
  const target = state.pods.find(
    ({ ips }) => ips[family] !== undefined && addressValue(ips[family]) === addressValue(to),
  );
  const ethernet = { dl_src: source.mac, dl_dst: target?.mac ?? state.node.gateway.mac };
  const nw_tos = status.dataplaneTag << 2;
  const ip =
    family === 'ipv4'
      ? { ipv4: { nw_src: from, nw_dst: to, nw_tos, nw_ttl: ipHeader?.ttl ?? DEFAULT_TTL } }
      : { ipv6: { ipv6_src: from, ipv6_dst: to, nw_tos, nw_ttl: ipv6Header?.hopLimit ?? DEFAULT_TTL } };
  const wanted = ipHeader?.protocol ?? ipv6Header?.nextHeader;
  return {
    frame: buildFrame({ ethernet, ...ip, ...segmentOf(l4, wanted, family, status.dataplaneTag) }),
    inPort: source.port.ofport,
    actions: 'TABLE',
  };
}

type TransportHeader = NonNullable<NonNullable<Traceflow['spec']['packet']>['transportHeader']>;

/** An echo request when nothing else is asked for. */
function segmentOf(l4: TransportHeader, protocol: number | undefined, family: Family, tag: number): Partial<BuildSpec> {
  const source = DEFAULT_SOURCE_PORT + tag;
  if (l4.tcp || protocol === PROTOCOL.tcp) {
    const { srcPort = source, dstPort = DEFAULT_PORT, flags = SYN } = l4.tcp ?? {};
    return { tcp: { tcp_src: srcPort, tcp_dst: dstPort, tcp_flags: flags } };
  }
  if (l4.udp || protocol === PROTOCOL.udp) {
    const { srcPort = source, dstPort = DEFAULT_PORT } = l4.udp ?? {};
    return { udp: { udp_src: srcPort, udp_dst: dstPort } };
  }
  const { id = tag, sequence = 1 } = l4.icmp ?? {};
  const rest = (id << 16) | sequence;
  return family === 'ipv4' ? { icmp: { icmp_type: 8, rest } } : { icmpv6: { icmpv6_type: 128, rest } };
}
