// Work between pods, with every counter on the way read before and after it. Used by the trials; throws CountersDiffer
// when a packet was lost that nobody counted as dropped, or doubled.
import { setTimeout as sleep } from 'node:timers/promises';
import { mismatches, mustAddUp, since, type Station } from './check.js';
import { receivingInterfaces, sendingInterfaces } from './stations.js';
import type { Deployment, Way } from './types.js';

const POLL_MS = 30;
/** Our ports ask the kernel once a second for what it dropped, OVS's threads tell it about as often. */
const STILL_MS = 2500;
const MOST_MS = 20_000;

async function read(ways: readonly Way[], deployment: Deployment): Promise<Station[]> {
  const [first, middle, last] = await Promise.all([
    sendingInterfaces(ways),
    deployment.stations(ways),
    receivingInterfaces(ways),
  ]);
  return [first, ...middle, last];
}

/** Reads until `good`, or until nothing has moved for so long; the last reading in any case. */
async function settled(
  take: () => Promise<Station[]>,
  stillMs: number,
  good: (stations: readonly Station[]) => boolean,
): Promise<Station[]> {
  const deadline = Date.now() + MOST_MS;
  for (let [last, moved] = ['', Date.now()]; ; await sleep(POLL_MS)) {
    const stations = await take();
    const now = JSON.stringify(stations);
    if (now !== last) [last, moved] = [now, Date.now()];
    if (good(stations) || Date.now() - moved >= stillMs || Date.now() > deadline) return stations;
  }
}

/**
 * Does `work`, then waits until all counters add up. `sent`: what the sender of the first way says that it sent, where
 * it does. Resolves to the work's result, and what was counted at each place.
 */
export async function counted<T>(
  ways: readonly Way[],
  deployment: Deployment,
  work: () => Promise<T>,
  sent?: (result: T) => number,
): Promise<{ result: T; stations: Station[] }> {
  const before = await settled(
    () => read(ways, deployment),
    POLL_MS,
    () => false,
  );
  const result = await work();
  const n = sent?.(result);
  const sender: Station[] = n === undefined ? [] : [{ name: 'sender', ways: [{ in: n, out: n }], dropped: {} }];
  const now = async () => [...sender, ...since(before, await read(ways, deployment))];
  const stations = await settled(now, STILL_MS, (all) => mismatches(all).length === 0);
  mustAddUp(stations);
  return { result, stations };
}
