// What a controller is told and may do: bounded queues with fair turns, continuations that are good for one time, and
// how both are counted. That packet-ins say the right thing is for the oracle (test/oracle/packet-in.test.ts).
import { afterEach, describe, expect, it } from 'vitest';
import type { PacketIn } from '../../dataplane/packet-in/packet-in.js';
import { Subscription } from '../../dataplane/packet-in/subscription.js';
import type { Switch } from '../../dataplane/switch.js';
import { buildFrame, toHex } from '../../dataplane/wire/index.js';
import { memorySwitch } from '../helpers/memory-switch.js';

const udp = (udp_dst: number) =>
  buildFrame({
    ethernet: { dl_src: '02:00:00:00:00:01', dl_dst: '02:00:00:00:00:02' },
    ipv4: { nw_src: '10.0.0.1', nw_dst: '10.0.0.2' },
    udp: { udp_src: 1000, udp_dst },
    payload: Buffer.from('payload'),
  });
const turn = (): Promise<void> => new Promise((done) => setImmediate(done));

let sw: Switch;
afterEach(() => sw?.close());

async function until(is: () => boolean): Promise<void> {
  for (const end = Date.now() + 20_000; !is(); await turn()) if (Date.now() > end) throw new Error('it did not happen');
}

async function through(port: string, ...frames: Uint8Array[]): Promise<void> {
  for (const frame of frames) sw.inject(port, frame);
  await sw.settle();
}

describe('packet-ins', () => {
  it('come with every packet, whether it was translated or met a megaflow, and say what the pipeline knew', async () => {
    sw = await memorySwitch('udp actions=move:NXM_OF_UDP_DST[]->NXM_NX_REG3[0..15],controller(userdata=01.ff,id=9),2', [
      'p1',
      'p2',
    ]);
    const heard: PacketIn[] = [];
    sw.onPacketIn((packet) => void heard.push(packet));
    await through('p1', udp(7));
    await through('p1', udp(7), udp(7));
    await until(() => heard.length === 3);
    for (const packet of heard) {
      expect(packet).toMatchObject({
        reason: 'action',
        id: 9,
        table: 0,
        cookie: 0n,
        inPort: 1,
        totalLength: 49,
        maxLen: 65535,
      });
      expect(packet.frame).toEqual(udp(7));
      expect(packet.userdata).toEqual(Uint8Array.of(1, 0xff));
      expect([packet.field('reg3'), packet.field('nw_ttl'), packet.field('tun_metadata7')]).toEqual([7n, 64n, 0n]);
      expect(() => packet.field('reg99')).toThrow(/expected the name of a field, got 'reg99'/);
    }
    expect(sw.collect('p2')).toHaveLength(3);
    expect(sw.counters()).toMatchObject({ packetIn: { packetIns: 3, unheard: 0 }, upcallsPending: 0 });
  });

  it('go to the listeners with their id, and to nobody when there is none', async () => {
    sw = await memorySwitch(
      'udp,tp_dst=1 actions=controller(id=5)\nudp,tp_dst=2 actions=controller\nudp,tp_dst=3 actions=dec_ttl(5)',
      ['p1'],
    );
    await through('p1', udp(1));
    expect(sw.counters().packetIn).toMatchObject({ packetIns: 1, unheard: 1 });
    const heard: string[] = [];
    sw.onPacketIn((packet) => void heard.push(`five:${packet.field('udp_dst')}`), { id: 5 });
    const all = sw.onPacketIn((packet) => void heard.push(`all:${packet.field('udp_dst')}`));
    await through('p1', udp(1), udp(2));
    await until(() => heard.length === 3);
    expect(heard.sort()).toEqual(['all:1', 'all:2', 'five:1']);
    all.close();
    await through('p1', udp(2));
    expect(sw.counters().packetIn).toMatchObject({ packetIns: 4, unheard: 2 });
  });

  it('wait in a bounded queue for a slow listener, in a line for each port', async () => {
    sw = await memorySwitch('actions=controller,3', ['p1', 'p2', 'p3']);
    const heard: number[] = [];
    let goOn = (): void => {};
    const subscription = sw.onPacketIn(
      async ({ inPort }) => {
        heard.push(inPort);
        await new Promise<void>((done) => (goOn = done));
      },
      { queue: 10 },
    );
    await through('p1', udp(1));
    await until(() => heard.length === 1);
    for (let i = 0; i < 5; i++) await through('p1', ...Array.from({ length: 20 }, () => udp(1)));
    await through('p2', udp(2), udp(2));
    expect(subscription.lost).toBe(92);
    expect(sw.collect('p3')).toHaveLength(103);
    while (heard.length < 11) {
      const before = heard.length;
      goOn();
      await until(() => heard.length > before);
    }
    expect(heard.slice(1, 5)).toEqual([1, 2, 1, 2]);
    expect(heard.slice(5)).toEqual([1, 1, 1, 1, 1, 1]);
    goOn();
  });

  it('come no faster than their listener wants them', async () => {
    sw = await memorySwitch('actions=controller', ['p1']);
    const packets: PacketIn[] = [];
    sw.onPacketIn((packet) => void packets.push(packet));
    await through('p1', udp(1), udp(1), udp(1), udp(1));
    await until(() => packets.length === 4);
    let nowMs = 0;
    let heard = 0;
    let asked = 0;
    const clock = (): number => (asked++, nowMs);
    const events = { closed() {}, failed() {}, forgotten() {} };
    const subscription = new Subscription(() => void heard++, { rate: 1000, burst: 2 }, events, clock);
    for (const packet of packets) subscription.put(packet);
    for (nowMs of [0, 1]) {
      asked = 0;
      await until(() => asked > 5);
      expect(heard).toBe(2 + nowMs);
    }
    nowMs = 2;
    await until(() => heard === 4);
    subscription.close();
  });

  it('leave half of the places to packets that wait to be forwarded', async () => {
    sw = await memorySwitch('actions=controller', ['p1']);
    for (let i = 0; i < 3; i++) await through('p1', ...Array.from({ length: 2000 }, () => udp(1)));
    const { upcallsPending, drops, packetIn, received } = sw.counters();
    expect(upcallsPending).toBe(0);
    expect(packetIn.packetIns + drops.upcall_full).toBe(received);
  });
});

describe('a paused packet', () => {
  it('goes on once, with its registers, stack and action set, and as the controller has changed it', async () => {
    sw = await memorySwitch(
      'udp actions=set_field:5->reg1,push:NXM_NX_REG1[],write_actions(output:3),goto_table:1\n' +
        'table=1,udp actions=controller(pause),pop:NXM_NX_REG2[],resubmit(,2)\n' +
        'table=2,reg1=5,reg2=5,udp actions=set_field:9->nw_ttl,2\ntable=2,reg1=6,reg2=5,udp,tp_dst=8 actions=1',
      ['p1', 'p2', 'p3'],
    );
    const heard: PacketIn[] = [];
    sw.onPacketIn((packet) => void heard.push(packet));
    await through('p1', udp(7), udp(7));
    await until(() => heard.length === 2);
    expect(sw.collect('p2')).toEqual([]);
    const [first, second] = heard.map((packet) => packet.continuation!);
    sw.resume(first);
    await sw.settle();
    expect(sw.collect('p2').map((frame) => [toHex(frame.subarray(0, 14)), frame[22]])).toEqual([
      [toHex(udp(7).subarray(0, 14)), 9],
    ]);
    expect(sw.collect('p3')).toHaveLength(1);
    expect(() => sw.resume(first)).toThrow(/expected the continuation of a packet that waits/);
    expect(() => sw.resume(second, { fields: 'dl_src=02:00:00:00:00:07' })).toThrow(
      /expected a register, metadata, pkt_mark or a field of the tunnel/,
    );
    sw.resume(second, { fields: 'reg1=6', frame: udp(8) });
    await sw.settle();
    expect(sw.collect('p3')).toEqual([udp(8)]);
    expect(sw.counters().packetIn).toMatchObject({ resumed: 2, abandoned: 0 });
  });

  it('is given up when nobody who was told can let it go on', async () => {
    sw = await memorySwitch('actions=controller(pause),2', ['p1', 'p2']);
    const subscription = sw.onPacketIn(() => new Promise(() => {}), { queue: 2 });
    await through('p1', udp(1));
    await until(() => sw.counters().packetIn.packetIns === 1);
    await turn();
    await through('p1', udp(1), udp(1), udp(1));
    expect(subscription.lost).toBe(1);
    subscription.close();
    expect(sw.counters().packetIn.abandoned).toBe(3);
    expect(sw.collect('p2')).toEqual([]);
  });
});

describe('a packet-out', () => {
  it.each([
    ['in_port=7777777 packet=00 actions=2', /expected a port of 0 to 65535, got 7777777/],
    ['packet=00 actions=2', /expected in_port=PORT/],
    ['in_port=1 actions=2', /expected packet=HEX/],
    ['in_port=1 packet=0 actions=2', /expected a frame as hex digits/],
    ['in_port=1 packet=00 actions=2', /expected a frame of 14 to 65535 bytes, got 1/],
    [`in_port=1 packet=${toHex(udp(1))}`, /expected actions=ACTIONS/],
    [`in_port=flood packet=${toHex(udp(1))} actions=2`, /expected a port that a packet may come from/],
    [`in_port=1 packet=${toHex(udp(1))} actions=mod_nw_foo:1`, /actions:1:1: /],
    [`in_port=1 packet=${toHex(udp(1))} actions=set_field:1->tcp_dst`, /tcp/],
    [`in_port=1,dl_src=02:00:00:00:00:07 packet=${toHex(udp(1))} actions=2`, /expected a register/],
    [`in_port=1 packet=${toHex(udp(1))} actions=group:7`, /group/],
  ])('%s is refused', async (text, error) => {
    sw = await memorySwitch('', ['p1', 'p2']);
    expect(() => sw.packetOutText(text)).toThrow(error);
  });

  it('goes through the tables with the registers that it was given, learns, and counts', async () => {
    sw = await memorySwitch('reg3=5,in_port=1 actions=NORMAL', ['p1', 'p2', 'p3']);
    sw.packetOutText(`in_port=1,reg3=0x5 packet=${toHex(udp(1))} actions=resubmit(,0)`);
    await sw.settle();
    expect(sw.collect('p2')).toEqual([udp(1)]);
    expect(sw.fdb()).toMatchObject([{ port: 1, mac: '02:00:00:00:00:01' }]);
    expect(sw.flows()).toMatchObject([{ packets: 1, bytes: 49 }]);
  });
});
