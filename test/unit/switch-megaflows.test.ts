// What TypeScript knows of the installed megaflows: found, credited, removed.
import { beforeEach, describe, expect, it } from 'vitest';
import type { Dependencies } from '../../dataplane/datapath/dependencies.js';
import { Megaflows, type Megaflow, type MegaflowContent } from '../../dataplane/datapath/megaflows.js';
import { KEY_SIZE, type NativeFlowChange } from '../../dataplane/datapath/native.js';

/** The addon's side: counters by id, as flowStats and takeFlows give them. */
class FakeCache {
  counters = new Map<number, { packets: number; bytes: number; used: bigint }>();
  actions = new Map<number, Uint8Array>();
  hit(id: number, packets: number, bytes: number, used = 1n): void {
    const c = this.counters.get(id) ?? { packets: 0, bytes: 0, used: 0n };
    this.counters.set(id, { packets: c.packets + packets, bytes: c.bytes + bytes, used });
  }
  flowStats(ids = [...this.counters.keys()]): BigUint64Array {
    return BigUint64Array.from(
      ids.flatMap((id) => {
        const c = this.counters.get(id);
        return c ? [BigInt(id), BigInt(c.packets), BigInt(c.bytes), c.used, 2n] : [];
      }),
    );
  }
  takeFlows(ids?: number[]): BigUint64Array {
    const stats = this.flowStats(ids);
    for (const id of ids ?? [...this.counters.keys()]) this.counters.delete(id);
    return stats;
  }
  changeFlows(changes: NativeFlowChange[]): BigUint64Array {
    const stats = this.flowStats(changes.map(({ id }) => id));
    for (const { id, actions } of changes) {
      if (actions === null) this.counters.delete(id);
      else if (actions) this.actions.set(id, actions);
    }
    return stats;
  }
}

const SECOND = 1_000_000_000n;

function bytes(at: Record<number, number>): Uint8Array {
  const b = new Uint8Array(KEY_SIZE);
  for (const [offset, value] of Object.entries(at)) b[Number(offset)] = value;
  return b;
}

const NOTHING: Dependencies = { looks: [], groups: [], ports: [], allPorts: false, taught: [] };

function content(mask: Uint8Array, more: Partial<MegaflowContent> = {}): MegaflowContent {
  return {
    mask,
    actions: [],
    encoded: new Uint8Array(),
    entries: [],
    learned: [],
    asked: [],
    dependencies: NOTHING,
    ...more,
  };
}

let cache: FakeCache;
let credited: { id: number; packets: number; bytes: number }[];
let now: bigint;
let megaflows: Megaflows;

beforeEach(() => {
  cache = new FakeCache();
  credited = [];
  now = 100n * SECOND;
  megaflows = new Megaflows(
    cache,
    { credit: (flow: Megaflow, packets, size) => credited.push({ id: flow.id, packets, bytes: size }) },
    () => now,
    3,
  );
});

describe('switch: megaflows', () => {
  it('finds the one that covers a key, whatever the mask leaves out', () => {
    const mask = bytes({ 7: 0xff, 120: 0xf0 });
    const put = megaflows.add(bytes({ 7: 2, 120: 0xab, 130: 9 }), content(mask))!;
    expect(put.key).toEqual(bytes({ 7: 2, 120: 0xa0 }));
    expect(megaflows.lookup(bytes({ 7: 2, 120: 0xaf, 131: 1 }))?.id).toBe(put.id);
    expect(megaflows.lookup(bytes({ 7: 2, 120: 0xbf }))).toBeUndefined();
  });

  it('credits each packet once over several readings', () => {
    const { id } = megaflows.add(bytes({ 7: 1 }), content(bytes({ 7: 0xff })))!;
    cache.hit(id, 3, 300);
    expect(megaflows.sync()).toBe(3);
    expect(megaflows.sync()).toBe(0);
    cache.hit(id, 2, 200);
    megaflows.purge();
    expect(credited).toEqual([
      { id, packets: 3, bytes: 300 },
      { id, packets: 2, bytes: 200 },
    ]);
    expect(megaflows.size).toBe(0);
    expect(megaflows.lookup(bytes({ 7: 1 }))).toBeUndefined();
  });

  it('removes only what asked for an address that has changed, and keeps counting the rest', () => {
    const mask = bytes({ 7: 0xff });
    const a = megaflows.add(bytes({ 7: 1 }), content(mask, { asked: ['0/5'] }))!;
    const b = megaflows.add(bytes({ 7: 2 }), content(mask))!;
    cache.hit(a.id, 1, 60);
    cache.hit(b.id, 1, 60);
    megaflows.apply([...megaflows.withMacs(['0/5', '1/5'])].map((flow) => ({ flow })));
    expect(credited).toEqual([{ id: a.id, packets: 1, bytes: 60 }]);
    expect([...megaflows].map((f) => f.id)).toEqual([b.id]);
    expect(megaflows.sync()).toBe(1);
  });

  it('expires what had no packet for ten seconds, not what is young or in use', () => {
    const mask = bytes({ 7: 0xff });
    const idle = megaflows.add(bytes({ 7: 1 }), content(mask))!;
    const used = megaflows.add(bytes({ 7: 2 }), content(mask))!;
    now += 11n * SECOND;
    const young = megaflows.add(bytes({ 7: 3 }), content(mask))!;
    cache.hit(used.id, 1, 60, now - SECOND);
    megaflows.sync();
    megaflows.expire();
    expect([...megaflows].map((f) => f.id)).toEqual([used.id, young.id]);
    expect(megaflows.lookup(bytes({ 7: 1 }))).toBeUndefined();
    expect(idle.id).not.toBe(young.id);
  });

  it('refuses more than its limit, so that a scan cannot eat the memory', () => {
    const mask = bytes({ 7: 0xff });
    for (const n of [1, 2, 3]) expect(megaflows.add(bytes({ 7: n }), content(mask))).toBeDefined();
    expect(megaflows.add(bytes({ 7: 4 }), content(mask))).toBeUndefined();
  });

  it('names the recirculation ids of its actions, inside of others too, and of its keys', () => {
    megaflows.add(
      bytes({ 3: 5 }),
      content(bytes({ 3: 0xff }), {
        actions: [
          { type: 'clone', actions: [{ type: 'recirc', id: 7 }] },
          { type: 'recirc', id: 9 },
          { type: 'upcall', cookie: 11 },
          {
            type: 'check_pkt_len',
            length: 100,
            greater: [{ type: 'recirc', id: 12 }],
            lessEqual: [{ type: 'upcall', cookie: 13 }],
          },
        ],
      }),
    );
    expect(megaflows.recircIds()).toEqual(new Set([7, 9, 11, 12, 13, 5]));
  });
});
