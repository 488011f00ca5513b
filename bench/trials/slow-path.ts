// upcalls: first packets a second that were given a megaflow. rules and, by name only, rules-1m: how flow tables of 10
// to a million rules, and ten thousand policies by conjunction, are installed and looked up. memory: bytes of a
// connection, of a megaflow, of a rule.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { writeFirstPackets, writePolicies, writeRules } from '../memory/rules.js';
import type { BenchPod, MemorySwitch, MemoryTrial } from '../types.js';
import { bytesPerConnection } from './datapath.js';

const POLL_MS = 10;
/** A switch that is slower is measured by what it has learnt until then. */
const LEARN_MS = 5000;
/** Megaflows that one run makes at most: below every flow limit. */
const FLOWS = 10_000;
const MEMORY_FLOWS_LEAST = 1000;
const RULES: readonly [string, number][] = [
  ['10 rules', 10],
  ['1k rules', 1000],
  ['100k rules', 100_000],
];
const MILLION: readonly [string, number][] = [['1M rules', 1_000_000]];
const POLICIES = 10_000;
const MEMORY_RULES = 50_000;

async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'packetwalk-rules-'));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Plays the capture of `packets` first packets until all have a megaflow, or for LEARN_MS. */
async function learn(
  sw: MemorySwitch,
  from: BenchPod,
  capture: string,
  packets: number,
): Promise<{ learnt: number; perSecond: number }> {
  await sw.forget();
  await sw.play(from, capture, true);
  const start = performance.now();
  let learnt = 0;
  let ms = 0;
  do {
    await sleep(POLL_MS);
    learnt = Math.min(await sw.megaflows(), packets);
    ms = performance.now() - start;
  } while (learnt < packets && ms < LEARN_MS);
  await sw.play(from, undefined, false);
  if (learnt === 0) throw new Error(`expected megaflows for ${packets} first packets, there is none`);
  return { learnt, perSecond: (1000 * learnt) / ms };
}

async function seconds(work: Promise<void>): Promise<number> {
  const start = performance.now();
  await work;
  return (performance.now() - start) / 1000;
}

export const upcalls: MemoryTrial = {
  kind: 'memory',
  name: 'upcalls',
  title: `first packets given a megaflow, with ${FLOWS.toLocaleString('en')} rules in one table`,
  unit: 'k/s',
  run: (sw, { coredns, octant }) =>
    inFolder(async (folder) => {
      await sw.addFlows(await writeRules(folder, coredns, octant, FLOWS));
      const { learnt, perSecond } = await learn(
        sw,
        coredns,
        await writeFirstPackets(folder, coredns, octant, FLOWS, FLOWS, 0),
        FLOWS,
      );
      return { value: perSecond / 1000, detail: { learnt } };
    }),
};

function installAndLookUp(sizes: readonly [string, number][], policies: number): MemoryTrial['run'] {
  return (sw, { coredns: a, octant: b }) =>
    inFolder(async (folder) => {
      const detail: Record<string, number> = {};
      let stage = 0;
      const measure = async (name: string, file: string, lines: number, count: number): Promise<number> => {
        const installed = lines / (await seconds(sw.addFlows(file))) / 1000;
        const looked =
          (await learn(sw, a, await writeFirstPackets(folder, a, b, count, FLOWS, stage++), FLOWS)).perSecond / 1000;
        Object.assign(detail, { [`${name} install k/s`]: installed, [`${name} first packets k/s`]: looked });
        return looked;
      };
      let value = 0;
      for (const [name, count] of sizes)
        value = await measure(name, await writeRules(folder, a, b, count), count, count);
      if (policies > 0)
        await measure(
          `${policies / 1000}k policies`,
          await writePolicies(folder, a, b, policies),
          policies * 3,
          policies,
        );
      return { value, detail };
    });
}

export const rules: MemoryTrial = {
  kind: 'memory',
  name: 'rules',
  title: 'first packets through 100,000 rules; installing 10 to 100,000 rules and 10,000 policies',
  unit: 'k/s',
  maxRounds: 1,
  run: installAndLookUp(RULES, POLICIES),
};

/** Minutes long. */
export const rules1m: MemoryTrial = {
  kind: 'memory',
  name: 'rules-1m',
  title: 'first packets through a million rules, and installing them',
  unit: 'k/s',
  maxRounds: 1,
  byName: true,
  run: installAndLookUp(MILLION, 0),
};

export const memory: MemoryTrial = {
  kind: 'memory',
  name: 'memory',
  title: 'memory of a connection; of a rule and of a megaflow beside it',
  unit: 'bytes',
  less: true,
  maxRounds: 3,
  run: (sw, { coredns, octant }) =>
    inFolder(async (folder) => {
      const value = await bytesPerConnection(sw, folder);
      const rules = await writeRules(folder, coredns, octant, MEMORY_RULES);
      let before = await sw.rss();
      await sw.addFlows(rules);
      const bytesPerRule = ((await sw.rss()) - before) / MEMORY_RULES;
      const capture = await writeFirstPackets(folder, coredns, octant, MEMORY_RULES, FLOWS, 0);
      before = await sw.rss();
      const { learnt } = await learn(sw, coredns, capture, FLOWS);
      // Of a few, the process's other growth would be taken for theirs.
      const bytesPerMegaflow = learnt < MEMORY_FLOWS_LEAST ? undefined : ((await sw.rss()) - before) / learnt;
      return { value, detail: { bytesPerRule, ...(bytesPerMegaflow === undefined ? {} : { bytesPerMegaflow }) } };
    }),
};
