// The v0.10 flows for NetworkPolicies: each rule is a conjunction of the clauses from, to and (if it names ports) service;
// pods that policies close get a drop in the default table.
import { type NodeState, type PolicyRule } from '../../../kube/node-state.js';
import { printRef } from '../../../kube/objects.js';
import { peerMatches, portMatches } from '../clauses.js';
import type { Ids } from '../ids.js';
import type { FlowMaker } from '../maker.js';
import type { Origin } from '../types.js';
import { fields as f } from './fields.js';
import { T } from './tables.js';

const FAMILIES = ['ipv4'] as const;
const CLAUSE = 200;
/** Below the clauses, so that an established packet's flow at 210 and clauses at 200 are looked at first. */
const ALLOW = 190;
const ISOLATION = 200;

const WHERE = {
  egress: { table: T.EgressRule, rule: f.egressRule, next: T.L3Forwarding, drop: T.EgressDefaultRule },
  ingress: { table: T.IngressRule, rule: f.ingressRule, next: T.ConntrackCommit, drop: T.IngressDefaultRule },
} as const;

export function policies({ rules, isolated }: NodeState, ids: Ids, maker: FlowMaker): void {
  for (const rule of rules) {
    if (rule.source === 'k8s') ruleFlows(rule, ids.conjunctions.of(rule.id), maker);
    else maker.leave(`${printRef(rule.policy)}: the v0.10 pipeline has no tables for Antrea's own policies; v2 has`);
  }
  for (const { pod, direction, policies: list } of isolated) {
    const match = direction === 'egress' ? `ip,nw_src=${pod.ips.ipv4}` : `ip,${f.outputPort.match(pod.port.ofport)}`;
    const why = `${direction} of ${printRef(pod.ref)} that no rule allows is dropped`;
    maker.flow(
      { table: WHERE[direction].drop, priority: ISOLATION, match, actions: 'drop', category: 'Default' },
      ...list.map((object): Origin => ({ object, why, decides: { direction, action: 'Isolate' } })),
    );
  }
}

function ruleFlows(rule: PolicyRule, conj: number, maker: FlowMaker): void {
  const { direction, policy, name, peers, pods, ports } = rule;
  const { table, rule: register, next } = WHERE[direction];
  const own =
    direction === 'egress' ? pods.map(({ ips }) => `ip,nw_src=${ips.ipv4}`) : pods.map(({ port }) => `ip,${f.outputPort.match(port.ofport)}`);
  const others = peerMatches(peers, direction === 'egress' ? 'dst' : 'src', FAMILIES);
  const [from, to] = direction === 'egress' ? [own, others] : [others, own];
  const clauses = [from, to, ...(ports === 'any' ? [] : [ports.flatMap((port) => portMatches(port, FAMILIES))])];
  clauses.forEach((matches, k) => {
    const why = `clause ${k + 1} of ${clauses.length}: ${['from', 'to', 'ports'][k]}`;
    for (const match of matches) {
      maker.clause(
        { table, priority: CLAUSE, match, category: 'Policy' },
        { conj, k: k + 1, n: clauses.length },
        { object: policy, rule: name, why },
      );
    }
  });
  const never = peers !== 'any' && peers.length === 0;
  const why = never ? 'the rule means nobody, so this never matches' : 'all clauses hold: allowed';
  maker.flow(
    { table, priority: ALLOW, match: `conj_id=${conj},ip`, actions: `${register.load(conj)},resubmit(,${next})`, category: 'Policy' },
    { object: policy, rule: name, why, decides: { direction, action: 'Allow' } },
  );
}
