// The log of native policies: a line for a packet whose rule asks for it, packets of one connection within a second as
// one line. In the order of Antrea's np.log.
import type { PolicyRule } from '../../../kube/node-state.js';
import { printRef } from '../../../kube/objects.js';
import { dissect } from '../../../dataplane/wire/index.js';
import { fields as f } from '../v2/fields.js';
import { bitsOf } from './registers.js';
import { endsOf } from './reject.js';
import type { AgentContext, PacketIn } from './types.js';

const MERGE_MS = 1000;
const PROTOCOLS: Record<number, string> = { 1: 'ICMP', 2: 'IGMP', 6: 'TCP', 17: 'UDP', 58: 'IPv6-ICMP', 132: 'SCTP' };
const DISPOSITIONS = ['Allow', 'Drop', 'Reject', 'Pass'];

export interface LogEntry {
  table: string;
  policy: string;
  rule: string;
  direction: 'Ingress' | 'Egress';
  disposition: string;
  priority: number;
  /** The pod that the rule applies to. */
  appliedTo: string;
  src: string;
  srcPort?: number;
  dst: string;
  dstPort?: number;
  protocol: string;
  /** Bytes of the IP packet. */
  size: number;
  label?: string;
}

/** undefined: the packet's rule is gone, or it is no IP packet. */
export function logEntry({ state, layout, rule: find }: AgentContext, packet: PacketIn): LogEntry | undefined {
  const number = bitsOf(packet, f.ruleTable);
  const table = layout.tables.find((t) => t.number === number)?.name;
  const disposition = DISPOSITIONS[bitsOf(packet, f.disposition)];
  const denied = disposition === 'Drop' || disposition === 'Reject';
  const egress = table?.includes('Egress') ?? false;
  const found = find(bitsOf(packet, denied ? f.deniedRule : egress ? f.egressRule : f.ingressRule));
  const ends = endsOf(packet.frame);
  if (!table || !found || !ends) return undefined;
  const own = state.pods.find(({ ips }) => Object.values(ips).includes(egress ? ends.src : ends.dst));
  return {
    table,
    policy: policyName(found.rule),
    rule: found.rule.name,
    direction: egress ? 'Egress' : 'Ingress',
    disposition,
    priority: found.priority,
    appliedTo: own ? `${own.ref.namespace}/${own.ref.name}` : '<nil>',
    ...ends,
    ...segment(packet.frame),
    label: found.rule.logLabel,
  };
}

function policyName({ policy }: PolicyRule): string {
  return printRef(policy).replace(' ', ':');
}

function segment(frame: Uint8Array): Pick<LogEntry, 'srcPort' | 'dstPort' | 'protocol' | 'size'> {
  let [protocol, size] = ['', 0];
  for (const layer of dissect(frame)) {
    if (layer.protocol === 'ipv4')
      [protocol, size] = [PROTOCOLS[layer.view.nw_proto] ?? String(layer.view.nw_proto), layer.view.totalSize];
    if (layer.protocol === 'ipv6')
      [protocol, size] = [PROTOCOLS[layer.chain.nw_proto] ?? String(layer.chain.nw_proto), layer.view.bytes.length];
    if (layer.protocol === 'tcp') return { srcPort: layer.view.tcp_src, dstPort: layer.view.tcp_dst, protocol, size };
    if (layer.protocol === 'udp') return { srcPort: layer.view.udp_src, dstPort: layer.view.udp_dst, protocol, size };
  }
  return { protocol, size };
}

export function formatEntry(entry: LogEntry, packets = 1, seconds = 0): string {
  const {
    table,
    policy,
    rule,
    direction,
    disposition,
    priority,
    appliedTo,
    src,
    srcPort,
    dst,
    dstPort,
    protocol,
    size,
    label,
  } = entry;
  const merged = packets > 1 ? [`[${packets} packets in ${seconds.toFixed(2)}s]`] : [];
  const port = (n: number | undefined): string => (n === undefined ? '<nil>' : String(n));
  const parts = [
    table,
    policy,
    rule,
    direction,
    disposition,
    priority,
    appliedTo,
    src,
    port(srcPort),
    dst,
    port(dstPort),
    protocol,
    size,
    ...merged,
  ];
  return [...parts, ...(label === undefined ? [] : [label])].join(' ');
}

/** Collects entries; flush() gives the lines whose second is over. */
export class PolicyLog {
  readonly #waiting = new Map<string, { entry: LogEntry; since: number; last: number; packets: number }>();

  constructor(private readonly now: () => number = Date.now) {}

  take(entry: LogEntry): void {
    // Sizes differ from packet to packet of one connection.
    const key = formatEntry({ ...entry, size: 0 });
    const known = this.#waiting.get(key);
    if (known) {
      known.packets++;
      known.last = this.now();
    } else this.#waiting.set(key, { entry, since: this.now(), last: this.now(), packets: 1 });
  }

  /** `all`: also those whose second is not over. */
  flush({ all = false } = {}): string[] {
    const lines: string[] = [];
    for (const [key, { entry, since, last, packets }] of this.#waiting) {
      if (!all && this.now() - since < MERGE_MS) continue;
      this.#waiting.delete(key);
      lines.push(`${new Date(since).toISOString()} ${formatEntry(entry, packets, (last - since) / 1000)}`);
    }
    return lines;
  }
}
