// The order in which flows are dumped: ovs-ofctl dump-flows --sort and --rsort. Used by flow-commands.ts.
import { InputError } from './errors.js';
import { type Field, lookupField } from './key/fields.js';
import { getField } from './key/flow.js';
import type { FlowEntry } from './tables/index.js';

/** A field's name, or `priority`. */
export interface SortKey {
  by: string;
  descending: boolean;
}

/** Sorts by the keys in turn, where these are equal by the order that is. Flows without a field come after all others,
 *  whichever way it is sorted. */
export function sortFlows(entries: FlowEntry[], keys: readonly SortKey[]): FlowEntry[] {
  const comparisons = keys.map(({ by, descending }) => {
    const sign = descending ? -1 : 1;
    if (by === 'priority') return (a: FlowEntry, b: FlowEntry): number => sign * (a.priority - b.priority);
    const field = lookupField(by);
    if (!field || field.internal) throw new InputError('ESORT', `expected a field or priority to sort by, got '${by}'`);
    return (a: FlowEntry, b: FlowEntry): number => compareField(field, a, b, sign);
  });
  return entries.sort((a, b) => comparisons.reduce((result, compare) => result || compare(a, b), 0));
}

function compareField(field: Field, a: FlowEntry, b: FlowEntry, sign: number): number {
  const [ina, inb] = [a, b].map(({ mask }) => getField(mask, field) !== 0n);
  if (!ina || !inb) return Number(inb) - Number(ina);
  const [va, vb] = [getField(a.value, field), getField(b.value, field)];
  return va < vb ? -sign : va > vb ? sign : 0;
}
