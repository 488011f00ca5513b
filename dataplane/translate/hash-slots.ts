// The slots of a select group, each with the number of the bucket that packets of that hash go to: Webster's method,
// slot after slot to the bucket with the largest weight per slot that it has. The same slots as OVS makes for dp_hash.
// From: actions/group.ts.
import type { GroupEntry } from '../tables/group-table.js';

const MIN_SLOTS = 16;
/** What OVS spends on a group that asks for dp_hash, and on one that asks for nothing. */
export const MAX_SLOTS = 256;
export const MAX_SLOTS_BY_DEFAULT = 64;

const known = new WeakMap<GroupEntry, readonly number[]>();

/** undefined: the weights would need more slots than `most`, or all are 0. */
export function slotsOf(entry: GroupEntry, most: number): readonly number[] | undefined {
  let slots = known.get(entry);
  if (!slots)
    known.set(
      entry,
      (slots = share(
        entry.buckets.map(({ spec }) => spec.weight),
        most,
      )),
    );
  return slots.length === 0 ? undefined : slots;
}

function share(weights: readonly number[], most: number): number[] {
  const positive = weights.filter((weight) => weight > 0);
  if (positive.length === 0) return [];
  const needed = Math.ceil(positive.reduce((sum, weight) => sum + weight, 0) / Math.min(...positive));
  const count = Math.max(MIN_SLOTS, 2 ** Math.ceil(Math.log2(needed)));
  if (count > most) return [];
  const slots: number[] = [];
  const divisors = weights.map(() => 1);
  while (slots.length < count) {
    let winner = 0;
    weights.forEach((weight, i) => {
      if (weight / divisors[i] > weights[winner] / divisors[winner]) winner = i;
    });
    divisors[winner] += 2;
    slots.push(winner);
  }
  return slots;
}
