// The article's packets as live frames with real connection tracking, through real Open vSwitch and through us: the
// walks in their order, then the forty further packets. What leaves is compared with the data byte by byte and between
// the two; so are, at the end, the connections and the counters of every flow.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type NodeName, type Packet, derived, passes, portsFile } from '../helpers/article.js';
import { frameOf, tunnelOf } from '../helpers/frames.js';
import { sortTerms } from '../helpers/trace-text.js';
import { summarize, toHex } from '../../dataplane/wire/index.js';
import { articleSetup } from './article-setup.js';
import { LivePacketwalk, packetwalkMissing } from './live-packetwalk.js';
import { type LiveFrame, LiveOvs, type LiveSwitch, type Tunnel } from './live.js';
import { ovsMissing } from './ovs.js';

const NODES: NodeName[] = ['worker1', 'worker2'];
const noOvs = ovsMissing();
const noPacketwalk = packetwalkMissing();
const skipped = (reason: string | undefined) => (reason ? ` (skipped: ${reason})` : '');

/** Passes of the walks first: they are the history that the third packets need. */
function packetsOf(node: NodeName): (readonly [id: string, title: string, packet: Packet])[] {
  return [...passes, ...derived].filter((p) => p.node === node).map((p) => [p.id, p.title, p] as const);
}

function sendPacket(live: LiveSwitch, p: Packet): Promise<LiveFrame[]> {
  return live.send(p.in, frameOf(p.packet), tunnelOf(p.packet) as Tunnel | undefined);
}

function expectAsWritten(p: Packet, out: LiveFrame[]): void {
  if (p.outcome === 'drop') expect(out.map((f) => `${f.port} ${summarize(f.frame)}`)).toEqual([]);
  if (p.outcome !== 'output') return;
  expect(shown(out)).toEqual([`${p.out} ${toHex(frameOf(p.packet_out!))}`]);
  const tunnel = tunnelOf(p.packet_out!);
  // No option, no flag, protocol "Ethernet", VNI 0.
  if (tunnel) expect(out[0].tunnel).toMatchObject({ dst: tunnel.dst, id: tunnel.id, geneve: '0000655800000000' });
}

/** "antrea-gw0 <hex>", sorted. */
function shown(frames: LiveFrame[]): string[] {
  return frames.map((f) => `${f.port} ${toHex(f.frame)}`).sort();
}

/** How often the data's packets pass each flow. */
function expectedPackets(node: NodeName): Record<string, number> {
  const numbers = new Map(portsFile(node).ports.map((p) => [p.name, p.ofport]));
  const out: Record<string, number> = {};
  for (const f of packetsOf(node).flatMap(([, , p]) => p.flows)) {
    const match = f.match.replace(/in_port="?([^",]+)"?/, (_, name: string) => `in_port=${numbers.get(name)}`);
    const key = `${f.table} ${f.priority} ${sortTerms(match)}`;
    out[key] = (out[key] ?? 0) + 1;
  }
  return out;
}

const SWITCHES = [
  { name: 'Open vSwitch', missing: noOvs, start: LiveOvs.start },
  { name: 'packetwalk', missing: noPacketwalk, start: LivePacketwalk.start },
];

for (const node of NODES) {
  for (const { name, missing, start } of SWITCHES) {
    describe.skipIf(missing)(`${node}: ${name} does what is written${skipped(missing)}`, () => {
      let live: LiveSwitch;
      beforeAll(async () => {
        live = await start(articleSetup(node));
      });
      afterAll(() => live?.stop());

      test.each(packetsOf(node))('%s, %s', async (_id, _title, p) => {
        expectAsWritten(p, await sendPacket(live, p));
      });
      test('every flow has counted the packets that the data sends through it', async () => {
        expect(await live.packets()).toEqual(expectedPackets(node));
      });
    });
  }

  describe.skipIf(noOvs ?? noPacketwalk)(`${node}: both do the same${skipped(noOvs ?? noPacketwalk)}`, () => {
    let ovs: LiveOvs;
    let ours: LivePacketwalk;
    beforeAll(async () => {
      ovs = await LiveOvs.start(articleSetup(node));
      ours = await LivePacketwalk.start(articleSetup(node));
    });
    afterAll(async () => {
      await ours?.stop();
      await ovs?.stop();
    });

    test.each(packetsOf(node))('%s, %s: the same bytes on the same ports', async (_id, _title, p) => {
      const [theirs, our] = [await sendPacket(ovs, p), await sendPacket(ours, p)];
      expect(shown(our)).toEqual(shown(theirs));
      expect(our.map((f) => f.tunnel)).toEqual(theirs.map((f) => f.tunnel));
    });
    test('and again, now from the flow cache', async () => {
      for (const [, , p] of packetsOf(node)) {
        const [theirs, our] = [await sendPacket(ovs, p), await sendPacket(ours, p)];
        expect(shown(our), p.id).toEqual(shown(theirs));
      }
    });
    test('they know the same connections', async () => {
      expect((await ours.conntrack()).sort()).toEqual((await ovs.conntrack()).sort());
    });
    test('their flows have counted the same packets', async () => {
      expect(await ours.packets()).toEqual(await ovs.packets());
    });
  });
}
