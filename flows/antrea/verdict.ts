// What the policies make of a new connection: its first packet traced through the generated tables of the nodes that it
// crosses, with the rule that decided in each direction.
import { fieldByName } from '../../dataplane/key/fields.js';
import { type Flow, getField, newFlow, setField } from '../../dataplane/key/flow.js';
import { parseMac } from '../../dataplane/key/numbers.js';
import { type Followed, followPacket } from '../../dataplane/trace/index.js';
import { addressValue, type Family, familyOf } from '../../kube/address.js';
import type { ClusterPod } from '../../kube/cluster/types.js';
import type { Direction, L4Protocol, ObjectRef } from '../../kube/node-state.js';
import { printRef } from '../../kube/objects.js';
import type { PaperCluster, PaperNode } from './paper.js';
import type { Origin } from './types.js';

export interface Question {
  from: ClusterPod;
  /** A pod, or an address that no pod has. */
  to: ClusterPod | string;
  protocol: L4Protocol | 'icmp';
  port?: number;
  family?: Family;
}

export interface Decision {
  direction: Direction;
  node: string;
  /** `none`: no policy selects the pod. */
  action: NonNullable<Origin['decides']>['action'] | 'none';
  policies: readonly ObjectRef[];
  rule?: string;
  /** The flow that decided. */
  flow?: string;
}

export interface Verdict {
  /** Where the first packet came out at last. */
  outcome: 'delivered' | 'dropped' | 'to the gateway' | 'to the agent';
  decisions: Decision[];
  /** The tables that it passed, node by node. */
  path: { node: string; tables: number[] }[];
}

const SOURCE_PORT = 40_000;
const CONTROLLER = 0xfffd;

export function verdict(paper: PaperCluster, question: Question): Verdict {
  const { from, to } = question;
  const family = question.family ?? (typeof to === 'string' ? familyOf(to) : 'ipv4');
  const there = paper.node(from.node);
  const target = typeof to === 'string' ? to : to.ips[family];
  const gatewayMac = there.state.node.gateway.mac;
  const near = typeof to !== 'string' && to.node === from.node;
  const packet = l3(question, family, from.ips[family]!, target!);
  const first = run(there, packet, {
    in_port: from.port.ofport,
    dl_src: parseMac(from.mac),
    dl_dst: parseMac(near ? to.mac : gatewayMac),
  });
  const passed = [{ node: from.node, followed: first }];
  const decisions = decisionsOf(there, first);
  let outcome = outcomeAt(there, first, to);
  if (typeof outcome !== 'string') {
    const { tunnel } = outcome;
    const next = paper.cluster.nodes.find(({ ips }) => Object.values(ips).includes(tunnel));
    outcome = 'dropped';
    if (next) {
      const far = paper.node(next.name);
      const outer = outerOf(there.state.node.ips[familyOf(tunnel)]!, tunnel);
      const second = run(far, packet, { in_port: far.state.node.tunnel.ofport, ...outer, ...macs(first) });
      passed.push({ node: next.name, followed: second });
      decisions.push(...decisionsOf(far, second));
      const end = outcomeAt(far, second, to);
      if (typeof end === 'string') outcome = end;
    }
  }
  for (const direction of ['ingress', 'egress'] as const) {
    if (decisions.some((d) => d.direction === direction)) continue;
    const side = direction === 'egress' ? from : to;
    if (typeof side !== 'string' && (direction === 'egress' || outcome === 'delivered')) {
      decisions.push({ direction, node: side.node, action: 'none', policies: [] });
    }
  }
  decisions.sort((a, b) => (a.direction === b.direction ? 0 : a.direction === 'egress' ? -1 : 1));
  return {
    outcome,
    decisions,
    path: passed.map(({ node, followed }) => ({ node, tables: followed.entries.map(({ table }) => table) })),
  };
}

type Values = Readonly<Record<string, bigint | number>>;

const PROTOCOLS = { tcp: 6, udp: 17, sctp: 132 };
const SYN = 2;

function l3({ protocol, port = 0 }: Question, family: Family, src: string, dst: string): Values {
  const six = family === 'ipv6';
  const [s, d] = six ? ['ipv6_src', 'ipv6_dst'] : ['nw_src', 'nw_dst'];
  const ip = { dl_type: six ? 0x86dd : 0x800, [s]: addressValue(src), [d]: addressValue(dst), nw_ttl: 64 };
  if (protocol === 'icmp') return { ...ip, nw_proto: six ? 58 : 1, icmp_type: six ? 128 : 8 };
  // The ports of all three protocols have one place.
  return {
    ...ip,
    nw_proto: PROTOCOLS[protocol],
    tcp_src: SOURCE_PORT,
    tcp_dst: port,
    ...(protocol === 'tcp' && { tcp_flags: SYN }),
  };
}

function outerOf(src: string, dst: string): Values {
  const [s, d] = familyOf(dst) === 'ipv6' ? ['tun_ipv6_src', 'tun_ipv6_dst'] : ['tun_src', 'tun_dst'];
  return { [s]: addressValue(src), [d]: addressValue(dst) };
}

function run({ offline }: PaperNode, ...parts: Values[]): Followed {
  const flow: Flow = newFlow();
  for (const [name, value] of parts.flatMap((part) => Object.entries(part))) setField(flow, fieldByName(name), value);
  return followPacket(offline.env, flow);
}

interface Tunnelled {
  tunnel: string;
}

function outcomeAt(
  { state }: PaperNode,
  { outputs }: Followed,
  to: ClusterPod | string,
): Verdict['outcome'] | Tunnelled {
  for (const { port, tunnel } of outputs) {
    if (port === state.node.tunnel.ofport && tunnel) return { tunnel: tunnel.dst };
    if (port === CONTROLLER) return 'to the agent';
    if (port === state.node.gateway.ofport) return 'to the gateway';
    if (typeof to !== 'string' && to.node === state.node.name && port === to.port.ofport) return 'delivered';
  }
  return 'dropped';
}

/** As the packet leaves. */
function macs({ finalFlow }: Followed): Values {
  return Object.fromEntries(['dl_src', 'dl_dst'].map((name) => [name, getField(finalFlow, fieldByName(name))]));
}

/** Of the flows that the packet met, those that decide something. */
function decisionsOf({ state, made }: PaperNode, { entries }: Followed): Decision[] {
  return entries.flatMap(({ spec }) => {
    const flow = made.get(spec);
    const deciding = (flow?.origins ?? []).filter((origin) => origin.decides);
    if (!flow || deciding.length === 0) return [];
    const { decides, rule } = deciding[0];
    return [
      {
        ...decides!,
        node: state.node.name,
        policies: deciding.flatMap(({ object }) => object ?? []),
        rule,
        flow: flow.text,
      },
    ];
  });
}

/** One sentence for a decision. */
export function explainDecision({ direction, node, action, policies, rule }: Decision): string {
  const who = policies.map(printRef).join(' and ');
  const where = `${direction} on ${node}`;
  switch (action) {
    case 'none':
      return `${where}: open, no policy selects the pod`;
    case 'Isolate':
      return `${where}: dropped, no rule of ${who} allows it (default deny)`;
    case 'Allow':
      return `${where}: allowed by rule ${rule} of ${who}`;
    case 'Pass':
      return `${where}: left to Kubernetes's policies by rule ${rule} of ${who}`;
    default:
      return `${where}: ${action === 'Drop' ? 'dropped' : 'rejected'} by rule ${rule} of ${who}`;
  }
}
