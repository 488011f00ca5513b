// The report as a page: the targets, then each trial with its plot; REPORT.md and one SVG for each trial into a folder,
// and the table of targets into the README between its two marks. Called by `packetwalk bench` after a full run.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { plots } from './plots.js';
import { byTrial, detail, seriesText, spread, voids } from './report.js';
import { aim, judge, PRICE_AIM, prices } from './targets.js';
import type { Report } from './types.js';

const MARKS = { begin: '<!-- bench: written by npm run bench -->', end: '<!-- bench: end -->' };
/** What the README shows beside the table. */
const README_PLOTS = ['datapath-100k-both', 'udp-64b', 'tcp-1-stream', 'request-response'];

function row(cells: string[]): string {
  return `| ${cells.map((c) => c.replace(/\|/g, '\\|')).join(' | ')} |`;
}

function table(head: string[], rows: string[][]): string {
  return [row(head), row(head.map(() => '---')), ...rows.map(row)].join('\n');
}

export function targetsMarkdown(report: Report): string {
  const all = judge(report);
  const rows = all.map(({ target, ours, peer, value, verdict }) => [
    `\`${target.trial}\`${target.guest ? ', guest' : ''}`,
    `${seriesText(ours)} ${ours?.unit ?? ''}`,
    target.peer ? `${target.peer}: ${seriesText(peer)}` : '-',
    value ? spread(value) : '-',
    aim(target),
    verdict === 'not reached' ? '**not reached**' : verdict,
  ]);
  return table(['trial', 'ours', 'peer', 'ratio, round by round', 'aim', ''], rows);
}

/** What is said of each target that was not reached: what was tried, where the time goes, what it would take. */
function notReached(report: Report): string[] {
  const missed = judge(report).filter((j) => j.verdict === 'not reached');
  return missed.flatMap(({ target }) => {
    const profile = report.profiles?.find((p) => p.trial === target.trial && p.contender === target.ours);
    const sampled = profile?.lines.map((l) => `${l.percent.toFixed(1)} % \`${l.symbol}\` (${l.object})`).join(', ');
    const time = sampled
      ? `${target.guest ? 'on the host, ' : ''}${sampled}`
      : profile?.missing || 'not sampled in this run';
    return [
      `### \`${target.trial}\` against ${target.peer || 'itself'}`,
      '',
      ...(target.said ? [`- Tried: ${target.said.tried}`] : []),
      target.said?.where ? `- Where it goes: ${target.said.where}` : `- Where our time goes: ${time}.`,
      ...(target.said ? [`- What it would take: ${target.said.takes}`] : []),
      '',
    ];
  });
}

/** One sentence for the README. */
function priceSentence(report: Report): string {
  const all = prices(report).map((p) => `${p.percent.toFixed(0)} % in \`${p.trial}\``);
  return all.length === 0
    ? ''
    : `The price of our switching, as throughput that the bare forwarder on the same ports has more (aim: under ${PRICE_AIM} %; ` +
        `negative: we are ahead): ${all.join(', ')}.`;
}

function priceTable(report: Report): string {
  const rows = prices(report).map((p) => [
    `\`${p.trial}\``,
    `${seriesText(p.ours)} ${p.ours.unit}`,
    seriesText(p.bare),
    spread(p.value),
    `${p.percent.toFixed(1)} %`,
    p.percent < PRICE_AIM ? 'reached' : '**not reached**',
  ]);
  return rows.length === 0
    ? 'Not measured.'
    : table(['trial', 'ours', 'bare', 'ours / bare', 'price', `under ${PRICE_AIM} %`], rows);
}

function instructions({ instructions: counted }: Report): string[] {
  if (!counted) return ['Not counted in this run.'];
  const rows = Object.entries(counted.callgrind).map(([way, n]) => {
    const perf = Object.entries(counted.perfStat[way] ?? {})
      .map(([event, x]) => `${x.toFixed(2)} ${event}`)
      .join(', ');
    return [way, n.toFixed(1), perf || '-'];
  });
  return [
    'User instructions of a 60-byte frame from memory to where it is counted, through connection tracking, on one thread (bench/recorder). ' +
      'callgrind counts the same under any load: a change is a change of the code.',
    '',
    table(['way', 'instructions a packet (callgrind)', 'perf stat'], rows),
    ...counted.missing.map((why) => `\nNot counted: ${why}.`),
  ];
}

/** How many runs' counters were compared, and how many runs did not count. */
export function checked({ series }: Report): string {
  const addUp = series.flatMap((s) => s.samples).filter((s) => s.counted !== undefined).length;
  const thrownAway = series.reduce((n, s) => n + s.void.length, 0);
  return `Runs in which every packet is accounted for, at both ends and between them: ${addUp}; void runs: ${thrownAway}.`;
}

function about(report: Report): string {
  const m = report.machine;
  return (
    `${report.at}, commit ${report.commit}: ${report.rounds} interleaved rounds of ${report.seconds} s, order rotated; medians ` +
    `(min-max of all rounds). ${m.cores} cores of ${m.cpu}, ${m.memoryGiB} GiB, Linux ${m.kernel}, Node ${m.node}, ${m.ovs}. ` +
    `Load average at the start: ${m.loadAverage}. Placement: ${m.placement}. Offloads: ${m.offloads}. ${checked(report)}`
  );
}

function trials(report: Report, drawn: Map<string, string>, prefix: string): string[] {
  return byTrial(report).flatMap(({ trial, title, ours, rows }) => [
    `### ${trial}`,
    '',
    `${title}.`,
    '',
    ...(drawn.has(trial) ? [`![${title}](${prefix}${trial}.svg)`, ''] : []),
    table(
      ['contender', rows[0].series.unit, `${ours} / contender`, 'one run'],
      rows.map(({ series, ratio }) => [series.contender, seriesText(series), ratio, detail(series)]),
    ),
    ...voids(rows.map(({ series }) => series)).map((line) => `\n${line}`),
    '',
  ]);
}

/** REPORT.md and its plots. Returns the file. */
export async function writeMarkdown(report: Report, folder: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  const parts: [Report, string][] = [
    [report, ''],
    ...(report.guest ? [[report.guest, 'guest-'] as [Report, string]] : []),
  ];
  const text: string[] = [
    '# The bench',
    '',
    about(report),
    '',
    '## Targets',
    '',
    targetsMarkdown(report),
    '',
    ...notReached(report),
    '## The price of switching',
    '',
    priceTable(report),
    '',
    '## Instructions a packet',
    '',
    ...instructions(report),
    '',
  ];
  for (const [part, prefix] of parts) {
    const drawn = await plots(part);
    for (const [trial, svg] of drawn) await writeFile(join(folder, `${prefix}${trial}.svg`), `${svg}\n`);
    text.push(prefix ? '## Trials in the guest' : '## Trials', '');
    if (prefix) text.push(`${part.machine.guest}. Only ratios within it mean something.`, '');
    text.push(...trials(part, drawn, prefix));
  }
  for (const [name, why] of Object.entries(report.unavailable)) text.push(`Left out: ${name}: ${why}`, '');
  const file = join(folder, 'REPORT.md');
  await writeFile(file, text.join('\n'));
  return file;
}

/** Puts the last report where the README shows it. Harmless when the README has no place for it. */
export async function writeReadme(report: Report, readme: string): Promise<void> {
  const text = await readFile(readme, 'utf8').catch(() => '');
  const [begin, end] = [text.indexOf(MARKS.begin), text.indexOf(MARKS.end)];
  if (begin < 0 || end < begin) return;
  const shown = README_PLOTS.filter((t) => report.series.some((s) => s.trial === t && s.samples.length > 0));
  const body = [
    about(report),
    '',
    targetsMarkdown(report),
    '',
    priceSentence(report),
    '',
    ...shown.map((t) => `![${t}](bench/results/${t}.svg)`),
  ].join('\n');
  await writeFile(readme, `${text.slice(0, begin)}${MARKS.begin}\n${body}\n${text.slice(end)}`);
}
