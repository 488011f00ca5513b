// Conjunction ids are names: which number a rule has says nothing. This gives each id a number that depends only on
// what its clauses match and what follows from them, and rewrites the flows with it, wherever the id is carried on
// (registers, ct_label), so that two tables with other ids become the same text.
import {
  type Action,
  type FieldMatch,
  type FlowSpec,
  type Match,
  type Subfield,
} from '../../dataplane/openflow/index.js';
import { ones } from '../../dataplane/key/flow.js';
import { canonicalActions, canonicalText } from './canonical.js';

const CONJ_ID = 'conj_id';

function conjIdOf(match: Match): number | undefined {
  const found = match.fields.find(({ field, mask }) => field.name === CONJ_ID && mask === undefined);
  return found && Number(found.value);
}

/** The flows with new conjunction ids; actions in one spelling. */
export function renumbered(flows: readonly FlowSpec[]): FlowSpec[] {
  const plain = flows.map((flow) => ({ ...flow, cookie: 0n, actions: canonicalActions(flow.actions) }));
  const carriers = findCarriers(plain);
  const ids = new Set(
    plain.flatMap(({ actions, match }) =>
      [...actions.flatMap((a) => (a.type === 'conjunction' ? [a.id] : [])), conjIdOf(match) ?? []].flat(),
    ),
  );
  const signatures = [...ids].map((id) => ({ id, signature: signature(id, plain, carriers) }));
  signatures.sort((a, b) => (a.signature < b.signature ? -1 : a.signature > b.signature ? 1 : a.id - b.id));
  const numbers = new Map(signatures.map(({ id }, i) => [id, i + 1]));
  return plain.map((flow) => rename(flow, numbers, carriers));
}

/** Parts of fields into which a flow with conj_id=N writes N. */
function findCarriers(flows: readonly FlowSpec[]): Subfield[] {
  const carriers = new Map<string, Subfield>();
  const add = (dst: Subfield): void => void carriers.set(`${dst.field.name} ${dst.start} ${dst.count}`, dst);
  const look = (actions: readonly Action[], id: bigint): void => {
    for (const action of actions) {
      if (action.type === 'load' && action.value === id) add(action.dst);
      if (action.type === 'ct') look(action.exec, id);
    }
  };
  for (const { match, actions } of flows) {
    const id = conjIdOf(match);
    if (id !== undefined) look(actions, BigInt(id));
  }
  return [...carriers.values()];
}

/** All that is said of an id, without the number itself. */
function signature(id: number, flows: readonly FlowSpec[], carriers: readonly Subfield[]): string {
  const alone = new Map([[id, 0]]);
  const lines = flows.flatMap((flow) => {
    const clauses = flow.actions.flatMap((a) =>
      a.type === 'conjunction' && a.id === id ? [`${a.clause}/${a.nClauses}`] : [],
    );
    if (clauses.length > 0) return [`${canonicalText({ ...flow, actions: [] }).text} ${clauses.sort().join()}`];
    if (!mentions(flow, id, carriers)) return [];
    return [canonicalText(rename(flow, alone, carriers)).text];
  });
  return lines.sort().join('\n');
}

function mentions({ match, actions }: FlowSpec, id: number, carriers: readonly Subfield[]): boolean {
  return (
    conjIdOf(match) === id ||
    (actions.length === 0 || actions[0].type !== 'conjunction'
      ? match.fields.some((m) => carried(m, carriers, id))
      : false)
  );
}

/** The carrier on which a match compares the id. */
function carried(
  { field, value, mask = ones(field.bits) }: FieldMatch,
  carriers: readonly Subfield[],
  id?: number,
): Subfield | undefined {
  return carriers.find(
    (c) =>
      c.field === field &&
      mask === ones(c.count) << BigInt(c.start) &&
      (id === undefined || value >> BigInt(c.start) === BigInt(id)),
  );
}

function rename(flow: FlowSpec, numbers: ReadonlyMap<number, number>, carriers: readonly Subfield[]): FlowSpec {
  const own = conjIdOf(flow.match);
  const number = (id: number | bigint): number => numbers.get(Number(id)) ?? Number(id);
  const action = (a: Action): Action => {
    if (a.type === 'conjunction') return { ...a, id: number(a.id) };
    if (a.type === 'ct') return { ...a, exec: a.exec.map(action) };
    if (
      a.type === 'load' &&
      own !== undefined &&
      a.value === BigInt(own) &&
      carriers.some((c) => c.field === a.dst.field && c.start === a.dst.start)
    ) {
      return { ...a, value: BigInt(number(own)) };
    }
    return a;
  };
  const fields = flow.match.fields.map((m) => {
    if (m.field.name === CONJ_ID && m.mask === undefined) return { ...m, value: BigInt(number(m.value)) };
    const carrier = carried(m, carriers);
    if (!carrier) return m;
    const start = BigInt(carrier.start);
    return { ...m, value: BigInt(number(m.value >> start)) << start };
  });
  const actions = flow.actions.map(action);
  if (actions[0]?.type === 'conjunction')
    actions.sort((a, b) =>
      a.type === 'conjunction' && b.type === 'conjunction' ? a.id - b.id || a.clause - b.clause : 0,
    );
  return { ...flow, match: { fields }, actions };
}
