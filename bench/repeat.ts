// A run that is void (counters that do not add up, a program that failed) is made once more. What a void run measured
// is thrown away, its reason kept: a round without a good run has no figure at all. Used by run.ts.
import type { Sample } from './types.js';

const TRIES = 2;

export interface Attempts {
  /** Of the first good run; absent: there was none. */
  sample?: Sample;
  /** Of each void run, in full. */
  void: string[];
}

/** `told` hears of each void run at once. Rejects only when aborted. */
export async function repeated(
  run: () => Promise<Sample>,
  signal: AbortSignal,
  told: (why: string) => void,
): Promise<Attempts> {
  const reasons: string[] = [];
  for (let tries = 1; tries <= TRIES; tries++) {
    signal.throwIfAborted();
    try {
      return { sample: await run(), void: reasons };
    } catch (error) {
      signal.throwIfAborted();
      const why = error instanceof Error ? error.message : String(error);
      reasons.push(`run ${tries}: ${why}`);
      told(why);
    }
  }
  return { void: reasons };
}
