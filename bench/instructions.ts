// What a packet costs in instructions: by callgrind, which counts the same on every machine and under any load, for the
// memory trial's datapath on one thread (bench/recorder/recorder.cc); and by the processor's own counters, where it has
// them. Called by run.ts after the rounds; the figures stand in the report.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packageFile } from '../dataplane/root.js';
import { run } from '../lab/run.js';
import type { InstructionFigures } from './types.js';

const BINARY = packageFile('build', 'bench-recorder', 'with', 'recorder');
/** Two runs that differ by so many packets only: what comes before and after cancels out. */
const PACKETS = { few: 10_000, many: 30_000 };
const PERF_PACKETS = 2_000_000;
const BUILD_MS = 600_000;
const WAYS = [
  ['paths', 'connection cache'],
  ['long', 'flow cache and conntrack'],
] as const;
const EVENTS = ['instructions', 'cycles', 'cache-references', 'cache-misses'];

/** Instructions of the whole program with so many packets. */
async function callgrind(folder: string, way: string, packets: number): Promise<number> {
  const argv = [
    '--tool=callgrind',
    `--callgrind-out-file=${join(folder, `${way}-${packets}`)}`,
    BINARY,
    way,
    'nothing',
    String(packets),
  ];
  const { stderr } = await run('valgrind', argv, { timeoutMs: BUILD_MS });
  const collected = /Collected : (\d+)/.exec(stderr);
  if (!collected)
    throw new Error(`valgrind: expected a line "Collected : N", got ${stderr.split('\n').slice(-3).join(' ')}`);
  return Number(collected[1]);
}

/** Events of user code for each packet, or why this machine does not count them. */
async function perfStat(way: string): Promise<Record<string, number> | string> {
  const argv = [
    'stat',
    '-x',
    ';',
    '-e',
    EVENTS.map((e) => `${e}:u`).join(','),
    BINARY,
    way,
    'nothing',
    String(PERF_PACKETS),
  ];
  let stderr: string;
  try {
    ({ stderr } = await run('perf', argv));
  } catch (error) {
    return `perf stat cannot run (apt-get install linux-perf): ${(error as Error).message.split('\n')[0]}`;
  }
  const counts: Record<string, number> = {};
  const missing: string[] = [];
  for (const event of EVENTS) {
    const line = stderr.split('\n').find((l) => l.split(';')[2]?.startsWith(event));
    const count = Number(line?.split(';')[0]);
    if (line && Number.isFinite(count)) counts[`${event} a packet`] = count / PERF_PACKETS;
    else missing.push(event);
  }
  return missing.length === 0 ? counts : `this machine does not count ${missing.join(', ')} (perf stat: not supported)`;
}

/** Builds the datapath without Node and counts. Never rejects: what cannot be counted is said. */
export async function countInstructions(): Promise<InstructionFigures> {
  const folder = await mkdtemp(join(tmpdir(), 'packetwalk-callgrind-'));
  const result: InstructionFigures = { callgrind: {}, perfStat: {}, missing: [] };
  try {
    await run(
      'make',
      ['-s', '-j2', '-C', packageFile('bench', 'recorder'), BINARY.replace(packageFile('build'), '../../build')],
      { timeoutMs: BUILD_MS },
    );
    for (const [way, title] of WAYS) {
      const perf = await perfStat(way);
      if (typeof perf === 'string') result.missing.push(`${title}: ${perf}`);
      else result.perfStat[title] = perf;
      const [few, many] = [await callgrind(folder, way, PACKETS.few), await callgrind(folder, way, PACKETS.many)];
      result.callgrind[title] = (many - few) / (PACKETS.many - PACKETS.few);
    }
  } catch (error) {
    result.missing.push(`callgrind: ${(error as Error).message.split('\n')[0]} (apt-get install valgrind make g++)`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return result;
}
