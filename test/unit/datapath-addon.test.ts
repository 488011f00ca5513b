// The real addon on memory ports, as dataplane/datapath/ uses it: upcalls, answers, conntrack over recirculation,
// watched packets, bounds, counters, and its end. Frames are made by dataplane/wire, which shares no code with it.
import { spawnSync } from 'node:child_process';
import { afterEach, describe, expect, it } from 'vitest';
import type { DatapathAction, DatapathNat } from '../../dataplane/datapath/actions.js';
import { addonPath, compareLayout } from '../../dataplane/datapath/addon.js';
import { encodeActions } from '../../dataplane/datapath/encode.js';
import { KEY_FIELDS, type FieldName } from '../../dataplane/datapath/key-fields.js';
import {
  KEY_SIZE,
  type NativeDatapath,
  type NativeKeyField,
  type NativeOptions,
  type NativeUpcall,
} from '../../dataplane/datapath/native.js';
import { buildFrame, keyFromFrame, pseudoSum, tcpFlagBits } from '../../dataplane/wire/index.js';
import { addon } from '../helpers/addon.js';

const native = addon.native!;
const ethernet = { dl_src: '02:00:00:00:00:01', dl_dst: '02:00:00:00:00:02' };
const ipv4 = { nw_src: '192.0.2.1', nw_dst: '198.51.100.2' };
const back = {
  ethernet: { dl_src: ethernet.dl_dst, dl_dst: ethernet.dl_src },
  ipv4: { nw_src: ipv4.nw_dst, nw_dst: ipv4.nw_src },
};
const udp = buildFrame({ ethernet, ipv4, udp: { udp_src: 1000, udp_dst: 53 }, payload: Buffer.from('hello') });
const syn = buildFrame({
  ethernet,
  ipv4,
  tcp: { tcp_src: 1000, tcp_dst: 80, seq: 1000, tcp_flags: tcpFlagBits('syn') },
});
const synAck = buildFrame({
  ...back,
  tcp: { tcp_src: 80, tcp_dst: 1000, seq: 5000, ack: 1001, tcp_flags: tcpFlagBits('syn|ack') },
});

const NEW = 0x01,
  EST = 0x02,
  RPL = 0x08,
  TRK = 0x20;

function maskOf(...fields: FieldName[]): Uint8Array {
  const mask = new Uint8Array(KEY_SIZE);
  for (const f of fields) mask.fill(0xff, KEY_FIELDS[f][0], KEY_FIELDS[f][0] + KEY_FIELDS[f][1]);
  return mask;
}
function read(key: Uint8Array, field: FieldName): number {
  const [offset, size] = KEY_FIELDS[field];
  return Buffer.from(key).readUIntBE(offset, size);
}

/** A running datapath with memory ports 1 and 2 that collects its upcalls. */
class Bench {
  readonly upcalls: NativeUpcall[] = [];
  readonly dp: NativeDatapath;
  #told: (() => void) | undefined;
  constructor(options: Partial<NativeOptions> = {}) {
    this.dp = new native.Datapath({
      onUpcalls: (list) => {
        this.upcalls.push(...list);
        this.#told?.();
      },
      onEvent: () => {},
      ...options,
    });
    for (const no of [1, 2]) this.dp.addPort({ no, name: `p${no}`, kind: 'memory', mtu: 1500 });
    this.dp.start();
  }
  /** The next upcall, when it comes. */
  async upcall(): Promise<NativeUpcall> {
    this.dp.drain();
    while (this.upcalls.length === 0) await new Promise<void>((resolve) => (this.#told = resolve));
    return this.upcalls.shift()!;
  }
  send(port: number, frame: Uint8Array): Uint8Array[] {
    this.dp.inject(port, frame);
    this.dp.drain();
    return this.dp.collect(3 - port);
  }
  answer(u: NativeUpcall, actions: DatapathAction[], mask?: Uint8Array, id = 1): void {
    this.dp.complete(u.slot, encodeActions(actions), mask && { id, key: u.key, mask });
  }
  balance(): number {
    const c = this.dp.counters();
    const dropped = Object.values(c.drops).reduce((a, b) => a + b, 0);
    expect(c.consumed).toBe(c.delivered + dropped);
    return c.received + c.executed + c.copied - c.consumed - c.upcallsPending - c.fragmentsHeld;
  }
}

describe.skipIf(!native)(`the addon${addon.missing ? ` (skipped: ${addon.missing})` : ''}`, () => {
  const open: Bench[] = [];
  function bench(options?: Partial<NativeOptions>): Bench {
    const b = new Bench(options);
    open.push(b);
    return b;
  }
  afterEach(() => {
    for (const b of open.splice(0)) b.dp.stop();
  });

  it('agrees with the field table and the drop reasons, and says where it would not', () => {
    expect(compareLayout(native)).toBeUndefined();
    expect(compareLayout({ ...native, keySize: 500 })).toBe('key size: expected 512, got 500');
    const withLayout = (keyLayout: NativeKeyField[]): string | undefined => compareLayout({ ...native, keyLayout });
    const moved = native.keyLayout.map((f) => (f.name === 'nw_src' ? { ...f, offset: 8 } : f));
    expect(withLayout(moved)).toBe('field nw_src: expected 4 bytes at 116, got 4 at 8');
    expect(withLayout(native.keyLayout.slice(1))).toBe('field recirc_id: expected at 0, got none');
    const more = [...native.keyLayout, { name: 'x', offset: 0, size: 1 }];
    expect(withLayout(more)).toBe('field x: expected none, got one');
    const reasons = native.dropReasons.slice(1);
    expect(compareLayout({ ...native, dropReasons: reasons })).toMatch(/^drop reasons: expected none,flow/);
  });

  it('extracts a key without a datapath', () => {
    const key = native.extract(udp, 7);
    expect(key.length).toBe(KEY_SIZE);
    expect(read(key, 'in_port')).toBe(7);
    expect(read(key, 'nw_dst')).toBe(0xc6336402);
    expect(read(key, 'tp_dst')).toBe(53);
  });

  it('tells a miss with key, frame and time; the answer forwards it, the next frame hits the megaflow', async () => {
    const b = bench();
    expect(b.send(1, udp)).toEqual([]);
    const u = await b.upcall();
    expect(u).toMatchObject({ reason: 'miss', size: udp.length, gsoSize: 0, csumPartial: false });
    expect(u).toMatchObject({ traceId: 0, cookie: 0 });
    expect(Buffer.from(u.frame)).toEqual(Buffer.from(udp));
    expect(Buffer.from(u.key)).toEqual(Buffer.from(native.extract(udp, 1)));
    expect(Math.abs(Number(u.timeNs / 1_000_000n) - Date.now())).toBeLessThan(10_000);
    expect(b.balance()).toBe(0);
    b.answer(u, [{ type: 'output', port: 2 }], maskOf('in_port', 'dl_type', 'nw_proto'));
    expect(b.dp.collect(2).map((f) => Buffer.from(f))).toEqual([Buffer.from(udp)]);
    expect(b.send(1, udp).length).toBe(1);
    expect(b.dp.counters()).toMatchObject({ received: 2, sent: 2, delivered: 2, upcalls: 1, upcallsPending: 0 });
    expect(b.dp.counters()).toMatchObject({ misses: 1, megaflowHits: 1, megaflows: 1 });
    const [id, packets, bytes, used] = b.dp.flowStats();
    // The packet that waited is the slow path's to count.
    expect([id, packets, bytes]).toEqual([1n, 1n, BigInt(udp.length)]);
    expect(used).toBeGreaterThan(0n);
    b.dp.delFlow(1);
    expect(b.send(1, udp)).toEqual([]);
    expect(b.dp.counters().megaflows).toBe(0);
    expect(b.balance()).toBe(0);
  });

  it('shows at most 512 bytes of a frame, and sends all of it', async () => {
    const b = bench();
    const payload = new Uint8Array(1400).fill(7);
    const large = buildFrame({ ethernet, ipv4, udp: { udp_src: 1, udp_dst: 2 }, payload });
    b.dp.inject(1, large);
    const u = await b.upcall();
    expect(u.frame.length).toBe(512);
    expect(u.size).toBe(large.length);
    b.answer(u, [{ type: 'output', port: 2 }]);
    expect(b.dp.collect(2)[0].length).toBe(large.length);
  });

  it('tracks a connection over recirculation: +new at first, +est+rpl for the answer', async () => {
    const b = bench();
    const ct: DatapathAction = { type: 'ct', zone: 9, commit: false, force: false };
    const commit: DatapathAction = { ...ct, commit: true, mark: { value: 0x20, mask: 0xff } };
    b.dp.inject(1, syn);
    b.answer(await b.upcall(), [ct, { type: 'recirc', id: 5 }]);
    const second = await b.upcall();
    expect(read(second.key, 'recirc_id')).toBe(5);
    expect(read(second.key, 'ct_state')).toBe(NEW | TRK);
    expect(read(second.key, 'ct_zone')).toBe(9);
    b.answer(second, [commit, { type: 'output', port: 2 }]);
    expect(b.dp.collect(2).length).toBe(1);
    expect(b.dp.counters().connections).toBe(1);
    b.dp.inject(2, synAck);
    b.answer(await b.upcall(), [ct, { type: 'recirc', id: 5 }]);
    const reply = await b.upcall();
    expect(read(reply.key, 'ct_state')).toBe(EST | RPL | TRK);
    expect(read(reply.key, 'ct_mark')).toBe(0x20);
    expect(read(reply.key, 'ct_tp_dst')).toBe(80);
    b.answer(reply, [{ type: 'output', port: 1 }]);
    expect(b.dp.collect(1).length).toBe(1);
    expect(b.dp.ctDump({ zone: 9 }).length).toBe(1);
    expect(b.dp.ctStats()).toMatchObject({ connections: 1, committed: 1 });
    expect(b.dp.ctFlush({ zone: 9 })).toBe(1);
    expect(b.dp.ctDump({})).toEqual([]);
    expect(b.balance()).toBe(0);
  });

  it('translates addresses there and back, in the key, the frame and its checksums', async () => {
    const b = bench();
    const zone = { type: 'ct', zone: 3, force: false } as const;
    b.dp.inject(1, udp);
    const source: DatapathNat = { kind: 'src', minAddr: '203.0.113.5', minPort: 4000, flags: [] };
    b.answer(await b.upcall(), [
      { ...zone, commit: true, nat: source },
      { type: 'output', port: 2 },
    ]);
    const translated = buildFrame({
      ethernet,
      ipv4: { ...ipv4, nw_src: '203.0.113.5' },
      udp: { udp_src: 4000, udp_dst: 53 },
      payload: Buffer.from('hello'),
    });
    expect(Buffer.from(b.dp.collect(2)[0])).toEqual(Buffer.from(translated));
    const answer = buildFrame({
      ...back,
      ipv4: { nw_src: ipv4.nw_dst, nw_dst: '203.0.113.5' },
      udp: { udp_src: 53, udp_dst: 4000 },
    });
    b.dp.inject(2, answer);
    const restore: DatapathNat = { kind: 'restore', flags: [] };
    b.answer(await b.upcall(), [
      { ...zone, commit: false, nat: restore },
      { type: 'recirc', id: 1 },
    ]);
    const u = await b.upcall();
    expect(read(u.key, 'nw_dst')).toBe(0xc0000201);
    expect(read(u.key, 'tp_dst')).toBe(1000);
    b.answer(u, [{ type: 'output', port: 1 }]);
    const original = buildFrame({ ...back, udp: { udp_src: 53, udp_dst: 1000 } });
    expect(Buffer.from(b.dp.collect(1)[0])).toEqual(Buffer.from(original));
  });

  it('forgets a connection for the rest of the list with ct_clear', async () => {
    const b = bench();
    b.dp.inject(1, udp);
    const ct: DatapathAction = { type: 'ct', zone: 3, commit: false, force: false };
    b.answer(await b.upcall(), [ct, { type: 'ct_clear' }, { type: 'recirc', id: 1 }]);
    const u = await b.upcall();
    expect(read(u.key, 'ct_state')).toBe(0);
    expect(read(u.key, 'ct_zone')).toBe(0);
    b.answer(u, []);
  });

  it('takes a watched packet up on every pass under one number, although megaflows match', async () => {
    const b = bench();
    const all = new Uint8Array(KEY_SIZE);
    b.dp.putFlow({ id: 1, key: all, mask: all }, encodeActions([{ type: 'output', port: 2 }]));
    b.dp.setTrace({ key: native.extract(udp, 1), mask: maskOf('in_port', 'tp_dst') });
    expect(b.send(1, syn).length).toBe(1);
    expect(b.send(1, udp)).toEqual([]);
    const first = await b.upcall();
    expect(first.reason).toBe('trace');
    expect(first.traceId).not.toBe(0);
    b.answer(first, [{ type: 'recirc', id: 3 }]);
    const second = await b.upcall();
    expect(second).toMatchObject({ reason: 'trace', traceId: first.traceId });
    expect(read(second.key, 'recirc_id')).toBe(3);
    b.answer(second, [{ type: 'output', port: 2 }]);
    expect(b.dp.collect(2).length).toBe(1);
    b.dp.setTrace(null);
    expect(b.send(1, udp).length).toBe(1);
    expect(b.balance()).toBe(0);
  });

  it('lets watched packets that find no place to wait go by untold, and drops none', async () => {
    const b = bench({ upcallSlots: 16 }); // a quarter for watched packets
    const all = new Uint8Array(KEY_SIZE);
    b.dp.putFlow({ id: 1, key: all, mask: all }, encodeActions([{ type: 'output', port: 2 }]));
    b.dp.setTrace({ key: native.extract(udp, 1), mask: maskOf('in_port', 'tp_dst') });
    for (let i = 0; i < 100; i++) b.dp.inject(1, udp);
    b.dp.drain();
    expect(b.dp.counters()).toMatchObject({ upcallsPending: 4, unwatched: 96 });
    expect(b.dp.collect(2).length).toBe(96);
    const first = await b.upcall();
    b.answer(first, [{ type: 'output', port: 2 }]);
    for (const { slot } of b.upcalls.splice(0)) b.dp.complete(slot, encodeActions([{ type: 'output', port: 2 }]));
    b.dp.drain();
    expect(b.dp.collect(2).length).toBe(4);
    expect(b.balance()).toBe(0);
    expect(b.send(1, udp)).toEqual([]);
    await b.upcall();
  });

  it('bounds what waits, counts what did not fit, and takes new ones after answers', async () => {
    const b = bench({ upcallSlots: 16 }); // a reserve of 4, and 6 for each of two ports
    for (let i = 0; i < 100; i++) b.dp.inject(1, udp);
    await b.upcall();
    expect(b.upcalls.length).toBe(9);
    expect(b.dp.counters()).toMatchObject({ upcallsPending: 10, received: 100 });
    expect(b.dp.counters().drops.upcall_full).toBe(90);
    for (let i = 0; i < 100; i++) b.dp.inject(2, udp);
    b.dp.drain();
    expect(b.dp.counters().upcallsPending).toBe(16);
    expect(b.balance()).toBe(0);
    b.dp.complete(b.upcalls[0].slot, encodeActions([{ type: 'drop', reason: 'no_match' }]));
    b.dp.drain();
    expect(b.dp.counters().drops.no_match).toBe(1);
    b.dp.inject(1, udp);
    b.dp.drain();
    expect(b.dp.counters().upcallsPending).toBe(16);
    expect(b.balance()).toBe(0);
  });

  it('carries an unfinished checksum and GSO to the wire, where they are finished', async () => {
    const b = bench();
    const tcp = { tcp_src: 1, tcp_dst: 2, seq: 10, tcp_flags: tcpFlagBits('ack') };
    const big = buildFrame({ ethernet, ipv4, tcp, payload: new Uint8Array(3000) });
    // As a sender leaves it that relies on its device: the pseudo-header's sum.
    const sum = pseudoSum(big.subarray(26, 30), big.subarray(30, 34), 6, big.length - 34);
    Buffer.from(big.buffer).writeUInt16BE(sum, 50);
    b.dp.inject(1, big, { csumStart: 34, csumOffset: 16, gsoSize: 1000, gsoType: 'tcp4' });
    const u = await b.upcall();
    expect(u).toMatchObject({ csumPartial: true, gsoSize: 1000, size: big.length });
    const value = Uint8Array.of(203, 0, 113, 5);
    const rewrite: DatapathAction = { type: 'set', field: 'nw_dst', value, mask: new Uint8Array(4).fill(255) };
    b.answer(u, [rewrite, { type: 'output', port: 2 }]);
    const frames = b.dp.collect(2);
    expect(frames.length).toBe(3);
    for (const [i, frame] of frames.entries()) {
      // The same segment, built from nothing, has the same checksums.
      const expected = buildFrame({
        ethernet,
        ipv4: { nw_src: ipv4.nw_src, nw_dst: '203.0.113.5', id: Buffer.from(frame).readUInt16BE(18) },
        tcp: { ...tcp, seq: 10 + 1000 * i },
        payload: new Uint8Array(1000),
      });
      expect(Buffer.from(frame).toString('hex')).toBe(Buffer.from(expected).toString('hex'));
    }
  });

  it('counts a frame whose virtio header lies as received and dropped', () => {
    const b = bench();
    b.dp.inject(1, udp, { csumStart: udp.length, csumOffset: 6 });
    b.dp.drain();
    expect(b.dp.counters()).toMatchObject({ received: 1, upcalls: 0, drops: { bad_vnet: 1 } });
    b.dp.delPort(1);
    expect(b.dp.counters()).toMatchObject({ received: 1, drops: { bad_vnet: 1 } });
    expect(b.balance()).toBe(0);
  });

  it('sends a packet-out, and a frame to each port of a flood with its own bytes', () => {
    const b = bench();
    const rewrite: DatapathAction = { type: 'set', field: 'nw_ttl', value: Uint8Array.of(9), mask: Uint8Array.of(255) };
    b.dp.execute(
      udp,
      keyFromFrame(udp, 0xfffd).subarray(0, KEY_SIZE),
      encodeActions([{ type: 'output', port: 1 }, rewrite, { type: 'output', port: 2 }]),
    );
    expect(b.dp.collect(1)[0][22]).toBe(64);
    expect(b.dp.collect(2)[0][22]).toBe(9);
    expect(b.dp.counters()).toMatchObject({ executed: 1, sent: 2, delivered: 1 });
    expect(b.balance()).toBe(0);
  });

  it('takes flows away in one step with their last statistics', () => {
    const b = bench();
    const out = encodeActions([{ type: 'output', port: 2 }]);
    b.dp.putFlow({ id: 5, key: native.extract(udp, 1), mask: maskOf('nw_proto') }, out);
    b.dp.putFlow({ id: 6, key: native.extract(syn, 1), mask: maskOf('nw_proto') }, out);
    b.send(1, udp);
    expect([...b.dp.takeFlows([5, 99])].slice(0, 2)).toEqual([5n, 1n]);
    expect(b.dp.counters().megaflows).toBe(1);
    expect([...b.dp.takeFlows()].slice(0, 2)).toEqual([6n, 0n]);
    expect(b.dp.counters().megaflows).toBe(0);
  });

  it('gives flows other actions in place, reads and removes them, in one step with their statistics from before', () => {
    const b = bench();
    const out = (port: number): Uint8Array => encodeActions([{ type: 'output', port }]);
    b.dp.putFlow({ id: 5, key: native.extract(udp, 1), mask: maskOf('nw_proto') }, out(2));
    b.dp.putFlow({ id: 6, key: native.extract(syn, 1), mask: maskOf('nw_proto') }, out(2));
    expect(b.send(1, udp)).toHaveLength(1);
    const read = (list: BigUint64Array): bigint[][] => [0, 5].map((at) => [...list.subarray(at, at + 2)]);
    expect(read(b.dp.changeFlows([{ id: 5, actions: out(1) }, { id: 6 }, { id: 99 }]))).toEqual([
      [5n, 1n],
      [6n, 0n],
    ]);
    expect(b.send(1, udp)).toHaveLength(0);
    expect(b.dp.collect(1)).toHaveLength(1);
    expect(
      read(
        b.dp.changeFlows([
          { id: 5, actions: null },
          { id: 6, actions: null },
        ]),
      ),
    ).toEqual([
      [5n, 2n],
      [6n, 0n],
    ]);
    expect(b.dp.counters().megaflows).toBe(0);
    const malformed = { id: 5, actions: Uint8Array.of(1, 2, 3) };
    expect(() => b.dp.changeFlows([malformed])).toThrow(TypeError);
  });

  it('sends each further pass of a packet from before a new epoch up, and begins anew what had none', async () => {
    const b = bench();
    const recirc = (id: number): DatapathAction[] => [{ type: 'recirc', id }];
    b.dp.inject(1, udp);
    b.answer(await b.upcall(), recirc(7));
    const second = await b.upcall();
    b.dp.inject(1, udp);
    const first = await b.upcall();
    const key = second.key.slice();
    key.set([0, 0, 0, 8], KEY_FIELDS.recirc_id[0]);
    b.dp.putFlow({ id: 1, key, mask: maskOf('recirc_id') }, encodeActions([{ type: 'output', port: 2 }]));
    b.dp.changeFlows([], 1);
    expect([second.epoch, first.epoch]).toEqual([0, 0]);
    b.answer(first, recirc(8));
    b.dp.drain();
    expect(b.dp.collect(2)).toHaveLength(1);
    b.answer(second, recirc(8));
    const third = b.dp.takeUpcalls()[0];
    expect([third.epoch, read(third.key, 'recirc_id')]).toEqual([0, 8]);
    b.answer(third, [{ type: 'output', port: 2 }]);
    b.dp.drain();
    expect(b.dp.collect(2)).toHaveLength(1);
    expect(b.balance()).toBe(0);
  });

  it('a pcap port plays its frames once, or again and again, and counts what is sent to it', async () => {
    const b = bench();
    const key = new Uint8Array(KEY_SIZE);
    b.dp.putFlow({ id: 1, key, mask: key }, encodeActions([{ type: 'output', port: 4 }]));
    const frames = [1, 2, 3].map((n) => new Uint8Array(60).fill(n));
    const port = (no: number) => b.dp.ports().find((p) => p.no === no)!;
    b.dp.addPort({ no: 4, name: 'sink', kind: 'pcap', mtu: 1500, frames: [] });
    b.dp.addPort({ no: 3, name: 'source', kind: 'pcap', mtu: 1500, frames });
    while (port(3).rxPackets < 3) b.dp.drain();
    b.dp.drain();
    expect(port(3)).toMatchObject({ rxPackets: 3, rxBytes: 180 });
    expect(port(4)).toMatchObject({ txPackets: 3, txBytes: 180, rxPackets: 0 });
    b.dp.delPort(3);
    b.dp.addPort({ no: 3, name: 'source', kind: 'pcap', mtu: 1500, frames, loop: true });
    while (port(3).rxPackets < 1000) b.dp.drain();
    b.dp.delPort(3);
    expect(b.balance()).toBe(0);
  });

  it('refuses a port number twice as a SystemError would, and arguments of the wrong kind as TypeError', () => {
    const b = bench();
    const refusal = { code: 'ESYSTEM', syscall: 'add port', object: 'again', errnoName: 'EEXIST', errno: 17 };
    expect(() => b.dp.addPort({ no: 1, name: 'again', kind: 'memory', mtu: 1500 })).toThrow(
      expect.objectContaining(refusal),
    );
    expect(() => b.dp.complete(0, Uint8Array.of(1, 2, 3))).toThrow(TypeError);
    const half = { id: 1, key: new Uint8Array(4), mask: new Uint8Array(KEY_SIZE) };
    expect(() => b.dp.putFlow(half, new Uint8Array())).toThrow(/key: expected 512 bytes/);
    expect(() => b.dp.collect(9)).toThrow(/memory port/);
    expect(() => new native.Datapath({} as NativeOptions)).toThrow(/onUpcalls: expected a function/);
    expect(() => b.dp.addPort({ no: 0, name: 'x', kind: 'memory', mtu: 1500 })).toThrow(TypeError);
  });

  it('stops twice, with packets waiting, and answers questions after that', async () => {
    const b = bench();
    b.dp.inject(1, udp);
    const u = await b.upcall();
    b.dp.stop();
    b.dp.stop();
    b.answer(u, [{ type: 'output', port: 2 }]);
    expect(b.dp.ports()).toEqual([]);
    expect(b.dp.counters().drops.stopping).toBe(1);
    expect(b.balance()).toBe(0);
    expect(() => b.dp.addPort({ no: 3, name: 'late', kind: 'memory', mtu: 1500 })).toThrow(/ESHUTDOWN/);
  });
});

/** Runs a script in a Node of its own; what matters is how that ends. */
function run(
  script: string,
  ...flags: string[]
): { status: number | null; signal: string | null; stdout: string; stderr: string } {
  const prelude = `
    const addon = require(process.argv[1]);
    const port = { no: 1, name: 'p', kind: 'memory', mtu: 1500 };
    const frame = new Uint8Array(60);
    const open = (onUpcalls = () => {}) => new addon.Datapath({ onUpcalls, onEvent() {} });`;
  return spawnSync(process.execPath, [...flags, '-e', prelude + script, addonPath()], {
    encoding: 'utf8',
    timeout: 20_000,
  });
}

describe.skipIf(!native)('a process with the addon', () => {
  it('may be asked for anything while JavaScript collects its garbage', () => {
    // What is made for JavaScript on the datapath's thread instead of its own ends such a process at once.
    const r = run(
      `
      const dp = open();
      dp.addPort(port);
      dp.start();
      const kept = [];
      for (let i = 0; i < 1000; i++) {
        kept.push(dp.ctStats(), dp.ctLimits(), dp.ctDump({}), dp.counters(), dp.fragmentStatus(true));
      }
      dp.stop();
      console.log('stopped');`,
      '--stress-incremental-marking',
    );
    expect(r).toMatchObject({ status: 0, stdout: 'stopped\n', stderr: '' });
  });

  it('ends by itself after stop()', () => {
    const r = run(`
      const dp = open();
      dp.addPort(port);
      dp.start();
      setTimeout(() => { dp.stop(); console.log('stopped'); }, 50);`);
    expect(r).toMatchObject({ status: 0, stdout: 'stopped\n', stderr: '' });
  });

  it('ends by itself when the datapath was never started', () => {
    expect(run('const dp = open(); dp.addPort(port);')).toMatchObject({ status: 0, stderr: '' });
  });

  it('is kept alive by a running datapath', () => {
    const r = run(`
      const dp = open();
      dp.start();
      setTimeout(() => console.log('alive'), 200).unref();
      setTimeout(() => process.exit(3), 400).unref();`);
    expect(r).toMatchObject({ status: 3, stdout: 'alive\n' });
  });

  it('may exit without stop(), with upcalls under way', () => {
    const r = run(`
      const dp = open();
      dp.addPort(port);
      dp.start();
      for (let i = 0; i < 500; i++) dp.inject(1, frame);
      setTimeout(() => process.exit(0), 5);`);
    expect(r).toMatchObject({ status: 0, signal: null, stderr: '' });
  });

  it('may end a worker thread that runs one', () => {
    const r = run(`
      const { Worker } = require('node:worker_threads');
      const w = new Worker(\`
        const { workerData } = require('node:worker_threads');
        const addon = require(workerData);
        const dp = new addon.Datapath({ onUpcalls() {}, onEvent() {} });
        dp.addPort({ no: 1, name: 'p', kind: 'memory', mtu: 1500 });
        dp.start();
        dp.inject(1, new Uint8Array(60));
      \`, { eval: true, workerData: process.argv[1] });
      setTimeout(async () => { await w.terminate(); console.log('terminated'); }, 200);`);
    expect(r).toMatchObject({ status: 0, signal: null, stdout: 'terminated\n', stderr: '' });
  });

  it('sees an exception in onUpcalls as an uncaught exception', () => {
    const r = run(`
      process.on('uncaughtException', (e) => { console.log(e.message); dp.stop(); });
      const dp = open(() => { throw new Error('from onUpcalls'); });
      dp.addPort(port); dp.start(); dp.inject(1, frame);`);
    expect(r).toMatchObject({ status: 0, stdout: 'from onUpcalls\n' });
  });

  it('does not grow with datapaths that come and go', () => {
    const r = run(`
      const once = () => {
        const dp = open();
        dp.addPort(port);
        dp.start();
        dp.inject(1, frame);
        dp.drain();
        dp.stop();
      };
      const rss = () => { global.gc?.(); return process.memoryUsage.rss(); };
      (async () => {
        const pause = () => new Promise((r) => setImmediate(r));
        for (let i = 0; i < 100; i++) { once(); await pause(); }
        const before = rss();
        for (let i = 0; i < 300; i++) { once(); await pause(); }
        console.log(rss() - before);
      })();`);
    expect(r).toMatchObject({ status: 0, stderr: '' });
    expect(Number(r.stdout)).toBeLessThan(60e6);
  });
});
