// The walks that the page knows, newest last, at most so many: a pure reducer over what the server tells. store.ts
// holds the result in a signal; the list draws it by connection.
import type { WalkSummary } from '../../schema/walk.js';

export interface WalkList {
  walks: readonly WalkSummary[];
  /** Told by the server but not held here any more, or never sent because there were too many at once. */
  gone: number;
}

/** Walks that the page holds at most. */
export const MAX_WALKS = 300;

export const NO_WALKS: WalkList = { walks: [], gone: 0 };

export function addWalks(list: WalkList, walks: readonly WalkSummary[], more = 0, max = MAX_WALKS): WalkList {
  const known = new Set(list.walks.map((w) => w.id));
  const all = [...list.walks, ...walks.filter((w) => !known.has(w.id))].sort((a, b) => a.id - b.id);
  const over = Math.max(0, all.length - max);
  return { walks: all.slice(over), gone: list.gone + over + more };
}

export interface ConnectionGroup {
  /** 0: a trace of one packet; negative: a simulated round trip. */
  connection: number;
  proto: string;
  src: string;
  dst: string;
  walks: WalkSummary[];
  dropped: boolean;
}

/** By connection, the one that had a packet last first; its packets in order. */
export function byConnection(walks: readonly WalkSummary[]): ConnectionGroup[] {
  const groups = new Map<string, ConnectionGroup>();
  for (const walk of walks) {
    const key = walk.simulated && walk.connection === 0 ? `trace ${walk.id}` : String(walk.connection);
    const group = groups.get(key) ?? {
      connection: walk.connection,
      proto: walk.proto,
      src: walk.src,
      dst: walk.dst,
      walks: [],
      dropped: false,
    };
    groups.delete(key); // so that the last one touched is last
    groups.set(key, { ...group, walks: [...group.walks, walk], dropped: group.dropped || walk.dropped !== undefined });
  }
  return [...groups.values()].reverse();
}

export function matches(walk: WalkSummary, text: string): boolean {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const all =
    `#${walk.id} ${walk.proto} ${walk.src} ${walk.dst} ${walk.what} ${walk.nodes.join(' ')} ${walk.dropped === undefined ? '' : `dropped ${walk.dropped}`}`.toLowerCase();
  return words.every((word) => all.includes(word));
}
