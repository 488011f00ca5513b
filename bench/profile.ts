// Where a switch's time goes while a trial runs: samples of its process by the kernel's clock (`perf record -e
// cpu-clock`, which needs no hardware counters), as shares of its functions, kernel included. For targets that were not
// reached; called by run.ts.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../lab/run.js';
import type { ProfileLine } from './types.js';

const HERTZ = 997;
const LINES = 12;

/** Runs `work` while the process is sampled for so many seconds. Rejects with advice when perf cannot. */
export async function profile(pid: number, seconds: number, work: () => Promise<unknown>): Promise<ProfileLine[]> {
  const folder = await mkdtemp(join(tmpdir(), 'packetwalk-profile-'));
  const data = join(folder, 'perf.data');
  try {
    const argv = [
      'record',
      '-q',
      '-e',
      'cpu-clock',
      '-F',
      String(HERTZ),
      '-p',
      String(pid),
      '-o',
      data,
      '--',
      'sleep',
      String(seconds),
    ];
    const recorded = run('perf', argv, { timeoutMs: (seconds + 30) * 1000 }).then(
      () => undefined,
      (error: Error) => error,
    );
    await work();
    const failed = await recorded;
    if (failed) throw new Error(`perf record (apt-get install linux-perf): ${failed.message.split('\n')[0]}`);
    const { stdout } = await run('perf', [
      'report',
      '-i',
      data,
      '--stdio',
      '--no-children',
      '-g',
      'none',
      '-t',
      '|',
      '--sort',
      'symbol,dso',
    ]);
    const lines = profileLines(stdout).slice(0, LINES);
    if (lines.length === 0) throw new Error('perf report: expected functions with their shares, got none');
    return lines;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Lines of `perf report -t '|' --sort symbol,dso`: `12.34% |[k] copy_from_user |[kernel.kallsyms]`, and columns that we
 * do not want.
 */
export function profileLines(text: string): ProfileLine[] {
  const lines: ProfileLine[] = [];
  for (const line of text.split('\n')) {
    const m = /^\s*([\d.]+)%\s*\|\[(.)\] (.*?)\s*\|\s*([^|]*?)\s*(?:\||$)/.exec(line);
    if (m) lines.push({ percent: Number(m[1]), symbol: m[3], object: m[2] === 'k' ? 'kernel' : m[4] });
  }
  return lines;
}
