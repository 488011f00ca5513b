// A child program for as long as we need it: started in a namespace, waited for until it is ready, stopped by its pid.
// Used by the walks (tcpdump), the bench and tests. Programs that outlive us are the lab's own matter (processes.ts).
import { spawn, type ChildProcess } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { SystemError } from '../dataplane/errors.js';
import { DIES_WITH_US } from './run.js';

export interface ProgramOptions {
  /** Name of a namespace under /run/netns; absent: ours. */
  netns?: string;
  env?: Record<string, string>;
  /** Ready when a line of its stdout or stderr matches. */
  readyLine?: RegExp;
  /** Ready when this answers true; asked again until `timeoutMs`. A rejection counts as not yet. */
  ready?: () => Promise<boolean>;
  /** Its output goes to this file as well. */
  log?: string;
  /** Takes what it writes to stdout, as it is; output() then has stderr alone. */
  onStdout?: (chunk: Buffer) => void;
  /** Killed when we are. */
  diesWithUs?: boolean;
  timeoutMs?: number;
  /** What ends it politely. Default SIGTERM. */
  stopSignal?: NodeJS.Signals;
}

export interface Program {
  pid: number;
  /** Ends it and waits; SIGKILL after 3 s. Harmless when it has ended already. */
  stop(): Promise<void>;
  /** Everything it wrote so far, at most the last 64 KiB. */
  output(): string;
}

const OUTPUT_KEPT = 64 * 1024;
const STOP_MS = 3000;

export async function startProgram(command: string, args: string[], options: ProgramOptions = {}): Promise<Program> {
  const inside = options.netns ? ['ip', 'netns', 'exec', options.netns, command, ...args] : [command, ...args];
  const argv = options.diesWithUs ? [...DIES_WITH_US, ...inside] : inside;
  const child = spawn(argv[0], argv.slice(1), {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...options.env },
  });
  const log = options.log ? createWriteStream(options.log) : undefined;
  let output = '';
  let waiting: (() => void) | undefined;
  if (options.onStdout) child.stdout.on('data', options.onStdout);
  for (const stream of options.onStdout ? [child.stderr] : [child.stdout, child.stderr]) {
    stream.setEncoding('utf8');
    stream.on('data', (text: string) => {
      output = (output + text).slice(-OUTPUT_KEPT);
      log?.write(text);
      waiting?.();
    });
  }
  child.on('close', () => {
    log?.end();
    waiting?.();
  });
  const failed = once(child, 'error').then(([e]) => {
    throw new SystemError(
      'spawn',
      argv[0],
      (e as NodeJS.ErrnoException).code ?? 'EUNKNOWN',
      `is ${argv[0]} installed?`,
    );
  });
  failed.catch(() => {});
  await Promise.race([once(child, 'spawn'), failed]);
  const program: Program = {
    pid: child.pid!,
    stop: () => stop(child, options.stopSignal ?? 'SIGTERM'),
    output: () => output,
  };

  const deadline = Date.now() + (options.timeoutMs ?? 10_000);
  const isReady = async (): Promise<boolean> =>
    options.readyLine ? options.readyLine.test(output) : options.ready ? options.ready().catch(() => false) : true;
  while (!(await isReady())) {
    const ended = child.exitCode !== null || child.signalCode !== null;
    if (ended || Date.now() > deadline) {
      await program.stop();
      const what = ended ? `ended with ${child.exitCode ?? child.signalCode}` : 'was not ready in time';
      throw new Error(`${argv.join(' ')} ${what}:\n${output.trim() || '(no output)'}`);
    }
    await Promise.race([sleep(options.readyLine ? 200 : 30), new Promise<void>((resolve) => (waiting = resolve))]);
  }
  return program;
}

async function stop(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const closed = once(child, 'close');
  child.kill(signal);
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
  await closed;
  clearTimeout(timer);
}
