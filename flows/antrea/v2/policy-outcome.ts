// What follows when all clauses of a rule hold: allowed and written to the connection, dropped or rejected by way of
// the metric table, or passed on to the Kubernetes policies; with a copy for the agent where it is to log or to answer.
import type { PolicyRule } from '../../../kube/node-state.js';
import { printRef } from '../../../kube/objects.js';
import type { Origin } from '../types.js';
import { type Category, type Context, NORMAL, of } from './context.js';
import { fields as f } from './fields.js';
import type { TableName } from './tables.js';

const category: Category = 'NetworkPolicy';

/** Tables whose packets may also go to the agent: a group has one bucket for the way on, one for the agent. */
const LOGGING = [
  'EgressRule',
  'EgressMetric',
  'IngressRule',
  'IngressMetric',
  'MulticastEgressMetric',
  'MulticastIngressMetric',
] as const;
type LoggingTable = (typeof LOGGING)[number];

export function loggingGroups(c: Context): void {
  for (const table of LOGGING) {
    if (!c.layout.has(table)) continue;
    const buckets = [c.resubmit(table), `${f.output.set('toAgent')},${c.resubmit('Output')}`];
    const text = buckets.map((actions, i) => `bucket=bucket_id:${i},actions=${actions}`).join(',');
    c.maker.group(`group_id=${loggingGroup(c, table)},type=all,${text}`, {
      why: `on to ${table}, and a copy to the agent`,
    });
  }
}

function loggingGroup(c: Context, table: LoggingTable): number {
  return c.ids.groups.of(`logging ${table}`);
}

interface Decided {
  rule: PolicyRule;
  table: TableName;
  conj: number;
  priority: number;
}

export function outcome(c: Context, decided: Decided): void {
  const { rule, table } = decided;
  if (table === 'MulticastEgressRule' || table === 'MulticastIngressRule') return multicast(c, decided);
  switch (rule.action) {
    case 'Allow':
      return allow(c, decided);
    case 'Drop':
    case 'Reject':
      return deny(c, decided);
    case 'Pass':
      return pass(c, decided);
  }
}

/** Of the flow that takes the rule's decision. */
function decision(rule: PolicyRule, why: string): Origin {
  return { ...of(rule.policy, why, rule.name), decides: { direction: rule.direction, action: rule.action } };
}

const WAYS = {
  egress: { metric: 'EgressMetric', k8s: 'EgressRule', register: f.egressRule, label: f.ctEgressRule },
  ingress: { metric: 'IngressMetric', k8s: 'IngressRule', register: f.ingressRule, label: f.ctIngressRule },
} as const;

function allow(c: Context, { rule, table, conj, priority }: Decided): void {
  const { metric, register, label } = WAYS[rule.direction];
  const origin = decision(rule, rule.log ? 'all clauses hold: allowed, and logged' : 'all clauses hold: allowed');
  for (const { ip, zone } of c.families) {
    const commit = c.ct({ commit: true, next: metric, zone, exec: [label.set(conj)] });
    // The packet forks: ct() goes on with one, the other is told to the agent.
    const log = rule.log
      ? [
          f.disposition.set('allow'),
          f.output.set('toAgent'),
          f.agentTask.set('log'),
          f.ruleTable.set(c.layout.number(table)),
          c.goto('Output'),
        ]
      : [];
    c.flow(
      { table, priority, match: `conj_id=${conj},${ip}`, actions: [register.set(conj), commit, ...log], category },
      origin,
    );
    for (const state of ['+new', '-new']) {
      c.flow(
        {
          table: metric,
          priority: NORMAL,
          match: `ct_state=${state},${label.match(conj)},${ip}`,
          actions: c.goto(c.layout.next(metric)),
          category,
        },
        of(rule.policy, state === '+new' ? 'counts connections' : 'counts further packets', rule.name),
      );
    }
  }
}

function deny(c: Context, { rule, table, conj, priority }: Decided): void {
  const { metric } = WAYS[rule.direction];
  const reject = rule.action === 'Reject';
  const marked = [f.deniedRule.set(conj), f.denied.set('yes')];
  const disposition = rule.log ? [f.disposition.set(reject ? 'reject' : 'drop')] : [];
  const task = reject ? (rule.log ? 'rejectAndLog' : 'reject') : 'log';
  const tell = [
    ...disposition,
    f.agentTask.set(task),
    f.ruleTable.set(c.layout.number(table)),
    `group:${loggingGroup(c, metric)}`,
  ];
  c.flow(
    {
      table,
      priority,
      match: `conj_id=${conj}`,
      actions: [...marked, ...(reject || rule.log ? tell : [c.goto(metric)])],
      category,
    },
    decision(
      rule,
      `all clauses hold: ${reject ? 'rejected by the agent' : 'dropped'}${rule.log ? ', and logged' : ''}`,
    ),
  );
  c.flow(
    {
      table: metric,
      priority: NORMAL,
      match: `${f.denied.match('yes')},${f.deniedRule.match(conj)}`,
      actions: 'drop',
      category,
    },
    of(rule.policy, 'counts what is denied', rule.name),
  );
}

function pass(c: Context, { rule, table, conj, priority }: Decided): void {
  const { k8s, register } = WAYS[rule.direction];
  const on = rule.log
    ? [
        f.disposition.set('pass'),
        f.agentTask.set('log'),
        f.ruleTable.set(c.layout.number(table)),
        `group:${loggingGroup(c, k8s)}`,
      ]
    : [c.goto(k8s)];
  c.flow(
    { table, priority, match: `conj_id=${conj}`, actions: [register.set(conj), ...on], category },
    decision(rule, `all clauses hold: on to the Kubernetes policies${rule.log ? ', and logged' : ''}`),
  );
}

/** Multicast has no connections: the rule's number goes along in a register. */
function multicast(c: Context, { rule, table, conj, priority }: Decided): void {
  const egress = table === 'MulticastEgressRule';
  const metric = egress ? 'MulticastEgressMetric' : 'MulticastIngressMetric';
  const next = c.layout.next(metric);
  const origin = (why: string) => of(rule.policy, why, rule.name);
  if (rule.action === 'Allow') {
    c.flow(
      { table, priority, match: `conj_id=${conj}`, actions: [f.deniedRule.set(conj), c.goto(metric)], category },
      decision(rule, 'all clauses hold: allowed'),
    );
    c.flow(
      { table: metric, match: f.deniedRule.match(conj), actions: c.goto(next), category },
      origin('counts what is allowed'),
    );
    return;
  }
  if (rule.action !== 'Drop') {
    c.maker.leave(
      `${printRef(rule.policy)} ${rule.name}: multicast is allowed or dropped, it cannot be ${rule.action === 'Reject' ? 'rejected' : 'passed'}`,
    );
    return;
  }
  c.flow(
    {
      table,
      priority,
      match: `conj_id=${conj}`,
      actions: [f.deniedRule.set(conj), f.denied.set('yes'), c.goto(metric)],
      category,
    },
    decision(rule, 'all clauses hold: dropped'),
  );
  c.flow(
    { table: metric, match: `${f.denied.match('yes')},${f.deniedRule.match(conj)}`, actions: 'drop', category },
    origin('counts what is denied'),
  );
}
