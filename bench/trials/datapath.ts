// datapath-*: the switch alone. Frames of established connections come from memory, go through worker1's whole pipeline
// and are counted where they leave. Millions of packets for each second of CPU time of the thread that forwards: other
// work on its core does not count. The connections are opened message by message first. Frames read must be frames sent
// and frames dropped, to the last one: memory/balance.ts.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { agreedCounts, mustBalance, unaccounted } from '../memory/balance.js';
import { writeCaptures } from '../memory/captures.js';
import type { BenchPod, MemorySwitch, MemoryTrial, Sample } from '../types.js';

const OPENING_MS = 60_000;
const PASSES = 5;
const POLL_MS = 100;
/** Until caches hold what they will. */
const WARM_MS = 1500;
/** Enough connections for their memory to be told from the rest of the process's. */
const MANY = 25_000;
/** Few at once, because a switch needs memory to play a capture, too, and gives it back when it likes. */
const AT_ONCE = 5000;

function datapath(name: string, protocol: 'tcp' | 'udp', connections: number, directions: 'one' | 'both'): MemoryTrial {
  const ways = directions === 'both' ? 'both ways' : 'one way';
  return {
    kind: 'memory',
    name,
    title: `datapath alone, ${connections.toLocaleString('en')} ${protocol.toUpperCase()} connection${connections > 1 ? 's' : ''}, ${ways}`,
    unit: 'Mpps per core',
    async run(sw, _pods, seconds) {
      const folder = await mkdtemp(join(tmpdir(), 'packetwalk-captures-'));
      try {
        await sw.prefer();
        await open(sw, folder, protocol, 1);
        if (connections > 1) await open(sw, folder, protocol, connections);
        const { a, b, fromA, fromB } = await writeCaptures(folder, protocol, connections);
        await sw.play(b, directions === 'both' ? fromB : undefined, true);
        await sw.play(a, fromA, true);
        await sleep(WARM_MS);
        return await measure(sw, seconds);
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    },
  };
}

/**
 * Opens connections, message by message. One of the kind comes first, so that the slow path has said what there is to
 * say.
 */
async function open(
  sw: MemorySwitch,
  folder: string,
  protocol: 'tcp' | 'udp',
  connections: number,
  first = 0,
): Promise<void> {
  const { opening } = await writeCaptures(folder, protocol, connections, first);
  for (const { from, file } of opening) await playOut(sw, from, file, connections, first + connections);
}

/** What the switch's process grows by with each connection that it tracks, once it has as many. */
export async function bytesPerConnection(sw: MemorySwitch, folder: string): Promise<number> {
  await open(sw, folder, 'tcp', 1);
  const openUpTo = async (from: number, to: number): Promise<void> => {
    for (let first = from; first < to; first += AT_ONCE) await open(sw, folder, 'tcp', AT_ONCE, first);
  };
  await openUpTo(0, MANY);
  const before = await sw.rss();
  await openUpTo(MANY, 2 * MANY);
  return ((await sw.rss()) - before) / MANY;
}

/**
 * Plays the file until every connection is there and has had its message some times: switches lose what comes while a
 * first packet waits for its flow, and who opens a connection for real sends again.
 */
async function playOut(
  sw: MemorySwitch,
  from: BenchPod,
  file: string,
  frames: number,
  connections: number,
): Promise<void> {
  await sw.play(from, undefined, false);
  const { received } = await sw.counts();
  await sw.play(from, file, true);
  for (const deadline = Date.now() + OPENING_MS; ; await sleep(POLL_MS)) {
    const now = await sw.counts();
    if (now.connections >= connections && now.received >= received + PASSES * frames) break;
    if (Date.now() > deadline) throw new Error(`expected ${connections} connections, ${now.connections} were opened`);
  }
  await sw.play(from, undefined, false);
}

async function measure(sw: MemorySwitch, seconds: number): Promise<Sample> {
  const first = await agreedCounts(sw);
  const start = { ...(await sw.counts()), cpu: await sw.cpuNs(), at: process.hrtime.bigint() };
  await sleep(seconds * 1000);
  const end = { ...(await sw.counts()), cpu: await sw.cpuNs(), at: process.hrtime.bigint() };
  const last = await agreedCounts(sw, unaccounted(first));
  const wall = Number(end.at - start.at) / 1e9;
  const cpu = (end.cpu - start.cpu) / 1e9;
  const sent = end.sent - start.sent;
  return {
    value: sent / cpu / 1e6,
    detail: { wallMpps: sent / wall / 1e6, cpuShare: cpu / wall, connections: end.connections },
    counted: mustBalance(first, last, sw.onTheWay),
  };
}

export const datapathTrials = [
  datapath('datapath-1', 'tcp', 1, 'one'),
  datapath('datapath-1k-both', 'tcp', 1000, 'both'),
  datapath('datapath-50k', 'tcp', 50_000, 'one'),
  datapath('datapath-100k-both', 'udp', 100_000, 'both'),
  { ...datapath('datapath-1m', 'udp', 1_000_000, 'one'), only: ['packetwalk'], maxRounds: 1 },
];
