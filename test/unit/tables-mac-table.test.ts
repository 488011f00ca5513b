// NORMAL's table of addresses.
import { expect, test } from 'vitest';
import { MacTable } from '../../dataplane/tables/index.js';

const A = 0x020000000001n;
const B = 0x020000000002n;

test('an address is where it was last seen, each VLAN apart', () => {
  const table = new MacTable(() => 0);
  expect(table.learn(0, A, 1)).toBe(true);
  expect(table.learn(0, A, 1)).toBe(false);
  expect(table.learn(5, A, 2)).toBe(true);
  expect([table.lookup(0, A), table.lookup(5, A), table.lookup(6, A), table.lookup(0, B)]).toEqual([
    1,
    2,
    undefined,
    undefined,
  ]);
  expect(table.learn(0, A, 3)).toBe(true);
  expect(table.lookup(0, A)).toBe(3);
  expect(table.generation).toBe(3);
});

test('a multicast source is not learned', () => {
  const table = new MacTable(() => 0);
  expect(table.learn(0, 0xffffffffffffn, 1)).toBe(false);
  expect(table.size).toBe(0);
});

test('an address not seen for 300 seconds is forgotten', () => {
  let now = 0;
  const table = new MacTable(() => now);
  table.learn(0, A, 1);
  now = 299_999;
  table.learn(0, B, 2);
  expect(table.lookup(0, A)).toBe(1);
  now = 300_000;
  expect(table.lookup(0, A)).toBeUndefined();
  expect(table.expire().map((e) => e.mac)).toEqual([A]);
  expect(table.entries().map((e) => e.mac)).toEqual([B]);
});

test('a full table forgets the address that was not seen for longest', () => {
  const table = new MacTable(() => 0, 300_000, 2);
  table.learn(0, A, 1);
  table.learn(0, B, 1);
  table.learn(0, A, 1);
  table.learn(0, 3n, 1);
  expect([table.lookup(0, A), table.lookup(0, B), table.lookup(0, 3n)]).toEqual([1, undefined, 1]);
});

test('a port that goes takes its addresses along', () => {
  const table = new MacTable(() => 0);
  table.learn(0, A, 1);
  table.learn(0, B, 2);
  table.flush(1);
  expect(table.entries().map((e) => e.port)).toEqual([2]);
});

test('fdb/show prints ports, VLANs, addresses and ages, the last seen first', () => {
  let now = 0;
  const table = new MacTable(() => now);
  table.learn(0, A, 1);
  now = 12_400;
  table.learn(7, B, 0xfffe);
  expect(table.show()).toBe(
    ' port  VLAN  MAC                Age\nLOCAL     7  02:00:00:00:00:02    0\n    1     0  02:00:00:00:00:01   12\n',
  );
});
