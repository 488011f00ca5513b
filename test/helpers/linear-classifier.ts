// The slow classifier that the real one is compared with: it asks every flow, says that it looked at every bit that any
// flow matches, and weighs conjunctions by the rule book (ovs-fields(7)), priority by priority.
import { fieldByName } from '../../dataplane/key/fields.js';
import { type Flow, getNumber, setField } from '../../dataplane/key/flow.js';
import type { Classifier, FlowEntry } from '../../dataplane/tables/index.js';
import type { LookupResult } from '../../dataplane/translate/types.js';

const conjId = fieldByName('conj_id');

export class LinearClassifier implements Classifier {
  readonly #entries: FlowEntry[] = [];

  get size(): number {
    return this.#entries.length;
  }

  [Symbol.iterator](): Iterator<FlowEntry> {
    return this.#entries[Symbol.iterator]();
  }

  insert(entry: FlowEntry): void {
    this.#entries.push(entry);
  }

  remove(entry: FlowEntry): void {
    this.#entries.splice(this.#entries.indexOf(entry), 1);
  }

  find(value: Flow, mask: Flow, priority: number): FlowEntry | undefined {
    return this.#entries.find(
      (e) => e.priority === priority && Buffer.compare(e.value, value) === 0 && Buffer.compare(e.mask, mask) === 0,
    );
  }

  lookup(flow: Flow, wildcards: Flow): LookupResult {
    for (const { mask } of this.#entries) for (let i = 0; i < mask.length; i++) wildcards[i] |= mask[i];
    const matching = this.#entries.filter((entry) => covers(entry, flow));
    const priorities = [...new Set(matching.map((e) => e.priority))].sort((a, b) => b - a);
    for (const priority of priorities) {
      const level = matching.filter((e) => e.priority === priority);
      const ordinary = level.find((e) => e.conjunctions.length === 0);
      if (ordinary) return { entry: ordinary };
      const ids = new Set(level.flatMap((e) => e.conjunctions.map((c) => `${c.id}/${c.nClauses}`)));
      for (const key of ids) {
        const [id, nClauses] = key.split('/').map(Number);
        const clauses = Array.from({ length: nClauses }, (_, k) =>
          level.find((e) => e.conjunctions.some((c) => c.id === id && c.nClauses === nClauses && c.clause === k + 1)),
        );
        if (!clauses.every((c) => c !== undefined)) continue;
        const entry = this.#bestOrdinary(flow, id);
        if (entry) return { entry, conjunction: { id, clauses } };
      }
    }
    return {};
  }

  #bestOrdinary(flow: Flow, id: number): FlowEntry | undefined {
    const saved = getNumber(flow, conjId);
    setField(flow, conjId, id);
    const matching = this.#entries.filter((e) => e.conjunctions.length === 0 && covers(e, flow));
    setField(flow, conjId, saved);
    return matching.sort((a, b) => b.priority - a.priority)[0];
  }
}

function covers({ value, mask }: FlowEntry, flow: Flow): boolean {
  return mask.every((bits, i) => (flow[i] & bits) === value[i]);
}
