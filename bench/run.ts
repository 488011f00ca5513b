// The bench's method: every round sets up each contender once and runs every trial on it; the order is rotated by one
// from round to round, so that no contender always follows the same other. All pods are made anew for each contender.
import { createPods, PODS, removePods, SWITCH_NETNS } from './pods.js';
import { summarize } from './stats.js';
import type { Contender, Report, Sample, Trial } from './types.js';
import { commit, machine } from './machine.js';

export interface BenchOptions {
  contenders: Contender[];
  trials: Trial[];
  rounds: number;
  /** Of each run. */
  seconds: number;
  onProgress(text: string): void;
  /** Aborted by a signal: stop after cleaning up. */
  signal: AbortSignal;
}

export async function runBench(options: BenchOptions): Promise<Report> {
  const { trials, rounds, seconds, signal } = options;
  const unavailable: Record<string, string> = {};
  const contenders: Contender[] = [];
  for (const c of options.contenders) {
    const why = await c.unavailable();
    if (why === undefined) contenders.push(c);
    else unavailable[c.name] = why;
  }
  const samples = new Map<string, Sample[]>();
  const voided = new Map<string, string[]>();
  const key = (t: Trial, c: Contender) => `${t.name} ${c.name}`;
  for (const t of trials) {
    for (const c of contenders) {
      samples.set(key(t, c), []);
      voided.set(key(t, c), []);
    }
  }

  const pods = Object.values(PODS);
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < contenders.length; i++) {
      const c = contenders[(i + round) % contenders.length];
      signal.throwIfAborted();
      await createPods();
      try {
        const deployment = await c.deploy(pods, SWITCH_NETNS);
        try {
          for (const t of trials) {
            signal.throwIfAborted();
            try {
              const sample = await t.run(PODS, seconds);
              samples.get(key(t, c))!.push(sample);
              options.onProgress(`round ${round + 1}/${rounds}  ${c.name.padEnd(16)} ${t.name.padEnd(18)} ${sample.value.toFixed(2)} ${t.unit}`);
            } catch (error) {
              signal.throwIfAborted();
              const why = error instanceof Error ? error.message : String(error);
              voided.get(key(t, c))!.push(why);
              options.onProgress(`round ${round + 1}/${rounds}  ${c.name.padEnd(16)} ${t.name.padEnd(18)} void: ${why.split('\n')[0]}`);
            }
          }
        } finally {
          await deployment.teardown();
        }
      } finally {
        await removePods();
      }
    }
  }
  const series = trials.flatMap((t) =>
    contenders.map((c) => summarize(t.name, c.name, t.unit, samples.get(key(t, c))!, voided.get(key(t, c))!)),
  );
  return { at: new Date().toISOString(), commit: await commit(), rounds, seconds, machine: await machine(), series, unavailable };
}
