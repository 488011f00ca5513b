// What the policies make of a new connection: its first packet traced through the generated tables of the nodes that it
// crosses, with the rule that decided in each direction.
import { readPacket } from '../../dataplane/packet-text.js';
import { type Trace, traceFlow } from '../../dataplane/trace/index.js';
import { type Family, familyOf } from '../../kube/address.js';
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
  traces: { node: string; trace: Trace }[];
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
  const l2 = `in_port=${from.port.ofport},dl_src=${from.mac},dl_dst=${near ? to.mac : gatewayMac}`;
  const rest = l3(question, family, from.ips[family]!, target!);
  const traces = [{ node: from.node, trace: run(there, `${l2},${rest}`) }];
  const decisions = decisionsOf(there, traces[0].trace);
  let outcome = outcomeAt(there, traces[0].trace, to);
  if (typeof outcome !== 'string') {
    const next = paper.cluster.nodes.find((n) => n.ips[familyOf((outcome as Tunnelled).tunnel)] === (outcome as Tunnelled).tunnel);
    if (!next) return { outcome: 'dropped', decisions, traces };
    const far = paper.node(next.name);
    const { dl_src, dl_dst } = macs(traces[0].trace);
    const tunnel = far.state.node.tunnel.ofport;
    const trace = run(far, `in_port=${tunnel},tun_src=${there.state.node.ips.ipv4},tun_dst=${outcome.tunnel},dl_src=${dl_src},dl_dst=${dl_dst},${rest}`);
    traces.push({ node: next.name, trace });
    decisions.push(...decisionsOf(far, trace));
    const end = outcomeAt(far, trace, to);
    outcome = typeof end === 'string' ? end : 'dropped';
  }
  for (const direction of ['ingress', 'egress'] as const) {
    if (decisions.some((d) => d.direction === direction)) continue;
    const side = direction === 'egress' ? from : to;
    if (typeof side !== 'string' && (direction === 'egress' || outcome === 'delivered')) {
      decisions.push({ direction, node: side.node, action: 'none', policies: [] });
    }
  }
  decisions.sort((a, b) => (a.direction === b.direction ? 0 : a.direction === 'egress' ? -1 : 1));
  return { outcome, decisions, traces };
}

function l3({ protocol, port }: Question, family: Family, src: string, dst: string): string {
  const six = family === 'ipv6';
  const [s, d] = six ? ['ipv6_src', 'ipv6_dst'] : ['nw_src', 'nw_dst'];
  const addresses = `${s}=${src},${d}=${dst},nw_ttl=64`;
  if (protocol === 'icmp') return `${six ? 'icmp6' : 'icmp'},${addresses},icmp_type=${six ? 128 : 8},icmp_code=0`;
  const flags = protocol === 'tcp' ? ',tcp_flags=syn' : '';
  return `${protocol}${six ? '6' : ''},${addresses},tp_src=${SOURCE_PORT},tp_dst=${port}${flags}`;
}

function run({ offline }: PaperNode, text: string): Trace {
  const { flow } = readPacket({ flow: text }, { ports: offline.ports, tlvMap: offline.tlvMap });
  return traceFlow(offline.env, flow, { bridge: offline.bridge, tlvMap: offline.tlvMap });
}

interface Tunnelled {
  tunnel: string;
}

function outcomeAt({ state }: PaperNode, { outputs }: Trace, to: ClusterPod | string): Verdict['outcome'] | Tunnelled {
  for (const { port, tunnel } of outputs) {
    if (port === state.node.tunnel.ofport && tunnel) return { tunnel: tunnel.dst };
    if (port === CONTROLLER) return 'to the agent';
    if (port === state.node.gateway.ofport) return 'to the gateway';
    if (typeof to !== 'string' && to.node === state.node.name && port === to.port.ofport) return 'delivered';
  }
  return 'dropped';
}

/** As the packet leaves. */
function macs({ passes }: Trace): { dl_src: string; dl_dst: string } {
  const { flow, finalFlow } = passes[passes.length - 1];
  const text = finalFlow.includes('dl_dst=') ? finalFlow : flow; // "unchanged"
  const field = (name: string): string => new RegExp(`\\b${name}=([0-9a-f:]+)`).exec(text)![1];
  return { dl_src: field('dl_src'), dl_dst: field('dl_dst') };
}

/** Of the flows that the packet met, those that decide something. */
function decisionsOf(node: PaperNode, { passes }: Trace): Decision[] {
  return passes.flatMap(({ steps }) => steps).flatMap(({ table, priority, match }) => {
    const made = priority === null ? undefined : node.find(table, priority, match);
    const deciding = (made?.origins ?? []).filter((origin) => origin.decides);
    if (!made || deciding.length === 0) return [];
    const { decides, rule } = deciding[0];
    return [{ ...decides!, node: node.state.node.name, policies: deciding.flatMap(({ object }) => object ?? []), rule, flow: made.text }];
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
