// What the v0.10 pipelines have in common for NetworkPolicies: a rule's clauses, and the drop for a closed pod. IPv4
// only.
import type { Isolation, PolicyRule } from '../../kube/node-state.js';
import { printRef } from '../../kube/objects.js';
import type { Bits } from './bits.js';
import { peerMatches, portMatches } from './clauses.js';
import type { FlowMaker } from './maker.js';
import type { Origin } from './types.js';

const FAMILIES = ['ipv4'] as const;
const ISOLATION = 200;

interface Place {
  table: number;
  outputPort: Bits;
}

/** Writes the clauses from, to and (if the rule names ports) ports; says what it means when all hold. */
export function ipv4Clauses(
  maker: FlowMaker,
  rule: PolicyRule,
  conj: number,
  { table, priority, outputPort }: Place & { priority: number },
): { why: string } {
  const { direction, policy, name, peers, pods, ports } = rule;
  const own =
    direction === 'egress'
      ? pods.map(({ ips }) => `ip,nw_src=${ips.ipv4}`)
      : pods.map(({ port }) => `ip,${outputPort.match(port.ofport)}`);
  const others = peerMatches(peers, direction === 'egress' ? 'dst' : 'src', FAMILIES);
  const [from, to] = direction === 'egress' ? [own, others] : [others, own];
  const clauses = [from, to, ...(ports === 'any' ? [] : [ports.flatMap((port) => portMatches(port, FAMILIES))])];
  clauses.forEach((matches, k) => {
    const why = `clause ${k + 1} of ${clauses.length}: ${['from', 'to', 'ports'][k]}`;
    for (const match of matches) {
      maker.clause(
        { table, priority, match, category: 'Policy' },
        { conj, k: k + 1, n: clauses.length },
        { object: policy, rule: name, why },
      );
    }
  });
  const never = peers !== 'any' && peers.length === 0;
  return { why: never ? 'the rule means nobody, so this never matches' : 'all clauses hold: allowed' };
}

/** A pod by its address when it sends, by its port when it receives. */
export function isolationFlow(
  maker: FlowMaker,
  { pod, direction, policies }: Isolation,
  { table, outputPort }: Place,
): void {
  maker.section(`${direction} of ${printRef(pod.ref)}`, [pod, ...policies], () => {
    const match = direction === 'egress' ? `ip,nw_src=${pod.ips.ipv4}` : `ip,${outputPort.match(pod.port.ofport)}`;
    const why = `${direction} of ${printRef(pod.ref)} that no rule allows is dropped`;
    maker.flow(
      { table, priority: ISOLATION, match, actions: 'drop', category: 'Default' },
      ...policies.map((object): Origin => ({ object, why, decides: { direction, action: 'Isolate' } })),
    );
  });
}
