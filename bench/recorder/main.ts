// `npm run bench:recorder`: what it costs that packets can be watched. A switch at work on TAPs (taps.ts), and the
// datapath alone, on one thread and from memory; each built twice: as it is, and without the recorder. Samples are
// interleaved, in an order that turns; ratios are taken within a round.
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { median } from 'simple-statistics';
import { packageFile } from '../../dataplane/root.js';
import { run } from '../../lab/run.js';
import { commit, machine } from '../machine.js';
import { addonWithoutRecorder } from './addon.js';
import { measureTaps, type TapCase, TAP_CASES } from './taps.js';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '21' },
    packets: { type: 'string', default: '1000000' },
    /** Of the switch at work, which needs root; 0: leave it out. */
    'tap-rounds': { type: 'string', default: '15' },
    /** Write bench/results/recorder.json. */
    save: { type: 'boolean', default: false },
  },
});

interface Sample {
  /** For a packet: CPU time, and instructions of the program (0: this machine does not count them). */
  ns: number;
  instructions: number;
  packets: number;
  watchedPasses: number;
}

/** `most`: the share of throughput that may be lost beside the first. */
const CASES = [
  { name: 'without', title: 'a build without the recorder', binary: 'without', watched: 'nothing', most: 0 },
  { name: 'nothing', title: 'nothing watched', binary: 'with', watched: 'nothing', most: 0.02 },
  { name: 'one in 1,000', title: '1 of 1,000 packets watched', binary: 'with', watched: 'one', most: 0.05 },
] as const;
const WAYS = [
  { name: 'paths', title: 'with the connection cache' },
  { name: 'long', title: 'each packet through flow cache and conntrack' },
] as const;

async function sample(binary: string, way: string, watched: string): Promise<Sample> {
  const { stdout } = await run(packageFile('build', 'bench-recorder', binary, 'recorder'), [
    way,
    watched,
    values.packets,
  ]);
  return JSON.parse(stdout) as Sample;
}

const made = spawnSync(
  'make',
  ['-s', `-j${Math.max(1, availableParallelism())}`, '-C', packageFile('bench', 'recorder')],
  { stdio: 'inherit' },
);
if (made.status !== 0) process.exit(1);

const results: object[] = [];
let kept = true;
for (const way of WAYS) {
  const samples = CASES.map((): Sample[] => []);
  for (let round = 0; round < Number(values.rounds); round++) {
    for (let i = 0; i < CASES.length; i++) {
      const at = (i + round) % CASES.length;
      samples[at].push(await sample(CASES[at].binary, way.name, CASES[at].watched));
    }
  }
  process.stdout.write(`${way.title}\n`);
  for (const [at, { name, title, most }] of CASES.entries()) {
    const of = (what: 'ns' | 'instructions'): { median: number; more: number } => ({
      median: median(samples[at].map((s) => s[what])),
      more: median(samples[at].map((s, round) => s[what] / (samples[0][round][what] || 1))) - 1,
    });
    const [ns, instructions] = [of('ns'), of('instructions')];
    const watched = samples[at][0].watchedPasses;
    const percent = (more: number): string => `${more < 0 ? '' : '+'}${(more * 100).toFixed(2)} %`;
    const told = (of: { median: number; more: number }, unit: string): string =>
      of.median === 0 ? '' : `  ${of.median.toFixed(1).padStart(6)} ${unit} ${percent(of.more).padStart(9)}`;
    process.stdout.write(`  ${title.padEnd(30)}${told(ns, 'ns')}${told(instructions, 'instructions')}\n`);
    results.push({
      way: way.name,
      case: name,
      ns,
      instructions,
      watchedPasses: watched,
      samples: samples[at].map((s) => s.ns),
    });
    // Throughput is the inverse: within 2 % is at most 1/0.98 of the cost.
    if (at > 0 && 1 + ns.more > 1 / (1 - most)) kept = false;
  }
}
let taps: TapCase[] = [];
if (Number(values['tap-rounds']) > 0) {
  process.stderr.write('building the addon without the recorder\n');
  taps = await measureTaps(addonWithoutRecorder(), Number(values['tap-rounds']), 1, (text) =>
    process.stderr.write(`${text}\n`),
  );
  process.stdout.write('a switch at work, on TAPs: throughput, and beside the case that it is compared with\n');
  for (const [i, { title, kpps, ratio, told, watched }] of taps.entries()) {
    const range = `${ratio.median.toFixed(3)} (${ratio.min.toFixed(3)}-${ratio.max.toFixed(3)})`;
    process.stdout.write(
      `  ${title.padEnd(32)}${median(kpps).toFixed(1).padStart(7)} kpps  ${range}${watched > 0 ? `  ${told} of about ${watched} told` : ''}\n`,
    );
    if (ratio.median < TAP_CASES[i].least || told < 0.9 * watched) kept = false;
  }
}
process.stdout.write(`${kept ? 'within' : 'NOT within'} 2 % with nothing watched and 5 % with 1 packet of 1,000\n`);
if (values.save) {
  const folder = packageFile('bench', 'results');
  mkdirSync(folder, { recursive: true });
  const [rounds, packets] = [values.rounds, values.packets].map(Number);
  const report = {
    at: new Date().toISOString(),
    commit: await commit(),
    rounds,
    packets,
    machine: await machine(),
    results,
    taps,
  };
  writeFileSync(`${folder}/recorder.json`, `${JSON.stringify(report, null, 1)}\n`);
}
process.exitCode = kept ? 0 : 1;
