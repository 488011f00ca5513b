// A report as text: one table for each trial, medians with their spread, and our ratio to each peer with its own; then
// the targets. The Markdown report (markdown.ts) says the same with plots.
import Table from 'cli-table3';
import { OURS, TRIALS } from './registry.js';
import { ratio } from './stats.js';
import { aim, judge } from './targets.js';
import type { Report, Series } from './types.js';

export const number = (value: number): string =>
  value.toFixed(Math.abs(value) < 10 ? 2 : Math.abs(value) < 1000 ? 1 : 0);

export function spread(s: { median: number; min: number; max: number }): string {
  return `${number(s.median)} (${number(s.min)}-${number(s.max)})`;
}

export function seriesText(s: Series | undefined): string {
  return s?.samples.length ? spread(s) : 'none';
}

/** Other figures of a run in the middle; or why there is none. */
export function detail(s: Series): string {
  const one = s.samples[Math.floor(s.samples.length / 2)];
  return one
    ? Object.entries(one.detail)
        .map(([k, v]) => `${k} ${number(v)}`)
        .join(', ')
    : (s.void[0]?.split('\n')[0] ?? '');
}

export function ratioText(ours: Series, peer: Series): string {
  const r = ratio(ours, peer);
  return r ? `${r.median.toFixed(2)} (${r.min.toFixed(2)}-${r.max.toFixed(2)})` : '-';
}

/** Runs that were thrown away, with their reasons. */
export function voids(all: readonly Series[]): string[] {
  return all.flatMap((s) => s.void.map((why) => `Void, ${s.contender}: ${why.split('\n')[0]}`));
}

export interface TrialRows {
  trial: string;
  title: string;
  ours: string;
  /** With our ratio to it, of all but our own ways. */
  rows: { series: Series; ratio: string }[];
}

/** The series of a report by trial. */
export function byTrial(report: Report): TrialRows[] {
  return [...new Set(report.series.map((s) => s.trial))].map((name) => {
    const trial = TRIALS.find((t) => t.name === name);
    const oursName = trial?.ours ?? OURS;
    const all = report.series.filter((s) => s.trial === name);
    const ours = all.find((s) => s.contender === oursName);
    const rows = all.map((series) => ({
      series,
      ratio: ours && !series.contender.startsWith(OURS) ? ratioText(ours, series) : '',
    }));
    return { trial: name, title: trial?.title ?? name, ours: oursName, rows };
  });
}

export function textReport(report: Report): string {
  const out: string[] = report.where === 'guest' ? [`in a guest (${report.machine.guest}):`, ''] : [];
  for (const { trial, title, ours, rows } of byTrial(report)) {
    const table = new Table({
      head: ['contender', `${rows[0].series.unit} (min-max)`, `${ours}/contender`, 'one run'],
      style: { head: [], border: [] },
      colWidths: [null, null, null, 60],
      wordWrap: true,
    });
    for (const { series, ratio: r } of rows) table.push([series.contender, seriesText(series), r, detail(series)]);
    out.push(`${trial}: ${title}`, table.toString(), ...voids(rows.map((row) => row.series)), '');
  }
  if (report.where === 'host') out.push(targetTable(report), '');
  for (const [name, why] of Object.entries(report.unavailable)) out.push(`left out: ${name}: ${why}`);
  out.push(
    `${report.rounds} rounds of ${report.seconds} s, ${report.machine.cores} cores, ${report.machine.cpu}, Linux ${report.machine.kernel}, ${report.machine.ovs}`,
  );
  if (report.guest) out.push('', textReport(report.guest));
  return out.join('\n');
}

/** Only what was measured: a run of one trial has one target. */
function targetTable(report: Report): string {
  const table = new Table({ head: ['target', 'ours', 'peer', 'ratio', 'aim', ''], style: { head: [], border: [] } });
  for (const { target, ours, peer, value, verdict } of judge(report)) {
    if (!value) continue;
    const what = `${target.trial}${target.peer ? ` against ${target.peer}` : ''}`;
    table.push([what, seriesText(ours), peer ? seriesText(peer) : '', spread(value), aim(target), verdict]);
  }
  return table.toString();
}
