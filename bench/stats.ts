// Samples to a series: the median with its spread. Ratios are taken round by round, of runs that stood side by side.
import { max, median, min } from 'simple-statistics';
import type { Sample, Series } from './types.js';

export function summarize(trial: string, contender: string, unit: string, samples: Sample[], voided: string[]): Series {
  const values = samples.map((s) => s.value);
  const has = values.length > 0;
  return {
    trial,
    contender,
    unit,
    samples,
    void: voided,
    median: has ? median(values) : 0,
    min: has ? min(values) : 0,
    max: has ? max(values) : 0,
  };
}

export interface Ratio {
  median: number;
  min: number;
  max: number;
}

/** ours/peer for each round that both finished; undefined when there is none. */
export function ratio(ours: Series, peer: Series): Ratio | undefined {
  const ratios: number[] = [];
  for (const [i, ourSample] of ours.samples.entries()) {
    // Reports of before rounds were noted have one sample a round.
    const theirs =
      ourSample.round === undefined ? peer.samples[i] : peer.samples.find((s) => s.round === ourSample.round);
    if (theirs && theirs.value > 0) ratios.push(ourSample.value / theirs.value);
  }
  return ratios.length ? { median: median(ratios), min: min(ratios), max: max(ratios) } : undefined;
}
