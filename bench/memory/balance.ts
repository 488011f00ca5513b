// Whether a switch in memory sent what it read, or says why not, while frames fly. Used by the datapath trials; throws
// CountersDiffer when frames were lost in silence or doubled.
import { setTimeout as sleep } from 'node:timers/promises';
import { CountersDiffer, differing } from '../check.js';
import type { MemoryCounts, MemorySwitch } from '../types.js';

/** Threads of OVS tell what they dropped about once a second. */
const AGREE_MS = 5000;
const POLL_MS = 100;

/**
 * Read, and neither sent nor said to be dropped or waiting: the same at any time, or frames were lost or doubled in
 * between.
 */
export function unaccounted({ received, sent, notSent }: MemoryCounts): number {
  return Object.values(notSent).reduce((left, n) => left - n, received - sent);
}

/** Ports are read one after another while frames fly; a reading that fell between is taken again, a loss stays. */
export async function agreedCounts(sw: MemorySwitch, like?: number): Promise<MemoryCounts> {
  let now = await sw.counts();
  let before = like;
  for (const deadline = Date.now() + AGREE_MS; Date.now() < deadline; await sleep(POLL_MS)) {
    if (before !== undefined && Math.abs(unaccounted(now) - before) <= sw.onTheWay) break;
    before = like ?? unaccounted(now);
    now = await sw.counts();
  }
  return now;
}

/**
 * Throws CountersDiffer unless each frame read between the two was sent, or is said to be dropped or waiting. In words.
 */
export function mustBalance(before: MemoryCounts, after: MemoryCounts, onTheWay: number): string {
  const lost = unaccounted(after) - unaccounted(before);
  const reasons = Object.entries(after.notSent).map(([why, n]) => ({ why, n: n - (before.notSent[why] ?? 0) }));
  const numbers = [
    `${after.received - before.received} frames read`,
    `${after.sent - before.sent} sent`,
    ...reasons.filter(({ n }) => n !== 0).map(({ why, n }) => `${n} ${why}`),
  ].join(', ');
  if (Math.abs(lost) > onTheWay) throw new CountersDiffer([differing('in the switch', lost, 0)], numbers);
  return numbers;
}
