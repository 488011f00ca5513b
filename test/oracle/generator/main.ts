// `npm run oracle -- --seed S --cases N [--only trace,live,mask,text]`: random flow tables and packets through real
// Open vSwitch and through packetwalk, until N packets are compared. Prints the first differences, each shrunk and
// written under test/oracle/cases/, and last `agree A/N`. Exit code 1 when they differ.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { packageFile } from '../../../dataplane/root.js';
import { summarize } from '../../../dataplane/wire/index.js';
import { packetwalkMissing } from '../live-packetwalk.js';
import { ovsMissing } from '../ovs.js';
import { type Case, printCase, readCase } from './case-file.js';
import { exploreOne, type Found, newTally, startPair, stopPair } from './explore.js';
import { ending, KINDS, type Kind, load, type Pair, revive, sendAll, textOf } from './run.js';
import type { Scenario } from './scenario.js';
import { differs, freshDatagrams, shrink } from './shrink.js';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    cases: { type: 'string', default: '2000' },
    only: { type: 'string', default: KINDS.join(',') },
    /** Differences that are shrunk and written; all are counted. */
    show: { type: 'string', default: '5' },
    /** Only this flow table, by the seed that a difference names. */
    at: { type: 'string' },
    record: { type: 'string' },
    help: { type: 'boolean', short: 'h', default: false },
  },
});
if (values.help) {
  process.stdout.write(
    'npm run oracle -- [--seed S] [--cases N] [--only trace,live,mask,text] [--show N] [--at SCENARIO]\n' +
      'npm run oracle -- --record FILE.case    asks Open vSwitch again what a case comes to, and writes it there\n',
  );
  process.exit(0);
}
const number = (name: 'seed' | 'cases' | 'show' | 'at'): number => {
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
const missing = ovsMissing() ?? packetwalkMissing();
if (missing) {
  process.stderr.write(`packetwalk: ${missing}\n`);
  process.exit(2);
}

const PROGRESS_MS = 2000;
/** OVS sends fragments that waited in vain for 15 seconds along with whatever comes next: it never gets that old. */
const FRAGMENTS_WAIT_MS = 9000;
/** Scenarios of one run have seeds far from those of the next. */
const SEED_STEP = 1_000_003;

process.exit(values.record === undefined ? await explore() : await record(values.record));

async function explore(): Promise<number> {
  const pair = await startPair();
  const tally = newTally();
  const started = Date.now();
  let told = started;
  let shown = 0;
  let fresh = started;
  try {
    const only = values.at === undefined ? undefined : number('at');
    for (let i = 0; only === undefined ? tally.cases < cases : i === 0; i++) {
      if (Date.now() - fresh > FRAGMENTS_WAIT_MS) {
        await restart(pair);
        fresh = Date.now();
      }
      const found = await exploreOne(pair, only ?? seed * SEED_STEP + i, kinds, tally);
      const first = found[0];
      if (first && shown < show) {
        shown++;
        await report(pair, first).catch(async (error: unknown) => {
          if (!(await revive(pair, error))) throw error;
          const { kind } = first.difference;
          process.stdout.write(`${kind} differs (seed ${first.seed}, not shrunk: Open vSwitch died of it)\n`);
        });
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
  if (tally.ovsDied.length)
    process.stderr.write(
      `an assertion of Open vSwitch failed, or its trace did not end, with seeds ${tally.ovsDied.join(', ')}\n`,
    );
  for (const [name, count] of tally.unsupported)
    process.stderr.write(`not run by packetwalk, left out ${count} times: ${name}\n`);
  process.stdout.write(`agree ${tally.agreed}/${tally.cases}\n`);
  return tally.agreed === tally.cases ? 0 : 1;
}

/** Flows and packets of a case that was written by hand get their answers. */
async function record(file: string): Promise<number> {
  const pair = await startPair();
  try {
    const { why, kind, scenario } = readCase(readFileSync(file, 'utf8'));
    writeFileSync(file, printCase(await caseOf(pair, scenario, kind, why)));
  } finally {
    await stopPair(pair);
  }
  return 0;
}

async function report(pair: Pair, { seed: at, scenario, difference }: Found): Promise<void> {
  const { kind } = difference;
  const small = await shrink(pair, scenario, kind, at);
  const again = await differs(pair, small, kind, at);
  const { ovs, own, step } = again ?? difference;
  const lines = [
    `${kind} differs (seed ${at}${again ? '' : ', not again'})`,
    ...small.groups.map((g) => `  group ${g}`),
    ...small.flows.map((f) => `  flow ${f}`),
  ];
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
  // What fragments the many trials have left behind is not for the next.
  await restart(pair);
}

async function restart(pair: Pair): Promise<void> {
  await stopPair(pair);
  Object.assign(pair, await startPair());
}

/** With what Open vSwitch answers to it. */
async function caseOf(pair: Pair, given: Scenario, kind: Kind, why: string): Promise<Case> {
  const scenario = freshDatagrams(given);
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
