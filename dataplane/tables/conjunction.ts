// Conjunctive match (ovs-fields(7), "Conjunctive Match Fields"): flows with conjunction(ID,K/N) are clauses; a packet
// that matches a clause for each K of an ID, all of one priority, matches the flows with conj_id=ID. From:
// classifier.ts.
//
// An ordinary (hard) match beats clauses of its own or of a lower priority. Clauses are tried from the highest priority
// down; a conj_id that no flow matches, or a set of clauses that is not whole, leaves the next lower ones their turn.
// The flow with the conj_id counts whatever its own priority is.
import { fieldByName } from '../key/fields.js';
import { type Flow, getNumber, setField } from '../key/flow.js';
import type { LookupResult } from '../translate/types.js';
import type { FlowEntry } from './flow-entry.js';
import type { Entries } from './subtable.js';

const conjId = fieldByName('conj_id');

/** Runs `look` with conj_id in the flow, and puts back what was there. */
export function withConjId<T>(flow: Flow, id: number, look: () => T): T {
  const saved = getNumber(flow, conjId);
  setField(flow, conjId, id);
  try {
    return look();
  } finally {
    setField(flow, conjId, saved);
  }
}

/** `soft`: of each subtable with a clause on top, the flows that match. `lookup`: the best ordinary flow with a
 *  conj_id. */
export function findConjunctive(
  soft: readonly Entries[],
  hard: FlowEntry | undefined,
  lookup: (id: number) => FlowEntry | undefined,
): LookupResult {
  let best = hard;
  // Flows of one match, from the highest priority; the first of each is a clause.
  let left: (readonly FlowEntry[])[] = [...soft];
  for (;;) {
    left = left.filter((entries) => entries.length > 0 && entries[0].priority > (best?.priority ?? -1));
    if (left.length === 0) return best ? { entry: best } : {};
    const priority = Math.max(...left.map((entries) => entries[0].priority));
    const clauses = left.map((entries) => entries[0]).filter((entry) => entry.priority === priority);
    for (const conjunction of wholeConjunctions(clauses)) {
      const entry = lookup(conjunction.id);
      if (entry) return { entry, conjunction };
    }
    left = left.map((entries) => (entries[0].priority === priority ? entries.slice(1) : entries));
    for (const [next] of left) {
      if (next && next.conjunctions.length === 0 && next.priority > (best?.priority ?? -1)) best = next;
    }
    left = left.filter(([next]) => next && next.conjunctions.length > 0);
  }
}

/** The ids of which every clause is there, in the order in which they become whole. */
function* wholeConjunctions(clauses: readonly FlowEntry[]): Generator<{ id: number; clauses: FlowEntry[] }> {
  const byId = new Map<string, FlowEntry[]>();
  for (const entry of clauses) {
    for (const { id, clause, nClauses } of entry.conjunctions) {
      const key = `${id}/${nClauses}`;
      const found = byId.get(key) ?? [];
      byId.set(key, found);
      // Clauses are numbered from 1 in flow text.
      if (found[clause - 1]) continue;
      found[clause - 1] = entry;
      if (Object.keys(found).length === nClauses) yield { id, clauses: found };
    }
  }
}
