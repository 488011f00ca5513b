// The v0.10-proxy flows for NetworkPolicies: as v0.10, but that the rule's number goes to the connection's label, by
// which the metric tables count.
import type { NodeState, PolicyRule } from '../../../kube/node-state.js';
import { printRef } from '../../../kube/objects.js';
import type { Ids } from '../ids.js';
import { ipv4Clauses, isolationFlow } from '../ipv4-policy.js';
import type { FlowMaker } from '../maker.js';
import { fields as f } from './fields.js';
import { commit, goOn, LOW, NORMAL, write } from './pen.js';
import { T } from './tables.js';

const WHERE = {
  egress: {
    table: 'EgressRule',
    drop: 'EgressDefaultRule',
    metric: 'EgressMetric',
    next: 'L3Forwarding',
    register: f.egressRule,
    label: f.ctEgressRule,
  },
  ingress: {
    table: 'IngressRule',
    drop: 'IngressDefaultRule',
    metric: 'IngressMetric',
    next: 'ConntrackCommit',
    register: f.ingressRule,
    label: f.ctIngressRule,
  },
} as const;

export function policies({ rules, isolated }: NodeState, ids: Ids, maker: FlowMaker): void {
  for (const rule of rules) {
    if (rule.source === 'k8s')
      maker.section(rule.id, [rule], () => ruleFlows(rule, ids.conjunctions.of(rule.id), maker));
    else
      maker.leave(`${printRef(rule.policy)}: the v0.10-proxy pipeline has no tables for Antrea's own policies; v2 has`);
  }
  for (const one of isolated)
    isolationFlow(maker, one, { table: T[WHERE[one.direction].drop], outputPort: f.outputPort });
}

function ruleFlows(rule: PolicyRule, conj: number, maker: FlowMaker): void {
  const { direction, policy, name } = rule;
  const { table, metric, next, register, label } = WHERE[direction];
  const { why } = ipv4Clauses(maker, rule, conj, { table: T[table], priority: NORMAL, outputPort: f.outputPort });
  write(
    maker,
    {
      table,
      priority: LOW,
      match: `conj_id=${conj},ip`,
      actions: [register.load(conj), commit(metric, { exec: label.load(conj) })],
      category: 'Policy',
    },
    { object: policy, rule: name, why, decides: { direction, action: 'Allow' } },
  );
  for (const state of ['+new', '-new']) {
    write(
      maker,
      { table: metric, match: `ct_state=${state},${label.match(conj)},ip`, actions: [goOn(next)], category: 'Policy' },
      { object: policy, rule: name, why: state === '+new' ? 'counts connections' : 'counts further packets' },
    );
  }
}
