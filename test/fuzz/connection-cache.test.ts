// Connections through the cache of whole ways beside a switch that caches nothing: after each bit that is flipped, mark
// that changes, flow that is replaced or connection that is flushed, a packet must be treated as if it were the first.
import { describe, expect, it } from 'vitest';
import { addon } from '../helpers/addon.js';
import { memorySwitch } from '../helpers/memory-switch.js';
import { Random, SEED } from '../helpers/random.js';
import type { Switch } from '../../dataplane/switch.js';
import { buildFrame, tcpFlagBits, toHex } from '../../dataplane/wire/index.js';

const STEPS = 1500;
const ETHERNET = { dl_src: '02:00:00:00:00:01', dl_dst: '02:00:00:00:00:02' };
const ENDS = ['192.0.2.1', '192.0.2.2'];
const PORTS = ['client', 'server', 'probe'];
/** As Antrea's: track, ask the mark, commit once, mark again when DSCP 1 says so. */
const FLOWS = [
  'table=0,ip actions=ct(table=1,zone=7)',
  'table=0,priority=0 actions=drop',
  'table=1,priority=30,ct_state=+inv,ip actions=output:3',
  'table=1,priority=25,ct_state=+trk,ip,nw_tos=4 actions=ct(commit,table=2,zone=7,exec(load:0x1->NXM_NX_CT_MARK[0]))',
  'table=1,priority=25,ct_state=+trk,ip,nw_tos=8 actions=ct(commit,table=2,zone=7,exec(load:0x0->NXM_NX_CT_MARK[0]))',
  'table=1,priority=20,ct_state=+new,ip,in_port=1 actions=ct(commit,table=2,zone=7)',
  'table=1,priority=20,ct_state=+new,ip actions=output:3',
  'table=1,priority=10,ip actions=resubmit(,2)',
  'table=2,priority=20,ct_mark=0x1/0x1,ip actions=dec_ttl,output:3',
  'table=2,priority=10,ip,in_port=1 actions=output:2',
  'table=2,priority=10,ip,in_port=2 actions=output:1',
].join('\n');
const REPLACED = [
  'table=2,priority=10,ip,in_port=1 actions=output:3',
  'table=2,priority=10,ip,in_port=1 actions=output:2',
  'cookie=0x1,table=2,priority=15,ip,in_port=2,nw_ttl=64 actions=mod_nw_tos:12,output:1',
  'cookie=0x1,table=2,priority=15,udp,in_port=1,tp_dst=53 actions=dec_ttl,output:2',
];

function frameOf(r: Random, proto: 'tcp' | 'udp', from: number, n: number): Uint8Array {
  const ipv4 = { nw_src: ENDS[from], nw_dst: ENDS[1 - from], nw_tos: r.chance(15) ? r.pick([4, 8]) : 0 };
  const [src, dst] = from === 0 ? [1000 + n, 53] : [53, 1000 + n];
  if (proto === 'udp') return buildFrame({ ethernet: ETHERNET, ipv4, udp: { udp_src: src, udp_dst: dst } });
  const flags = r.chance(6) ? r.pick(['syn', 'syn|ack', 'rst', 'fin|ack']) : 'ack';
  const tcp = { tcp_src: src, tcp_dst: dst, tcp_flags: tcpFlagBits(flags), seq: 1, ack: 1 };
  return buildFrame({ ethernet: ETHERNET, ipv4, tcp });
}

async function passed(sw: Switch, port: string, frame: Uint8Array): Promise<string[]> {
  sw.inject(port, frame);
  await sw.settle();
  return PORTS.flatMap((name) => sw.collect(name).map((f) => `${name} ${toHex(f)}`));
}

describe.skipIf(addon.missing)(`the connection cache${addon.missing ? ` (skipped: ${addon.missing})` : ''}`, () => {
  it(`treats ${STEPS} packets of changing connections as a switch without caches does (seed ${SEED})`, async () => {
    const r = new Random(SEED);
    const [caching, forgetful] = [await memorySwitch(FLOWS, PORTS), await memorySwitch(FLOWS, PORTS)];
    const story: string[] = [];
    const both = async (what: string, run: (sw: Switch) => unknown): Promise<void> => {
      for (const sw of [caching, forgetful]) await run(sw);
      await caching.settled();
      story.push(what);
    };
    try {
      for (let step = 0; step < STEPS; step++) {
        if (r.chance(60)) await both('flush', (sw) => sw.conntrack.flush());
        if (r.chance(60)) {
          const flow = r.pick(REPLACED);
          await both(flow, (sw) => sw.addFlows(flow));
        }
        if (r.chance(60)) await both('delete', (sw) => sw.delFlows('cookie=0x1/-1'));
        const from = r.below(2);
        const frame = frameOf(r, r.pick(['tcp', 'udp']), from, r.below(3));
        const flipped = r.chance(3) ? r.below(frame.length * 8) : -1;
        if (flipped >= 0) frame[flipped >> 3] ^= 1 << (flipped & 7);
        const port = PORTS[from];
        story.push(`${port} bit ${flipped} ${toHex(frame)}`);
        forgetful.purgeMegaflows();
        const [ours, fresh] = [await passed(caching, port, frame), await passed(forgetful, port, frame)];
        expect(ours, story.slice(-30).join('\n')).toEqual(fresh);
      }
      expect(caching.counters().followed).toBeGreaterThan(STEPS / 10);
    } finally {
      caching.close();
      forgetful.close();
    }
  }, 20_000);
});
