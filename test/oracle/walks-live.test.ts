// The article's packets as live frames with real connection tracking: the walks in their order, then the forty further
// packets. What leaves is compared with the data byte by byte, and so are the counters of all flows.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type NodeName, type Packet, derived, passes } from '../helpers/article.js';
import { frameOf, tunnelOf } from '../helpers/frames.js';
import { sortTerms } from '../helpers/trace-text.js';
import { summarize, toHex } from '../../dataplane/wire/index.js';
import { type LiveFrame, LiveOvs, type LiveSwitch, type Tunnel, articleSetup } from './live.js';
import { ovsMissing } from './ovs.js';

const missing = ovsMissing();
const NODES: NodeName[] = ['worker1', 'worker2'];

/** Passes of the walks first: they are the history that the third packets need. */
function packetsOf(node: NodeName): Packet[] {
  return [...passes, ...derived].filter((p) => p.node === node);
}

function sendPacket(live: LiveSwitch, p: Packet): Promise<LiveFrame[]> {
  return live.send(p.in, frameOf(p.packet), tunnelOf(p.packet) as Tunnel | undefined);
}

function expectedPackets(node: NodeName, portNumber: (name: string) => number): Record<string, number> {
  const out: Record<string, number> = {};
  for (const f of packetsOf(node).flatMap((p) => p.flows)) {
    const match = f.match.replace(/in_port="?([^",]+)"?/, (_, name: string) => `in_port=${portNumber(name)}`);
    const key = `${f.table} ${f.priority} ${sortTerms(match)}`;
    out[key] = (out[key] ?? 0) + 1;
  }
  return out;
}

/** "antrea-gw0 <hex>", sorted. */
function shown(frames: LiveFrame[]): string[] {
  return frames.map((f) => `${f.port} ${toHex(f.frame)}`).sort();
}

describe.skipIf(missing)(`the article's packets live${missing ? ` (skipped: ${missing})` : ''}`, () => {
  for (const node of NODES) {
    describe(`Open vSwitch, ${node}`, () => {
      let live: LiveOvs;
      beforeAll(async () => {
        live = await LiveOvs.start(articleSetup(node));
      });
      afterAll(() => live?.stop());

      test.each(packetsOf(node))('$id: $title', async (p) => {
        const out = await sendPacket(live, p);
        if (p.outcome === 'drop') expect(out.map((f) => summarize(f.frame))).toEqual([]);
        if (p.outcome !== 'output') return;
        expect(shown(out)).toEqual([`${p.out} ${toHex(frameOf(p.packet_out!))}`]);
        const tunnel = tunnelOf(p.packet_out!);
        // No option, no flag, protocol "Ethernet", VNI 0.
        if (tunnel) expect(out[0].tunnel).toMatchObject({ dst: tunnel.dst, id: tunnel.id, geneve: '0000655800000000' });
      });
      test('every flow has counted the packets that the data sends through it', async () => {
        expect(await live.packets()).toEqual(expectedPackets(node, (name) => live.portNumber(name)));
      });
    });
  }
});
