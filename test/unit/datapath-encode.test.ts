// Datapath actions to bytes and back, and what is refused on the way.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DatapathAction, DatapathNat } from '../../dataplane/datapath/actions.js';
import { DROP_REASONS } from '../../dataplane/datapath/drop-reasons.js';
import { decodeActions, encodeActions } from '../../dataplane/datapath/encode.js';
import { KEY_FIELDS, type FieldName } from '../../dataplane/datapath/key-fields.js';
import { InputError } from '../../dataplane/errors.js';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

const settable = [
  'dl_src',
  'dl_dst',
  'vlan_tci',
  'nw_src',
  'nw_dst',
  'nw_tos',
  'nw_ttl',
  'ipv6_src',
  'ipv6_dst',
  'ipv6_label',
  'arp_op',
  'arp_sha',
  'arp_tha',
  'tp_src',
  'tp_dst',
  'icmp_type',
  'icmp_code',
  'nd_target',
  'pkt_mark',
] as const;
const uint = (max: number): fc.Arbitrary<number> => fc.integer({ min: 0, max });
const bytes = (n: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: n, maxLength: n });
const setAction = fc.constantFrom(...settable).chain((field) => {
  const size = KEY_FIELDS[field][1];
  const type = fc.constant('set' as const);
  return fc.record({ type, field: fc.constant(field), value: bytes(size), mask: bytes(size) });
});
/** As decodeActions prints it: no maximum that is the minimum. */
const nat: fc.Arbitrary<DatapathNat> = fc.oneof(
  fc.constant<DatapathNat>({ kind: 'restore', flags: [] }),
  fc.record(
    {
      kind: fc.constantFrom('src' as const, 'dst' as const),
      flags: fc.subarray(['random', 'hash', 'persistent'] as ('random' | 'hash' | 'persistent')[]),
      minAddr: fc.constantFrom('192.0.2.1', '2001:db8::7'),
      minPort: fc.integer({ min: 1, max: 0xffff }),
    },
    { requiredKeys: ['kind', 'flags'] },
  ),
  fc.constant<DatapathNat>({ kind: 'src', flags: ['hash'], minAddr: '192.0.2.1', maxAddr: '192.0.2.9' }),
  fc.constant<DatapathNat>({ kind: 'src', flags: [], minAddr: '192.0.2.1', minPort: 5, maxPort: 9 }),
  fc.constant<DatapathNat>({ kind: 'dst', flags: [], minAddr: '2001:db8::1', maxAddr: '2001:db8::1:0' }),
);
const { list } = fc.letrec<{ action: DatapathAction; list: DatapathAction[] }>((tie) => ({
  list: fc.array(tie('action'), { maxLength: 5 }),
  action: fc.oneof(
    { maxDepth: 4 },
    fc.record({ type: fc.constant('output' as const), port: fc.integer({ min: 1, max: 0xffff }) }),
    setAction,
    fc.record({ type: fc.constant('push_vlan' as const), tpid: uint(0xffff), tci: uint(0xffff) }),
    fc.constant({ type: 'pop_vlan' as const }),
    fc.constant({ type: 'ct_clear' as const }),
    fc.record({ type: fc.constant('set_tunnel' as const), key: bytes(312) }),
    fc.record(
      {
        type: fc.constant('ct' as const),
        alg: fc.constantFrom('ftp' as const, 'tftp' as const),
        zone: uint(0xffff),
        commit: fc.boolean(),
        force: fc.boolean(),
        mark: fc.record({ value: uint(0xffffffff), mask: uint(0xffffffff) }),
        label: fc.record({ value: bytes(16), mask: bytes(16) }),
        nat,
      },
      { requiredKeys: ['type', 'zone', 'commit', 'force'] },
    ),
    fc.record({ type: fc.constant('recirc' as const), id: fc.integer({ min: 1, max: 0xffffffff }) }),
    fc.record({ type: fc.constant('drop' as const), reason: fc.constantFrom(...DROP_REASONS) }),
    fc.record({ type: fc.constant('upcall' as const), cookie: uint(0xffffffff) }),
    fc.record({ type: fc.constant('clone' as const), actions: tie('list') }),
    fc.record({ type: fc.constant('meter' as const), id: uint(0xffffffff) }),
    fc.record({
      type: fc.constant('check_pkt_len' as const),
      length: uint(0xffff),
      greater: tie('list'),
      lessEqual: tie('list'),
    }),
    fc.record({ type: fc.constant('trunc' as const), size: fc.integer({ min: 14, max: 0xffffffff }) }),
  ) as fc.Arbitrary<DatapathAction>,
}));

function set(field: FieldName, valueSize: number, maskSize: number): DatapathAction {
  return { type: 'set', field, value: new Uint8Array(valueSize), mask: new Uint8Array(maskSize) };
}

const src: DatapathNat = { kind: 'src', flags: [] };

describe('encodeActions', () => {
  it('writes little-endian records of type, size and payload', () => {
    expect(hex(encodeActions([{ type: 'output', port: 0x1234 }]))).toBe('0100080034120000');
    expect(hex(encodeActions([{ type: 'pop_vlan' }]))).toBe('04000400');
    expect(hex(encodeActions([{ type: 'recirc', id: 7 }]))).toBe('0800080007000000');
    expect(hex(encodeActions([{ type: 'drop', reason: 'flow' }]))).toBe('0900080001000000');
    expect(hex(encodeActions([{ type: 'meter', id: 5 }]))).toBe('0d00080005000000');
    const outputs = {
      greater: [{ type: 'output' as const, port: 1 }],
      lessEqual: [{ type: 'output' as const, port: 2 }],
    };
    expect(hex(encodeActions([{ type: 'check_pkt_len', length: 1500, ...outputs }]))).toBe(
      '0e001c00' + 'dc050000' + '08000000' + '0100080001000000' + '0100080002000000',
    );
    const clone: DatapathAction = { type: 'clone', actions: [{ type: 'output', port: 1 }] };
    expect(hex(encodeActions([clone, { type: 'pop_vlan' }]))).toBe('0b000c000100080001000000' + '04000400');
  });

  it('writes a set with offset, size, value and mask in network order, padded to four bytes', () => {
    const set: DatapathAction = { type: 'set', field: 'nw_ttl', value: Uint8Array.of(63), mask: Uint8Array.of(255) };
    expect(hex(encodeActions([set]))).toBe('02000c00' + '70000100' + '3fff0000');
  });

  it('writes ct with zone, flags, mark and label, and an empty nat part', () => {
    const mark = { value: 0x20, mask: 0x30 };
    const record = encodeActions([{ type: 'ct', zone: 0xfff0, commit: true, force: false, mark }]);
    expect(record.length).toBe(88);
    expect(hex(record.subarray(0, 16))).toBe('06005800' + 'f0ff0500' + '20000000' + '30000000');
    expect(record.subarray(16).every((b) => b === 0)).toBe(true);
  });

  it('gives an empty list no bytes', () => {
    expect(encodeActions([]).length).toBe(0);
  });

  it('is undone by decodeActions, whatever the list', () => {
    const undone = fc.property(list, (actions) => {
      expect(decodeActions(encodeActions(actions))).toEqual(actions);
    });
    fc.assert(undone, { seed: 20200902, numRuns: 300 });
  });

  it.each<[string, DatapathAction, RegExp]>([
    ['a port above 65535', { type: 'output', port: 65536 }, /output: expected a number from 1 to 65535, got 65536/],
    ['a port that is no integer', { type: 'output', port: 1.5 }, /output: expected/],
    ['an unknown drop reason', { type: 'drop', reason: 'tired' }, /drop: expected one of none, flow, .*, got tired/],
    ['a zone above 65535', { type: 'ct', zone: -1, commit: false, force: false }, /ct zone: expected/],
    ['recirculation to 0', { type: 'recirc', id: 0 }, /recirc: expected/],
    ['a trunc below an Ethernet header', { type: 'trunc', size: 13 }, /trunc: expected/],
    ['a field that cannot be set', set('nw_proto', 1, 1), /set: expected one of .*, got nw_proto/],
    ['a value of the wrong size', set('nw_dst', 3, 4), /value of set nw_dst: expected 4 bytes, got 3/],
    ['a mask of the wrong size', set('nw_dst', 4, 5), /mask of set nw_dst: expected 4 bytes, got 5/],
    ['half a tunnel', { type: 'set_tunnel', key: new Uint8Array(311) }, /set_tunnel: expected 312 bytes, got 311/],
  ])('refuses %s', (_, action, message) => {
    expect(() => encodeActions([action])).toThrow(InputError);
    expect(() => encodeActions([action])).toThrow(message);
    expect(() => encodeActions([{ type: 'clone', actions: [action] }])).toThrow(message);
  });

  it('refuses clones nested deeper than the addon takes', () => {
    const nest = (depth: number): DatapathAction[] =>
      depth === 0 ? [] : [{ type: 'clone', actions: nest(depth - 1) }];
    expect(encodeActions(nest(8)).length).toBe(32);
    expect(() => encodeActions(nest(9))).toThrow(/clone: expected at most 8 levels, got 9/);
  });

  it('writes nat with kind, flags, addresses in network order and ports', () => {
    const nat: DatapathNat = { kind: 'src', flags: ['random', 'persistent'], minAddr: '192.0.2.1', minPort: 0x400 };
    const record = encodeActions([{ type: 'ct', zone: 1, commit: true, force: false, nat }]);
    expect(hex(record.subarray(48, 56))).toBe('02050000' + 'c0000201');
    expect(hex(record.subarray(68, 72))).toBe('c0000201');
    expect(hex(record.subarray(84))).toBe('00040004');
  });

  it.each<[string, DatapathNat, RegExp]>([
    ['an address that is none', { ...src, minAddr: '192.0.2' }, /expected an IPv4 address/],
    ['a range that ends before it begins', { ...src, minAddr: '192.0.2.9', maxAddr: '192.0.2.1' }, /from 192.0.2.9 on/],
    ['a range over two families', { ...src, minAddr: '2001:db8::1', maxAddr: '192.0.2.1' }, /expected an IPv6/],
    ['ports that end before they begin', { ...src, minPort: 9, maxPort: 8 }, /a port from 9 on, got 8/],
    ['restore with an address', { ...src, kind: 'restore', minAddr: '192.0.2.1' }, /expected src or dst, got restore/],
  ])('refuses nat with %s', (_, nat, message) => {
    expect(() => encodeActions([{ type: 'ct', zone: 1, commit: true, force: false, nat }])).toThrow(InputError);
    expect(() => encodeActions([{ type: 'ct', zone: 1, commit: true, force: false, nat }])).toThrow(message);
  });
});

describe('decodeActions', () => {
  it('refuses records that are cut short or of an unknown type', () => {
    expect(() => decodeActions(Uint8Array.of(1, 0, 8, 0, 1, 0))).toThrow(InputError);
    expect(() => decodeActions(Uint8Array.of(1, 0, 0, 0))).toThrow(InputError);
    expect(() => decodeActions(Uint8Array.of(99, 0, 4, 0))).toThrow(/action type: expected a known one, got 99/);
  });
});
