// Finds the flow of one table that a packet matches: tuple-space search. Flows with the same mask make a subtable, in
// which a lookup is a hash away; subtables are visited from the highest priority down, and no further than the priority
// of what was found. Made by flow-table.ts; asked through it by translate/.
//
// Clause flows of conjunctive matches are found like others, then weighed by conjunction.ts.
import type { Flow } from '../key/flow.js';
import type { LookupResult } from '../translate/types.js';
import { findConjunctive, withConjId } from './conjunction.js';
import type { FlowEntry } from './flow-entry.js';
import { PrefixLookups } from './prefix-lookups.js';
import { type Entries, Subtable } from './subtable.js';

export interface Classifier extends Iterable<FlowEntry> {
  readonly size: number;
  /** The flow must not be there yet, nor one with the same match and priority. */
  insert(entry: FlowEntry): void;
  /** The flow must be there. */
  remove(entry: FlowEntry): void;
  find(value: Flow, mask: Flow, priority: number): FlowEntry | undefined;
  /** The best match. Every bit of `flow` that the answer depends on is set in `wildcards`. */
  lookup(flow: Flow, wildcards: Flow): LookupResult;
}

/** No flow can have it. */
const BELOW_ALL = -1;
const NOTHING: LookupResult = {};

export class TupleSpace implements Classifier {
  readonly #byMask = new Map<string, Subtable>();
  /** By highest priority, falling; among equals the older first. */
  #subtables: Subtable[] = [];
  readonly #tries = new PrefixLookups();
  size = 0;

  *[Symbol.iterator](): Iterator<FlowEntry> {
    for (const subtable of this.#subtables) yield* subtable;
  }

  insert(entry: FlowEntry): void {
    const key = maskKey(entry.mask);
    let subtable = this.#byMask.get(key);
    if (!subtable) {
      subtable = new Subtable(entry.mask);
      this.#byMask.set(key, subtable);
      this.#subtables.push(subtable);
    }
    subtable.insert(entry);
    this.#tries.insert(entry, subtable.prefixes);
    this.size++;
    this.#sort();
  }

  remove(entry: FlowEntry): void {
    const key = maskKey(entry.mask);
    const subtable = this.#byMask.get(key);
    if (!subtable) throw new Error(`no flow with the mask of ${entry.table}/${entry.priority}`);
    subtable.remove(entry);
    this.#tries.remove(entry, subtable.prefixes);
    this.size--;
    if (subtable.size === 0) {
      this.#byMask.delete(key);
      this.#subtables = this.#subtables.filter((s) => s !== subtable);
    }
    this.#sort();
  }

  find(value: Flow, mask: Flow, priority: number): FlowEntry | undefined {
    return this.#byMask.get(maskKey(mask))?.find(value, priority);
  }

  lookup(flow: Flow, wildcards: Flow): LookupResult {
    this.#tries.begin();
    let hard: FlowEntry | undefined;
    let soft: Entries[] | undefined;
    for (const subtable of this.#subtables) {
      if (subtable.maxPriority <= (hard?.priority ?? BELOW_ALL)) break;
      const found = subtable.lookup(flow, wildcards, this.#tries);
      if (!found || found[0].priority <= (hard?.priority ?? BELOW_ALL)) continue;
      if (found[0].conjunctions.length === 0) hard = found[0];
      else (soft ??= []).push(found);
    }
    if (soft) return findConjunctive(soft, hard, (id) => this.#lookupConjId(flow, wildcards, id));
    return hard ? { entry: hard } : NOTHING;
  }

  /** The best flow when conj_id is `id`; clause flows do not count. */
  #lookupConjId(flow: Flow, wildcards: Flow, id: number): FlowEntry | undefined {
    return withConjId(flow, id, () => {
      let best: FlowEntry | undefined;
      for (const subtable of this.#subtables) {
        if (subtable.maxPriority <= (best?.priority ?? BELOW_ALL)) break;
        const found = subtable.lookup(flow, wildcards, this.#tries);
        const entry = found?.find((e) => e.conjunctions.length === 0);
        if (entry && entry.priority > (best?.priority ?? BELOW_ALL)) best = entry;
      }
      return best;
    });
  }

  #sort(): void {
    const subtables = this.#subtables;
    if (subtables.every((s, i) => i === 0 || subtables[i - 1].maxPriority >= s.maxPriority)) return;
    subtables.sort((a, b) => b.maxPriority - a.maxPriority);
  }
}

function maskKey(mask: Flow): string {
  return Buffer.from(mask.buffer, mask.byteOffset, mask.length).toString('latin1');
}
