// Finds the policy rule behind each conjunction id, and the policies behind each default deny, on one node. The flows
// that a pipeline makes of the node's objects say where they come from; the flows that a switch has may number them
// differently (as the article's do), so a conjunction is recognised by what its clauses match. To: explain.ts.
import { type FlowSpec, formatMatch, type PortNames } from '../dataplane/openflow/index.js';
import type { Generated } from '../flows/antrea/types.js';
import type { ObjectRef, PolicyRule, PortMatch } from '../kube/node-state.js';
import type { Direction, NameBook, PolicyRuleName, RuleBook, Words } from './types.js';

export interface RuleBookInput {
  words: Words;
  /** The flows that the switch has. */
  flows: readonly FlowSpec[];
  /** What the pipeline makes for this node, with the rules that it makes it of. */
  generated: Generated;
  rules: readonly PolicyRule[];
  ports: PortNames;
  names: NameBook;
}

export function makeRuleBook({ words, flows, generated, rules, ports, names }: RuleBookInput): RuleBook {
  const known = new Map<string, { object: ObjectRef; rule: string }>();
  for (const [id, signature] of signatures(
    generated.flows.map(({ spec }) => spec),
    words,
    ports,
  )) {
    const origin = generated.flows.find(
      ({ spec, origins }) =>
        conjIdOf(spec) === Number(id.split(' ')[1]) && inTables(words, spec, id) && origins[0]?.rule,
    )?.origins[0];
    if (origin?.object && origin.rule) known.set(signature, { object: origin.object, rule: origin.rule });
  }
  const byId = new Map<string, PolicyRuleName>();
  for (const [id, signature] of signatures(flows, words, ports)) {
    const origin = known.get(signature);
    if (origin) byId.set(id, nameRule(origin, rules, names));
  }
  const closing = new Map<string, PolicyRuleName[]>();
  for (const { spec, origins } of generated.flows) {
    if (words.policies[spec.table]?.stage !== 'default' || spec.actions.length > 0) continue;
    closing.set(
      placeOf(spec, ports),
      origins.flatMap(({ object, why }) => (object ? [{ policy: refName(object), text: why }] : [])),
    );
  }
  return {
    conjunction: (direction, id) => byId.get(`${direction} ${id}`),
    closing: (table, match) => closing.get(`${table} ${match}`) ?? [],
  };
}

/** By direction and id, what the clauses match. */
function signatures(flows: readonly FlowSpec[], words: Words, ports: PortNames): Map<string, string> {
  const clauses = new Map<string, string[]>();
  for (const flow of flows) {
    const direction = words.policies[flow.table]?.direction;
    if (!direction) continue;
    for (const action of flow.actions) {
      if (action.type !== 'conjunction') continue;
      const key = `${direction} ${action.id}`;
      const line = `${action.clause}/${action.nClauses} ${formatMatch(flow.match, undefined, { ports })}`;
      clauses.set(key, [...(clauses.get(key) ?? []), line]);
    }
  }
  return new Map([...clauses].map(([key, lines]) => [key, lines.sort().join('\n')]));
}

function conjIdOf({ match }: FlowSpec): number | undefined {
  const found = match.fields.find(({ field }) => field.name === 'conj_id');
  return found && Number(found.value);
}

const inTables = (words: Words, spec: FlowSpec, id: string): boolean =>
  words.policies[spec.table]?.direction === id.split(' ')[0];
const placeOf = (spec: FlowSpec, ports: PortNames): string =>
  `${spec.table} ${formatMatch(spec.match, undefined, { ports })}`;
const refName = ({ namespace, name }: ObjectRef): string => (namespace === undefined ? name : `${namespace}/${name}`);

function nameRule(
  { object, rule }: { object: ObjectRef; rule: string },
  rules: readonly PolicyRule[],
  names: NameBook,
): PolicyRuleName {
  const found = rules.find(
    (r) => r.policy.name === object.name && r.policy.namespace === object.namespace && r.name === rule,
  );
  return { policy: refName(object), rule, text: found ? ruleText(found, names) : rule };
}

/** "to backend1 and backend2, TCP 80". */
export function ruleText({ direction, peers, ports }: PolicyRule, names: NameBook): string {
  const others = peers === 'any' ? 'anywhere' : list(peers.map((ip) => names.address(ip) ?? ip)) || 'nowhere';
  const told = ports === 'any' ? '' : `, ${list(ports.map(portText))}`;
  return `${DIRECTION[direction]} ${others}${told}`;
}

const DIRECTION: Record<Direction, string> = { egress: 'to', ingress: 'from' };

function portText(port: PortMatch): string {
  if (!('from' in port) || port.from === undefined) return port.protocol.toUpperCase();
  return `${port.protocol.toUpperCase()} ${port.from}${port.to !== undefined && port.to !== port.from ? `-${port.to}` : ''}`;
}

const list = (parts: readonly string[]): string =>
  parts.length < 2 ? (parts[0] ?? '') : `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}`;
