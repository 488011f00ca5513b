// A report as text: one table for each trial, medians with their spread, and our ratio to each peer with its own.
import Table from 'cli-table3';
import { OURS } from './registry.js';
import { ratio } from './stats.js';
import type { Report, Series } from './types.js';

const OURS_ALL = new Set([OURS, `${OURS}-veth`]);

function spread(s: Series): string {
  return s.samples.length ? `${s.median.toFixed(2)} (${s.min.toFixed(2)}-${s.max.toFixed(2)})` : 'none';
}

function detail(s: Series): string {
  const last = s.samples[Math.floor(s.samples.length / 2)];
  return last ? Object.entries(last.detail).map(([k, v]) => `${k} ${v.toFixed(1)}`).join(', ') : (s.void[0]?.split('\n')[0] ?? '');
}

export function ratioText(ours: Series, peer: Series): string {
  const r = ratio(ours, peer);
  return r ? `${r.median.toFixed(2)} (${r.min.toFixed(2)}-${r.max.toFixed(2)})` : '-';
}

export function textReport(report: Report): string {
  const out: string[] = report.where === 'guest' ? [`in a guest (${report.machine.guest}):`, ''] : [];
  for (const trial of new Set(report.series.map((s) => s.trial))) {
    const rows = report.series.filter((s) => s.trial === trial);
    const ours = rows.find((s) => s.contender === OURS);
    const table = new Table({
      head: ['contender', `${rows[0].unit} (min-max)`, `${OURS}/contender`, 'one run'],
      style: { head: [], border: [] },
    });
    for (const s of rows) {
      table.push([s.contender, spread(s), ours && !OURS_ALL.has(s.contender) ? ratioText(ours, s) : '', detail(s)]);
    }
    out.push(trial, table.toString(), '');
  }
  for (const [name, why] of Object.entries(report.unavailable)) out.push(`left out: ${name}: ${why}`);
  out.push(`${report.rounds} rounds of ${report.seconds} s, ${report.machine.cores} cores, ${report.machine.cpu}, Linux ${report.machine.kernel}, ${report.machine.ovs}`);
  if (report.guest) out.push('', textReport(report.guest));
  return out.join('\n');
}
