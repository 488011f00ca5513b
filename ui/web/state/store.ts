// What the whole page shares, in signals: the lab, the walks, the state of the watch, the connection to the server.
// Filled from the server's events; views read the signals and are drawn again when they change.
import { signal } from '@preact/signals';
import type { Topology } from '../../schema/lab.js';
import type { WatchState } from '../../schema/requests.js';
import type { Walk } from '../../schema/walk.js';
import { api, listen } from './api.js';
import { addWalks, NO_WALKS, type WalkList } from './walks.js';

export const topology = signal<Topology | undefined>(undefined);
export const walks = signal<WalkList>(NO_WALKS);
export const watch = signal<WatchState | undefined>(undefined);
export const connected = signal(true);
/** The last thing that went wrong, or a remark; said aloud by screen readers. */
export const message = signal('');
/** The list follows new walks by opening the first packet of each new connection. */
export const following = signal(true);

/** Walks that were opened, with all their stages; the oldest is forgotten first. */
const opened = new Map<number, Walk>();
const MAX_OPENED = 30;

export function say(text: string): void {
  message.value = text;
}

/** Runs something that may fail; what went wrong is said. */
export async function trying<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    say((error as Error).message);
    return undefined;
  }
}

export async function loadWalk(id: number): Promise<Walk> {
  let walk = opened.get(id);
  if (!walk) {
    walk = await api.walk(id);
    opened.set(id, walk);
    if (opened.size > MAX_OPENED) opened.delete(opened.keys().next().value!);
  }
  return walk;
}

export async function clearWalks(): Promise<void> {
  await trying(api.clear());
  opened.clear();
  walks.value = NO_WALKS;
}

export function start(): void {
  const reload = async (): Promise<void> => {
    topology.value = (await trying(api.topology())) ?? topology.value;
    walks.value = addWalks(walks.value, (await trying(api.walks())) ?? []);
  };
  listen({
    walks: ({ walks: told, more }) => (walks.value = addWalks(walks.value, told, more)),
    watch: (state) => (watch.value = state),
    connected(yes) {
      if (yes) void reload();
      if (yes !== connected.value && !yes) say('The connection to packetwalk ui is lost; trying again.');
      connected.value = yes;
    },
  });
}
