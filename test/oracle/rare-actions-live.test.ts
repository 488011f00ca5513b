// Meters and check_pkt_larger with live frames: what leaves, and what the meters count, is what it is in Open vSwitch.
// The rates are so low that no bucket gets a token back while the test runs.
import { afterEach, describe, expect, test } from 'vitest';
import { frameOf } from '../helpers/frames.js';
import { LivePacketwalk, packetwalkMissing } from './live-packetwalk.js';
import { type LiveFrame } from './live.js';
import { Ovs, ovsMissing } from './ovs.js';

const missing = ovsMissing() ?? packetwalkMissing();
const PORTS = { bridge: 'br0', tlv_map: '', ports: [1, 2, 3].map((n) => ({ name: `p-${n}`, ofport: n })) };
const METERS = [
  'meter=1,kbps,burst,stats,bands=type=drop,rate=1,burst_size=20',
  'meter=2,kbps,burst,stats,bands=type=drop,rate=1,burst_size=5,type=drop,rate=2,burst_size=9',
];
const FLOWS = [
  'udp,tp_dst=1 actions=meter:1,output:2',
  'udp,tp_dst=2 actions=meter:2,output:2,output:3',
  'udp,tp_dst=3 actions=output:3,resubmit(,1)',
  'udp,tp_dst=4 actions=check_pkt_larger(300)->NXM_NX_REG0[0],mod_nw_ttl:9,resubmit(,2)',
  'table=1 actions=meter:2,output:2',
  'table=2,reg0=1 actions=output:2',
  'table=2,reg0=0 actions=output:3,output:2',
];

const leaving = (frames: readonly LiveFrame[]): string[] =>
  frames.map(({ port, frame }) => `${port} ${Buffer.from(frame).toString('hex')}`).sort();

describe.skipIf(missing)(`meters and lengths, live${missing ? ` (skipped: ${missing})` : ''}`, () => {
  let ovs: Ovs | undefined;
  let own: LivePacketwalk | undefined;
  afterEach(async () => {
    await own?.stop();
    await ovs?.stop();
  });

  test('the same frames leave, the meters count the same', async () => {
    ovs = await Ovs.start({ ports: PORTS, meters: METERS, flows: FLOWS, version: 'OpenFlow15' });
    own = await LivePacketwalk.start({ ports: PORTS, meters: METERS, flows: FLOWS });
    let left = 0;
    for (let i = 0; i < 60; i++) {
      const headers = {
        dl_src: '02:00:00:00:00:01',
        dl_dst: '02:00:00:00:00:02',
        nw_src: '192.0.2.1',
        nw_dst: '192.0.2.2',
      };
      const payload_size = [0, 58, 258, 259, 400, 1000][i % 6];
      const frame = frameOf({
        ...headers,
        nw_ttl: 64,
        udp_src: 1000,
        udp_dst: 1 + (Math.floor(i / 6) % 4),
        payload_size,
      });
      const theirs = leaving(await ovs.send('p-1', frame));
      expect(leaving(await own.send('p-1', frame)), `frame ${i}`).toEqual(theirs);
      left += theirs.length;
    }
    expect(left).toBeGreaterThan(40);
    const counts = (text: string): string[] =>
      text
        .split('\n')
        .filter((line) => /^\w+:/.test(line))
        .map((line) => line.replace(/duration:\S+/, ''));
    expect(counts(own.sw.dumpMeters({ stats: true }))).toEqual(counts(await ovs.ofctl('OpenFlow15', 'meter-stats')));
  });
});
