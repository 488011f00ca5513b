// Policies: each rule is a conjunction of its clauses from, to and (if it says ports) service, in a table by source and
// tier; what follows from it is action.ts's. Pods that Kubernetes policies close get a drop in the default tables.
import type { Isolation, LocalPod, PolicyRule } from '../../../kube/node-state.js';
import { asCidr, contains, familyOf } from '../../../kube/address.js';
import { printRef } from '../../../kube/objects.js';
import { peerMatches, portMatches } from '../clauses.js';
import type { Origin } from '../types.js';
import { type Category, type Context, METER, NORMAL, of, TO_AGENT, toAgent } from './context.js';
import { fields as f } from './fields.js';
import { outcome } from './policy-outcome.js';
import { assignPriorities, BASELINE, NATIVE, type Range, type RuleKey } from './priorities.js';
import type { TableName } from './tables.js';

/** Above every rule: what was allowed stays allowed, and DNS replies that rules wait for. */
const TOP = 64_990;
const DNS = 64_991;
const CLAUSE = 200;
const K8S_ACTION = 190;
const BASELINE_TIER = 253;
const MULTICAST = asCidr('224.0.0.0/4');
const KEPT = 'priorities of';

const category: Category = 'NetworkPolicy';

/** Every agent's first rule waits for DNS replies. */
const DNS_OWNER = 'dns replies';

export function policies(c: Context): void {
  established(c);
  dns(c);
  const rules = c.state.rules.flatMap((rule) => {
    const table = tableOf(rule);
    if (c.layout.has(table)) return [{ rule, table }];
    c.maker.leave(`${printRef(rule.policy)} ${rule.name}: the node has no ${table}`);
    return [];
  });
  const priorities = prioritiesOf(c, rules);
  for (const { rule, table } of rules) {
    const write = (): void => writeRule(c, rule, table, priorities(rule, table));
    // Antrea's own rules may name Services' groups and learnt names.
    if (rule.source === 'k8s') c.maker.section(rule.id, [rule, c.state.families.join()], write);
    else write();
  }
  isolation(c);
}

function established(c: Context): void {
  for (const [table, metric] of [
    ['AntreaPolicyEgressRule', 'EgressMetric'],
    ['AntreaPolicyIngressRule', 'IngressMetric'],
  ] as const) {
    for (const { ip } of c.families) {
      for (const state of ['est', 'rel']) {
        c.flow(
          { table, priority: TOP, match: `ct_state=-new+${state},${ip}`, actions: c.goto(metric), category },
          'what was allowed stays allowed: rules are for new connections',
        );
      }
    }
  }
}

function dns(c: Context): void {
  const conj = c.ids.conjunctions.of(DNS_OWNER);
  const table = c.layout.number('AntreaPolicyIngressRule');
  c.flow(
    {
      table: 'AntreaPolicyIngressRule',
      priority: DNS,
      match: `conj_id=${conj}`,
      category,
      actions: [`meter:${METER.dns}`, toAgent(TO_AGENT.dns, { pause: true }), c.goto('IngressMetric')],
    },
    'a DNS reply that a rule with names waits for: held until the agent has read it',
  );
  for (const { l4 } of c.families) {
    for (const protocol of ['udp', 'tcp'] as const) {
      const match = `ct_state=+rpl+trk,${l4(protocol)},tp_src=53`;
      c.maker.clause({ table, priority: DNS, match, category }, { conj, k: 1, n: 2 }, { why: 'a DNS reply' });
    }
  }
  for (const { fqdns, pods, policy, name } of c.state.rules) {
    if (!fqdns) continue;
    for (const { port } of pods) {
      const match = f.outputPort.match(port.ofport);
      c.maker.clause(
        { table, priority: DNS, match, category },
        { conj, k: 2, n: 2 },
        of(policy, 'a pod for which names have to be known', name),
      );
    }
  }
}

function tableOf(rule: PolicyRule): TableName {
  const egress = rule.direction === 'egress';
  if (isMulticast(rule)) return egress ? 'MulticastEgressRule' : 'MulticastIngressRule';
  if (rule.source === 'k8s') return egress ? 'EgressRule' : 'IngressRule';
  if (rule.tier!.priority === BASELINE_TIER) return egress ? 'EgressDefaultRule' : 'IngressDefaultRule';
  return egress ? 'AntreaPolicyEgressRule' : 'AntreaPolicyIngressRule';
}

/** About IGMP, or about nothing but multicast addresses. */
function isMulticast({ source, ports, peers }: PolicyRule): boolean {
  if (source === 'k8s') return false;
  if (ports !== 'any' && ports.some(({ protocol }) => protocol === 'igmp')) return true;
  return peers !== 'any' && peers.length > 0 && peers.every((text) => contains(MULTICAST, asCidr(text)));
}

/** The priority of each rule's flows. */
function prioritiesOf(
  c: Context,
  rules: readonly { rule: PolicyRule; table: TableName }[],
): (rule: PolicyRule, table: TableName) => number {
  const keys = new Map<TableName, RuleKey[]>();
  for (const { rule, table } of rules)
    if (rule.source === 'antrea') keys.set(table, [...(keys.get(table) ?? []), keyOf(rule)]);
  const given = new Map<string, number>();
  for (const [table, list] of keys) {
    const range: Range = table.endsWith('DefaultRule') ? BASELINE : NATIVE;
    const before = c.ids.kept.get(`${KEPT} ${table}`) as ReturnType<typeof assignPriorities> | undefined;
    const placed = assignPriorities(range, list, before);
    c.ids.kept.set(`${KEPT} ${table}`, placed);
    for (const [key, priority] of placed) given.set(`${table} ${JSON.stringify(key)}`, priority);
  }
  return (rule, table) => (rule.source === 'k8s' ? CLAUSE : given.get(`${table} ${JSON.stringify(keyOf(rule))}`)!);
}

function keyOf({ tier, priority, index }: PolicyRule): RuleKey {
  return { tier: tier!.priority, priority: priority!, index };
}

function writeRule(c: Context, rule: PolicyRule, table: TableName, priority: number): void {
  const conj = c.ids.conjunctions.of(rule.id);
  const clauses = clausesOf(c, rule);
  clauses.forEach(({ what, matches }, k) => {
    const origin = of(rule.policy, `clause ${k + 1} of ${clauses.length}: ${what}`, rule.name);
    for (const match of matches) {
      c.maker.clause(
        { table: c.layout.number(table), priority, match, category },
        { conj, k: k + 1, n: clauses.length },
        origin,
      );
    }
  });
  outcome(c, { rule, table, conj, priority: rule.source === 'k8s' ? K8S_ACTION : priority });
}

interface ClauseOf {
  what: 'from' | 'to' | 'service';
  matches: string[];
}

function clausesOf(c: Context, rule: PolicyRule): ClauseOf[] {
  const egress = rule.direction === 'egress';
  const own = rule.appliedToServices
    ? { what: 'to' as const, matches: groupMatches(c, rule.appliedToServices) }
    : {
        what: egress ? ('from' as const) : ('to' as const),
        matches: rule.pods.flatMap((pod) => ownMatches(c, pod, egress)),
      };
  const others = { what: egress ? ('to' as const) : ('from' as const), matches: peersOf(c, rule) };
  const service =
    rule.ports === 'any' || rule.toServices
      ? []
      : [{ what: 'service' as const, matches: rule.ports.flatMap((port) => portMatches(port, c.state.families)) }];
  return [...(egress ? [own, others] : [others, own]), ...service];
}

/** A pod by its addresses when it sends, by its port when it receives. */
function ownMatches(c: Context, { ips, port }: LocalPod, egress: boolean): string[] {
  if (!egress) return [f.outputPort.match(port.ofport)];
  return c.families.flatMap(({ family, ip, src }) =>
    ips[family] === undefined ? [] : [`${ip},${src}=${ips[family]}`],
  );
}

function peersOf(c: Context, { direction, peers, toServices, appliedToServices, fqdns = [] }: PolicyRule): string[] {
  if (toServices) return groupMatches(c, toServices);
  const named = fqdns.flatMap((name) => c.agent.names?.[name] ?? []);
  const all = peers === 'any' ? peers : [...new Set([...peers, ...named])];
  if (!appliedToServices) return peerMatches(all, direction === 'egress' ? 'dst' : 'src', c.state.families);
  // A packet to a node port has been translated already: its source is that of the connection.
  return c.families.flatMap(({ family, ip, ctSrc }) =>
    all === 'any'
      ? [`ct_state=+new,${ip}`]
      : all.filter((text) => familyOf(text) === family).map((text) => `ct_state=+new,${ip},${ctSrc}=${text}`),
  );
}

/** Groups of the Services' ports: ServiceLB notes in a register which one a packet went to. */
function groupMatches(c: Context, refs: readonly { namespace?: string; name: string }[]): string[] {
  return refs.flatMap(({ namespace, name }) =>
    c.state.services
      .filter(({ ref }) => ref.namespace === namespace && ref.name === name)
      .flatMap((service) => serviceGroups(c, `${service.name} ${service.protocol} ${service.family}`)),
  );
}

function serviceGroups(c: Context, name: string): string[] {
  return ['local', 'all'].flatMap((which) => {
    const id = c.ids.groups.known(`${name} ${which}`);
    return id === undefined ? [] : [f.serviceGroup.match(id)];
  });
}

function isolation(c: Context): void {
  for (const isolated of c.state.isolated) {
    const { pod, direction, policies: list } = isolated;
    const basis = [pod, c.state.families.join(), ...list];
    c.maker.section(`${direction} of ${printRef(pod.ref)}`, basis, () => isolate(c, isolated));
  }
}

function isolate(c: Context, { pod, direction, policies: list }: Isolation): void {
  const egress = direction === 'egress';
  const why = `${direction} of ${printRef(pod.ref)} that no rule allows is dropped`;
  const [first, ...more] = list.map((object): Origin => ({ object, why, decides: { direction, action: 'Isolate' } }));
  for (const match of ownMatches(c, pod, egress)) {
    c.flow(
      {
        table: egress ? 'EgressDefaultRule' : 'IngressDefaultRule',
        priority: NORMAL,
        match,
        actions: 'drop',
        category,
      },
      first,
      ...more,
    );
  }
}
