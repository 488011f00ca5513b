// packetwalk bench: the trials of bench/ on the contenders of bench/, interleaved; JSON and tables.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import { CONTENDERS, OURS, TRIALS } from '../../bench/registry.js';
import { writeMarkdown, writeReadme } from '../../bench/markdown.js';
import { ratioText, textReport } from '../../bench/report.js';
import { runBench } from '../../bench/run.js';
import { InputError } from '../../dataplane/errors.js';
import { packageFile } from '../../dataplane/root.js';

interface Flags {
  trial: string[];
  contender: string[];
  rounds?: number;
  seconds?: number;
  quick?: boolean;
  explain?: boolean;
  json?: boolean;
  guest: boolean;
}

function pick<T extends { name: string }>(
  what: string,
  all: readonly T[],
  names: string[],
  byDefault: readonly T[],
): T[] {
  if (names.length === 0) return [...byDefault];
  return names.map((name) => {
    const found = all.find((x) => x.name === name);
    if (!found)
      throw new InputError('EBENCH', `expected a ${what} among ${all.map((x) => x.name).join(', ')}, got ${name}`);
    return found;
  });
}

const collect = (value: string, all: string[]) => [...all, ...value.split(',')];

function number(value: string): number {
  const n = Number(value);
  if (!Number.isInteger(n) || n < 1) throw new InputError('EBENCH', `expected a whole number from 1, got ${value}`);
  return n;
}

export function register(program: Command): void {
  program
    .command('bench')
    .description('measure packetwalk beside the Linux bridge, direct veths and Open vSwitch')
    .option('--trial <name>', `only this trial; again for more (${TRIALS.map((t) => t.name).join(', ')})`, collect, [])
    .option(
      '--contender <name>',
      `only this one, beside ${OURS} (${CONTENDERS.map((c) => c.name).join(', ')})`,
      collect,
      [],
    )
    .option('--rounds <n>', 'rounds; each runs every trial on every contender (default 3)', number)
    .option('--seconds <n>', 'length of one run (default 2)', number)
    .option('--quick', 'keep the last full report; with one trial and one contender the last line is the ratio')
    .option(
      '--explain',
      'with --quick too: instructions a packet, and where our time goes when a target is not reached',
    )
    .option('--no-guest', 'boot no virtual machine for what this kernel cannot run')
    .option('--json', 'print the report as JSON')
    .addHelpText('after', '\nExample:\n  packetwalk bench --quick --trial udp-64b --contender linux-bridge')
    .action(async (flags: Flags) => {
      const trials = pick(
        'trial',
        TRIALS,
        flags.trial,
        TRIALS.filter((t) => !t.byName),
      );
      const contenders = pick('contender', CONTENDERS, flags.contender, CONTENDERS);
      if (!contenders.some((c) => c.name === OURS)) contenders.unshift(CONTENDERS.find((c) => c.name === OURS)!);
      const abort = new AbortController();
      const onSignal = () =>
        abort.abort(new InputError('EINTR', 'interrupted; everything was taken down, what was measured is kept'));
      process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
      const report = await runBench({
        trials,
        contenders,
        rounds: flags.rounds ?? 3,
        seconds: flags.seconds ?? 2,
        guest: flags.guest,
        explain: flags.explain ?? !flags.quick,
        signal: abort.signal,
        onProgress: (text) => process.stderr.write(`${text}\n`),
      });
      const dir = packageFile('bench', 'results');
      await mkdir(dir, { recursive: true });
      const all = !report.interrupted && !flags.quick && flags.trial.length === 0 && flags.contender.length === 0;
      const file = join(dir, `${report.interrupted ? 'interrupted' : all ? 'full' : 'quick'}.json`);
      await writeFile(file, `${JSON.stringify(report, null, 1)}\n`);
      if (all) {
        await writeMarkdown(report, dir);
        await writeReadme(report, packageFile('README.md'));
      }
      if (flags.json) process.stdout.write(`${JSON.stringify(report, null, 1)}\n`);
      else process.stdout.write(`${textReport(report)}\nwritten: ${file}\n`);
      abort.signal.throwIfAborted();
      const peers = contenders.filter((c) => c.name !== OURS);
      if (!flags.json && trials.length === 1 && peers.length === 1) {
        const { series } = report.guest ?? report;
        const of = (name: string) => series.find((s) => s.contender === name);
        const [ours, peer] = [of(trials[0].ours ?? OURS), of(peers[0].name)];
        if (ours && peer) process.stdout.write(`${trials[0].name} ours/${peers[0].name} ${ratioText(ours, peer)}\n`);
      }
    });
}
