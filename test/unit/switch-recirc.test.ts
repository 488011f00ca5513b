// Recirculation ids and the frozen states behind them.
import { describe, expect, it } from 'vitest';
import { RecircTable } from '../../dataplane/datapath/recirc.js';
import type { FrozenState } from '../../dataplane/translate/types.js';

const state = (table: number, reg = 0): FrozenState => ({
  table,
  pipeline: Uint8Array.of(reg, 1, 2),
  inPort: 1,
  stack: [],
});

describe('switch: recirculation ids', () => {
  it('are shared by equal states and differ for different ones', () => {
    const table = new RecircTable(() => 0);
    const a = table.allocate(state(31));
    expect(a).toBeGreaterThan(0);
    expect(table.allocate(state(31))).toBe(a);
    expect(table.allocate(state(31, 5))).not.toBe(a);
    expect(table.allocate(state(110))).not.toBe(a);
    expect(table.get(a)).toEqual(state(31));
  });

  it('keep the state as it was when it was frozen', () => {
    const table = new RecircTable(() => 0);
    const live = state(31, 1);
    const id = table.allocate(live);
    live.pipeline[0] = 99;
    expect(table.get(id)!.pipeline[0]).toBe(1);
    expect(table.allocate(state(31, 1))).toBe(id);
  });

  it('are forgotten when no megaflow names them and they were not used for a while, and are not used again', () => {
    let now = 0;
    const table = new RecircTable(() => now);
    const named = table.allocate(state(1));
    const forgotten = table.allocate(state(2));
    const used = table.allocate(state(3));
    now = 9_000;
    table.get(used);
    now = 11_000;
    table.collect(new Set([named]));
    expect(table.get(named)).toBeDefined();
    expect(table.get(used)).toBeDefined();
    expect(table.get(forgotten)).toBeUndefined();
    expect(table.allocate(state(2))).toBeGreaterThan(used);
  });
});
