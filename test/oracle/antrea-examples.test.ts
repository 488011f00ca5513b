// The example nodes of the later pipelines, live, through real Open vSwitch and through us: packets with real
// connection tracking in the order in which they were recorded. What leaves, which flows count and which connections
// stay is what Open vSwitch 3.1 gave when they were recorded.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { WatchRecord } from '../../dataplane/datapath/watch.js';
import { fromHex } from '../../dataplane/wire/index.js';
import { type Example, example, type ExampleName, type RecordedPacket } from '../helpers/antrea-example.js';
import { frameText } from '../helpers/frame-text.js';
import { comparableControllers } from '../helpers/ovs-trace.js';
import { sortTerms } from '../helpers/trace-text.js';
import { LivePacketwalk, packetwalkMissing } from './live-packetwalk.js';
import { type LiveFrame, LiveOvs, type LiveSetup, type LiveSwitch, type Tunnel } from './live.js';
import { ovsMissing } from './ovs.js';

const EXAMPLES: [ExampleName, version: string][] = [
  ['v0.10-proxy', 'OpenFlow13'],
  ['v2', 'OpenFlow15'],
];

const skipped = (reason: string | undefined): string => (reason ? ` (skipped: ${reason})` : '');

function send(live: LiveSwitch, { in: port, frame, tunnel }: RecordedPacket): Promise<LiveFrame[]> {
  return live.send(port, fromHex(frame)!, tunnel as Tunnel | undefined);
}

function shown(frames: readonly LiveFrame[]): string[] {
  return frames
    .map(
      ({ port, frame, tunnel }) => `${port}: ${tunnel ? `${tunnel.src} -> ${tunnel.dst} | ` : ''}${frameText(frame)}`,
    )
    .sort();
}

const FLOW = /^(\d+): (?:x(\d+) )?(?:\w+_timeout=\d+, )?priority=(\d+)(?:,(\S+))? -> /;

/** How often the recorded packets count each flow: `table priority match`. */
function countsOf({ packets }: Example): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const line of packets.flatMap(({ flows }) => flows)) {
    // What a packet teaches is noted beside the flows that it passed.
    if (line.includes(': LEARNED ')) continue;
    const [, table, times = '1', priority, match = ''] = FLOW.exec(line)!;
    const key = `${table} ${priority} ${sortTerms(match)}`;
    counts[key] = (counts[key] ?? 0) + Number(times);
  }
  return counts;
}

for (const [name, version] of EXAMPLES) {
  const recorded = example(name);
  const setup: LiveSetup = { ...recorded, version };
  const packets = recorded.packets.map((packet) => [packet.name, packet] as const);
  const sides = [
    { who: 'Open vSwitch', missing: ovsMissing(), start: () => LiveOvs.start(setup) },
    { who: 'packetwalk', missing: packetwalkMissing(), start: () => LivePacketwalk.start(setup) },
  ];
  for (const { who, missing, start } of sides) {
    describe.skipIf(missing)(`${name}: ${who} does what was recorded${skipped(missing)}`, () => {
      let live: LiveSwitch;
      beforeAll(async () => {
        live = await start();
      });
      afterAll(() => live?.stop());

      test.each(packets)('%s', async (_name, packet) => {
        expect(shown(await send(live, packet))).toEqual([...packet.out].sort());
      });
      test('every flow has counted the packets that were recorded', async () => {
        const [counts, expected] = [await live.packets(), countsOf(recorded)];
        // Where learn() is at work OVS may translate a packet again when it revalidates, and count it again.
        if (who === 'Open vSwitch' && name === 'v2')
          expect(Object.keys(counts).sort()).toEqual(Object.keys(expected).sort());
        else expect(counts).toEqual(expected);
      });
      test('the connections are those that were recorded', async () => {
        expect((await live.conntrack()).sort()).toEqual([...recorded.connections].sort());
      });
    });
  }

  const noPacketwalk = packetwalkMissing();
  describe.skipIf(noPacketwalk)(
    `${name}: packetwalk's datapath actions are those that were recorded${skipped(noPacketwalk)}`,
    () => {
      let live: LivePacketwalk;
      const passes: WatchRecord[] = [];
      beforeAll(async () => {
        live = await LivePacketwalk.start(setup);
        live.sw.watch('', (record) => passes.push(record));
      });
      afterAll(() => live?.stop());

      test.each(packets)('%s', async (_name, packet) => {
        passes.length = 0;
        await send(live, packet);
        const theirs = comparable(packet.datapath);
        const ours = comparable(passes.map(({ trace }) => trace.datapathActions));
        // Passes that taught a flow left no datapath flow behind, and were not recorded.
        expect(ours.slice(0, theirs.length)).toEqual(theirs);
      });
    },
  );
}

/** Our slow path chooses a bucket by the hash that OVS's datapath takes in a pass of its own. */
const HASH_PASS = 'hash(sym_l4(0)),recirc(#)';
const TUNNEL = /set\(tunnel\(tun_id=0x0,src=([\d.]+),dst=([\d.]+),[^()]*(?:\([^()]*\))?\)\),(.*)antrea-tun0/;

/**
 * What two datapaths may say differently: numbers of recirculations and of meters, how a tunnel's header comes about,
 * the order of a flood's ports and whether the bridge's own is one. What OVS does in its slow path says nothing.
 */
function comparable(passes: readonly string[]): string[] {
  return passes
    .map((pass) =>
      comparableControllers(pass)
        .replace(/recirc\(\w+\)/g, 'recirc(#)')
        .replace(/meter\(\w+\)/, 'meter(#)')
        .replace(TUNNEL, '$3tunnel(src=$1,dst=$2)'),
    )
    .map((pass) =>
      /^[\w,-]+$/.test(pass)
        ? pass
            .split(',')
            .filter((port) => port !== 'br-int')
            .sort()
            .join(',')
        : pass,
    )
    .filter((pass) => pass !== HASH_PASS && !pass.includes('slow_path'));
}
