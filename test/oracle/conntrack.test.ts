// Connection tracking against Open vSwitch's, packet by packet: mixed random connections through both, with the state
// that each packet was given written into the packet itself (its TTL), and its mark (into the source MAC).
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Random, SEED } from '../helpers/random.js';
import { randomConnections } from '../helpers/random-connections.js';
import { dissect, summarize } from '../../dataplane/wire/index.js';
import { LivePacketwalk, packetwalkMissing } from './live-packetwalk.js';
import { type LiveFrame, LiveOvs, type LiveSetup } from './live.js';
import { ovsMissing } from './ovs.js';

const CONNECTIONS = 120;
const missing = ovsMissing() ?? packetwalkMissing();

const SHOW = 'move:NXM_NX_CT_STATE[0..7]->NXM_NX_IP_TTL[],move:NXM_NX_CT_MARK[0..7]->NXM_OF_ETH_SRC[0..7]';
const COMMIT = 'ct(commit,zone=7,exec(load:0x5->NXM_NX_CT_MARK[]))';
/** The client's side may open connections, the server's may not; whatever comes is shown at the probe. */
const SETUP: LiveSetup = {
  ports: {
    bridge: 'br0',
    ports: [
      { name: 'client', ofport: 1 },
      { name: 'server', ofport: 2 },
      { name: 'probe', ofport: 3 },
    ],
  },
  flows: ['ip', 'ipv6'].flatMap((proto) => [
    `table=0,priority=10,${proto} actions=ct(table=1,zone=7)`,
    `table=1,priority=20,ct_state=+new+trk,in_port=1,${proto} actions=${SHOW},${COMMIT},output:3`,
    `table=1,priority=10,${proto} actions=${SHOW},output:3`,
  ]),
};

const BITS = ['new', 'est', 'rel', 'rpl', 'inv', 'trk', 'snat', 'dnat'];

/** States that the random packets must have met, or they have shown too little. */
const EXPECTED = [
  'new|trk mark 0',
  'new|trk mark 5',
  'est|trk mark 5',
  'est|rpl|trk mark 5',
  'rel|trk mark 5',
  'rel|rpl|trk mark 5',
  'inv|trk mark 0',
];

/** "est|trk mark 5" of what arrived at the probe. */
function verdict(out: LiveFrame[]): string {
  if (out.length !== 1) return `${out.length} packets out`;
  const ip = dissect(out[0].frame).find((l) => l.protocol === 'ipv4' || l.protocol === 'ipv6');
  if (ip?.protocol !== 'ipv4' && ip?.protocol !== 'ipv6') return 'no IP packet out';
  const state = BITS.filter((_, i) => ip.view.nw_ttl & (1 << i)).join('|');
  return `${state} mark ${out[0].frame[11]}`;
}

describe.skipIf(missing)(`conntrack${missing ? ` (skipped: ${missing})` : ''}`, () => {
  let ovs: LiveOvs;
  let ours: LivePacketwalk;
  beforeAll(async () => {
    ovs = await LiveOvs.start(SETUP);
    ours = await LivePacketwalk.start(SETUP);
  });
  afterAll(async () => {
    await ours?.stop();
    await ovs?.stop();
  });

  test(`${CONNECTIONS} mixed connections are seen as Open vSwitch sees them (seed ${SEED})`, async () => {
    const story: string[] = [];
    const seen = new Set<string>();
    for (const { side, frame, about } of randomConnections(new Random(), CONNECTIONS)) {
      const [theirs, our] = [verdict(await ovs.send(side, frame)), verdict(await ours.send(side, frame))];
      seen.add(theirs);
      story.push(`${about}: ${theirs} (${summarize(frame, { link: false })})`);
      const port = /\d+/.exec(about)?.[0];
      expect(our, story.filter((line) => port && line.includes(port)).join('\n')).toBe(theirs);
    }
    for (const state of EXPECTED) expect([...seen]).toContain(state);
  });

  test('what is known of them in the end reads as in Open vSwitch', async () => {
    expect(await ovs.conntrack()).not.toEqual([]);
    expect((await ours.conntrack()).sort()).toEqual((await ovs.conntrack()).sort());
  });
});
