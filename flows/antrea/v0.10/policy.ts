// The v0.10 flows for NetworkPolicies: each rule is a conjunction of the clauses from, to and (if it names ports)
// service; pods that policies close get a drop in the default table.
import type { NodeState, PolicyRule } from '../../../kube/node-state.js';
import { printRef } from '../../../kube/objects.js';
import type { Ids } from '../ids.js';
import { ipv4Clauses, isolationFlow } from '../ipv4-policy.js';
import type { FlowMaker } from '../maker.js';
import { fields as f } from './fields.js';
import { T } from './tables.js';

const CLAUSE = 200;
/** Below the clauses, so that an established packet's flow at 210 and clauses at 200 are looked at first. */
const ALLOW = 190;

const WHERE = {
  egress: { table: T.EgressRule, rule: f.egressRule, next: T.L3Forwarding, drop: T.EgressDefaultRule },
  ingress: { table: T.IngressRule, rule: f.ingressRule, next: T.ConntrackCommit, drop: T.IngressDefaultRule },
} as const;

export function policies({ rules, isolated }: NodeState, ids: Ids, maker: FlowMaker): void {
  for (const rule of rules) {
    if (rule.source === 'k8s')
      maker.section(rule.id, [rule], () => ruleFlows(rule, ids.conjunctions.of(rule.id), maker));
    else maker.leave(`${printRef(rule.policy)}: the v0.10 pipeline has no tables for Antrea's own policies; v2 has`);
  }
  for (const one of isolated) isolationFlow(maker, one, { table: WHERE[one.direction].drop, outputPort: f.outputPort });
}

function ruleFlows(rule: PolicyRule, conj: number, maker: FlowMaker): void {
  const { direction, policy, name } = rule;
  const { table, rule: register, next } = WHERE[direction];
  const { why } = ipv4Clauses(maker, rule, conj, { table, priority: CLAUSE, outputPort: f.outputPort });
  maker.flow(
    {
      table,
      priority: ALLOW,
      match: `conj_id=${conj},ip`,
      actions: `${register.load(conj)},resubmit(,${next})`,
      category: 'Policy',
    },
    { object: policy, rule: name, why, decides: { direction, action: 'Allow' } },
  );
}
