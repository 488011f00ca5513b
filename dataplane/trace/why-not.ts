// Why the other flows of a table did not win: each by priority with the first field that failed, and for conjunctive
// matches which clauses were met and which were not. Asked by recorder.ts for each lookup, when somebody wants to know;
// the lookup itself is the classifier's and does not depend on this.
import { formatFieldValue, formatMatchValue } from '../key/format.js';
import { type Flow, getField, ones } from '../key/flow.js';
import type { FieldMatch, PortNames } from '../openflow/ast.js';
import { formatMatch } from '../openflow/format-flow.js';
import { printActions } from '../openflow/print-actions.js';
import type { FlowEntry } from '../tables/flow-table.js';

/** The first field, in the order in which the match is printed, that the packet does not have. */
export interface Failed {
  field: string;
  wanted: string;
  got: string;
}

export interface Loser {
  priority: number;
  match: string;
  actions: string;
  cookie: string;
  /** Absent: it matches, but another of a higher priority does too. */
  failed?: Failed;
}

export interface ClauseState {
  clause: number;
  of: number;
  /** One flow of the clause matches. */
  met: boolean;
  /** None: no flow has this clause, so that the conjunction can never match. */
  flows: { match: string; failed?: Failed }[];
}

export interface ConjunctionState {
  id: number;
  priority: number;
  whole: boolean;
  clauses: ClauseState[];
}

export interface WhyNot {
  losers: Loser[];
  conjunctions: ConjunctionState[];
}

const PARTS: ReadonlySet<string> = new Set(['ct_state', 'tcp_flags', 'tun_flags', 'frag', 'hex']);

interface Options {
  ports?: PortNames;
}

/** `entries`: the table's flows; `winner` is left out. Losers come by falling priority. */
export function whyNot(
  flow: Flow,
  entries: Iterable<FlowEntry>,
  winner: FlowEntry | undefined,
  options: Options,
): WhyNot {
  const losers: Loser[] = [];
  const clauses: FlowEntry[] = [];
  for (const entry of entries) {
    if (entry === winner) continue;
    if (entry.conjunctions.length > 0) clauses.push(entry);
    else if (!entry.spec.match.fields.some(({ field }) => field.name === 'conj_id'))
      losers.push(loser(flow, entry, options));
  }
  losers.sort((a, b) => b.priority - a.priority);
  return { losers, conjunctions: conjunctionStates(flow, clauses, options) };
}

function loser(flow: Flow, entry: FlowEntry, options: Options): Loser {
  const failed = firstFailure(flow, entry, options);
  return {
    priority: entry.priority,
    match: formatMatch(entry.spec.match, undefined, options),
    actions: printActions(entry.actions, options),
    cookie: `0x${entry.cookie.toString(16)}`,
    ...(failed ? { failed } : {}),
  };
}

function firstFailure(flow: Flow, entry: FlowEntry, { ports }: Options): Failed | undefined {
  const fails = ({ field, value, mask }: FieldMatch): boolean =>
    (getField(flow, field) & (mask ?? ones(field.bits))) !== value;
  const found = entry.spec.match.fields.find(fails);
  if (!found) return undefined;
  const { field, value, mask } = found;
  // Of a field that is matched in part, that part.
  const got = getField(flow, field);
  const shown =
    mask !== undefined && PARTS.has(field.format)
      ? formatMatchValue(field, got & mask, mask, ports)
      : formatFieldValue(field, got, undefined, ports);
  return { field: field.name, wanted: formatMatchValue(field, value, mask, ports), got: shown };
}

function conjunctionStates(flow: Flow, entries: readonly FlowEntry[], options: Options): ConjunctionState[] {
  const states = new Map<string, ConjunctionState>();
  for (const entry of entries) {
    const failed = firstFailure(flow, entry, options);
    const told = { match: formatMatch(entry.spec.match, undefined, options), ...(failed ? { failed } : {}) };
    for (const { id, clause, nClauses } of entry.conjunctions) {
      const key = `${entry.priority} ${id}`;
      let state = states.get(key);
      if (!state) {
        const all = Array.from({ length: nClauses }, (_, i): ClauseState => ({
          clause: i + 1,
          of: nClauses,
          met: false,
          flows: [],
        }));
        states.set(key, (state = { id, priority: entry.priority, whole: false, clauses: all }));
      }
      const at = state.clauses[clause - 1];
      at.flows.push(told);
      at.met ||= failed === undefined;
    }
  }
  for (const state of states.values()) state.whole = state.clauses.every(({ met }) => met);
  return [...states.values()].sort((a, b) => b.priority - a.priority || a.id - b.id);
}
