// The bench's arithmetic: ratios within rounds, targets, the price of switching, what perf says.
import { describe, expect, it } from 'vitest';
import { checked } from '../../bench/markdown.js';
import { profileLines } from '../../bench/profile.js';
import { CONTENDERS, TRIALS } from '../../bench/registry.js';
import { textReport } from '../../bench/report.js';
import { ratio, summarize } from '../../bench/stats.js';
import { judge, prices, TARGETS } from '../../bench/targets.js';
import type { Report, Series } from '../../bench/types.js';

function series(trial: string, contender: string, rounds: [round: number, value: number][]): Series {
  return summarize(
    trial,
    contender,
    'kpps',
    rounds.map(([round, value]) => ({ round, value, detail: {} })),
    [],
  );
}

function report(all: Series[]): Report {
  return { where: 'host', at: '', commit: '', rounds: 2, seconds: 1, machine: {}, series: all, unavailable: {} };
}

describe('the bench', () => {
  it('takes ratios of runs of the same round, when one of them was void', () => {
    const ours = series('udp-64b', 'packetwalk', [
      [1, 20],
      [2, 30],
    ]);
    const peer = series('udp-64b', 'linux-bridge', [
      [0, 1],
      [1, 10],
      [2, 10],
    ]);
    expect(ratio(ours, peer)).toEqual({ median: 2.5, min: 2, max: 3 });
    expect(ratio(ours, series('udp-64b', 'linux-bridge', [[0, 1]]))).toBeUndefined();
  });

  it('has targets of trials and contenders that exist, and says something of each that could be missed to a kernel path', () => {
    for (const t of TARGETS) {
      expect(TRIALS.map((x) => x.name)).toContain(t.trial);
      for (const name of [t.ours, t.peer].filter(Boolean)) expect(CONTENDERS.map((x) => x.name)).toContain(name);
      if (/^(udp|tcp|request)/.test(t.trial)) expect(t.said).toBeDefined();
    }
  });

  it('judges by the median of the ratios', () => {
    const judged = judge(
      report([series('udp-64b', 'packetwalk', [[0, 17]]), series('udp-64b', 'linux-bridge', [[0, 10]])]),
    );
    expect(judged.find((j) => j.target.trial === 'udp-64b' && j.target.peer === 'linux-bridge')?.verdict).toBe(
      'not reached',
    );
    expect(judged.find((j) => j.target.trial === 'idle')?.verdict).toBe('not measured');
  });

  it('tells the price of switching in percent of the bare forwarder', () => {
    const [price] = prices(report([series('udp-64b', 'packetwalk', [[0, 85]]), series('udp-64b', 'bare', [[0, 100]])]));
    expect(price.percent).toBeCloseTo(15);
  });

  it('says how many runs were checked to the last packet, and how many were void', () => {
    const s = summarize(
      'udp-64b',
      'packetwalk',
      'kpps',
      [{ value: 1, detail: {}, counted: 'sender 1 > eth0 of b 1' }],
      ['round 1, run 1: lost'],
    );
    const all = report([s, series('idle', 'packetwalk', [[0, 1]])]);
    expect(checked(all)).toBe(
      'Runs in which every packet is accounted for, at both ends and between them: 1; void runs: 1.',
    );
    expect(textReport(all)).toContain('Void, packetwalk: round 1, run 1: lost');
  });

  it('reads what perf report prints', () => {
    const text =
      '# Samples: 4K\n    29.84% |[k] copy_user_generic          |[kernel.kallsyms] |-      -       \n     7.10%|[.] pw::Pipeline::receive(int)|packetwalk.node\n';
    expect(profileLines(text)).toEqual([
      { percent: 29.84, symbol: 'copy_user_generic', object: 'kernel' },
      { percent: 7.1, symbol: 'pw::Pipeline::receive(int)', object: 'packetwalk.node' },
    ]);
  });
});
