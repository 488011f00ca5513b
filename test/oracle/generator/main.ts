// `npm run oracle -- --seed S --cases N [--only trace,live,mask,text]`: random flow tables and packets through real Open
// vSwitch and through packetwalk, until N packets are compared. Prints the first differences, each shrunk and written
// under test/oracle/cases/, and last `agree A/N`. Exit code 1 when they differ.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { packageFile } from '../../../dataplane/root.js';
import { summarize } from '../../../dataplane/wire/index.js';
import { addon } from '../../helpers/addon.js';
import { ovsMissing } from '../ovs.js';
import { type Case, printCase } from './case-file.js';
import { exploreOne, type Found, newTally, startPair, stopPair } from './explore.js';
import { ending, KINDS, type Kind, load, type Pair, sendAll, textOf } from './run.js';
import type { Scenario } from './scenario.js';
import { differs, shrink } from './shrink.js';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    cases: { type: 'string', default: '2000' },
    only: { type: 'string', default: KINDS.join(',') },
    /** Differences that are shrunk and written; all are counted. */
    show: { type: 'string', default: '5' },
    help: { type: 'boolean', short: 'h', default: false },
  },
});
if (values.help) {
  process.stdout.write('npm run oracle -- [--seed S] [--cases N] [--only trace,live,mask,text] [--show N]\n');
  process.exit(0);
}
const number = (name: 'seed' | 'cases' | 'show'): number => {
  const n = Number(values[name]);
  if (Number.isInteger(n) && n >= 0) return n;
  process.stderr.write(`packetwalk: --${name}: expected a number, got "${values[name]}"\n`);
  process.exit(2);
};
const [seed, cases, show] = [number('seed'), number('cases'), number('show')];
const kinds = KINDS.filter((kind) => values.only.split(',').includes(kind));
if (kinds.length !== values.only.split(',').length) {
  process.stderr.write(`packetwalk: --only: expected some of ${KINDS.join(',')}, got "${values.only}"\n`);
  process.exit(2);
}
const missing = ovsMissing() ?? addon.missing;
if (missing) {
  process.stderr.write(`packetwalk: ${missing}\n`);
  process.exit(2);
}

const PROGRESS_MS = 2000;
/** Scenarios of one run have seeds far from those of the next. */
const SEED_STEP = 1_000_003;

process.exit(await explore());

async function explore(): Promise<number> {
  const pair = await startPair();
  const tally = newTally();
  const started = Date.now();
  let told = started;
  let shown = 0;
  try {
    for (let i = 0; tally.cases < cases; i++) {
      const found = await exploreOne(pair, seed * SEED_STEP + i, kinds, tally);
      const first = found[0];
      if (first && shown < show) {
        shown++;
        await report(pair, first);
      }
      if (Date.now() - told < PROGRESS_MS) continue;
      told = Date.now();
      const rate = Math.round((tally.cases * 60_000) / (told - started));
      process.stderr.write(`agree ${tally.agreed}/${tally.cases} (${tally.scenarios} flow tables, ${rate} a minute)\n`);
    }
  } finally {
    await stopPair(pair);
  }
  const met = `${tally.framesOut} frames came out, ${tally.connections} connections, ${tally.otherVersion} flows that one version cannot say`;
  process.stderr.write(`seed ${seed}: ${tally.scenarios} flow tables; ${met}\n`);
  if (tally.ovsDied.length) process.stderr.write(`an assertion of Open vSwitch failed with seeds ${tally.ovsDied.join(', ')}\n`);
  for (const [name, count] of tally.unsupported) process.stderr.write(`not run by packetwalk, left out ${count} times: ${name}\n`);
  process.stdout.write(`agree ${tally.agreed}/${tally.cases}\n`);
  return tally.agreed === tally.cases ? 0 : 1;
}

async function report(pair: Pair, { seed: at, scenario, difference }: Found): Promise<void> {
  const { kind } = difference;
  const small = await shrink(pair, scenario, kind, at);
  const again = await differs(pair, small, kind, at);
  const { ovs, own, step } = again ?? difference;
  const lines = [`${kind} differs (seed ${at}${again ? '' : ', not again'})`, ...small.flows.map((f) => `  flow ${f}`)];
  for (const { port, frame } of small.steps) lines.push(`  packet ${port} ${summarize(frame)}`);
  const from = ovs.findIndex((line, i) => line !== own[i]);
  const part = (all: string[]) => all.slice(Math.max(0, from), Math.max(0, from) + 4);
  lines.push(step === undefined ? '  at the end' : `  at packet ${step}`);
  lines.push(...part(ovs).map((l) => `  ovs ${l}`), ...part(own).map((l) => `  own ${l}`));
  const file = join(packageFile('test', 'oracle', 'cases'), `${kind}-${at}.case`);
  if (again) {
    writeFileSync(file, printCase(await caseOf(pair, small, kind, `${kind} differed (seed ${at})`)));
    lines.push(`  written to ${file}`);
  }
  process.stdout.write(`${lines.join('\n')}\n`);
}

/** With what Open vSwitch answers to it. */
async function caseOf(pair: Pair, scenario: Scenario, kind: Kind, why: string): Promise<Case> {
  await load(pair, scenario);
  const made: Case = { why, kind, scenario, answers: scenario.steps.map(() => []), ending: [] };
  if (kind === 'live') {
    made.answers = await sendAll(pair.ovs, scenario);
    made.ending = await ending(pair.ovs);
  }
  if (kind === 'trace') made.answers = await Promise.all(scenario.steps.map((step) => pair.ovs.trace(step)));
  if (kind === 'text') made.ending = await textOf(pair.ovs);
  return made;
}
