#!/usr/bin/env node
// The packetwalk command: one verb per file in verbs/, which this file only puts together. Errors are printed here,
// once: exit code 1 when something was refused, 2 when the command line itself is wrong.
import { readFileSync, realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Command, CommanderError } from 'commander';
import { packageFile } from '../dataplane/root.js';
import { UsageError } from './errors.js';
import { io } from './output.js';
import * as agent from './verbs/agent.js';
import * as apply from './verbs/apply.js';
import * as bench from './verbs/bench.js';
import * as conntrack from './verbs/conntrack.js';
import * as controller from './verbs/controller.js';
import * as counters from './verbs/counters.js';
import * as fdb from './verbs/fdb.js';
import * as flows from './verbs/flows.js';
import * as follow from './verbs/follow.js';
import * as get from './verbs/get.js';
import * as groups from './verbs/groups.js';
import * as meters from './verbs/meters.js';
import * as lab from './verbs/lab.js';
import * as lesson from './verbs/lesson.js';
import * as ports from './verbs/ports.js';
import * as switchVerb from './verbs/switch.js';
import * as tlvMap from './verbs/tlv-map.js';
import * as trace from './verbs/trace.js';
import * as ui from './verbs/ui.js';
import * as walk from './verbs/walk.js';
import * as watch from './verbs/watch.js';
import * as whatif from './verbs/whatif.js';

const VERBS = [
  lab,
  apply,
  follow,
  get,
  walk,
  watch,
  ui,
  trace,
  whatif,
  lesson,
  flows,
  controller,
  conntrack,
  ports,
  counters,
  fdb,
  groups,
  meters,
  tlvMap,
  switchVerb,
  agent,
  bench,
];

export function version(): string {
  return (JSON.parse(readFileSync(packageFile('package.json'), 'utf8')) as { version: string }).version;
}

/** All verbs, their options and their help. */
export function createProgram(): Command {
  const program = new Command('packetwalk')
    .description('a userspace switch that shows how a packet really travels through a Kubernetes node')
    .version(`packetwalk ${version()}`, '--version', 'print the version')
    .helpCommand(false)
    .showHelpAfterError('(--help shows how)');
  for (const verb of VERBS) verb.register(program);
  const settle = (command: Command): void => {
    command.exitOverride().configureOutput({
      writeOut: io.out,
      writeErr: io.err,
      outputError: (text, write) => write(text.replace(/^error: /, 'packetwalk: ')),
    });
    for (const sub of command.commands) settle(sub);
  };
  settle(program);
  return program;
}

/** Runs one command line (without node and script name); resolves with the exit code. */
export async function main(argv: string[]): Promise<number> {
  try {
    await createProgram().parseAsync(argv, { from: 'user' });
    return Number(process.exitCode ?? 0);
  } catch (e) {
    if (e instanceof CommanderError) {
      const asked = e.code === 'commander.helpDisplayed' || e.code === 'commander.version';
      return asked ? 0 : 2; // commander has printed it
    }
    io.err(`packetwalk: ${e instanceof Error ? e.message : String(e)}\n`);
    if (process.env.PACKETWALK_DEBUG && e instanceof Error) io.err(`${e.stack}\n`);
    return e instanceof UsageError ? 2 : 1;
  }
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  // `packetwalk ... | head`: the reader has seen enough.
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (e: NodeJS.ErrnoException) => {
      if (e.code === 'EPIPE') process.exit(0);
      throw e;
    });
  }
  process.exitCode = await main(process.argv.slice(2));
}
