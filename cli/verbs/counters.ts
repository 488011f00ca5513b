// `packetwalk counters`: what became of every packet: received, sent, looked up where, dropped why.
import type { Command } from 'commander';
import type { CounterReport } from '../../dataplane/switch.js';
import { print, printJson, table } from '../output.js';
import { addTargetOptions, withTarget, type TargetOptions } from '../target.js';

export function register(program: Command): void {
  addTargetOptions(program.command('counters'))
    .description('show what became of the packets, and why some were dropped')
    .option('--all', 'also the drop reasons that never happened')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  packetwalk counters --node worker1')
    .action(async (options: TargetOptions & { json?: boolean; all?: boolean }) => {
      await withTarget(options, async (client) => {
        const report = JSON.parse(await client.call('packetwalk/counters')) as CounterReport;
        if (options.json) return printJson(options.all ? report : withoutZeros(report));
        const { drops, copyDrops, slowPath, packetIn, revalidation, conntrack, reasons, ...counters } = report;
        const { packetIns, ...ofControllers } = packetIn;
        const named = (what: string, numbers: object): [string, number][] =>
          Object.entries(numbers).map(([name, n]: [string, number]) => [`${what}: ${name}`, n]);
        const slow = [
          ...named('packetIns', ofControllers),
          ...named('revalidated', revalidation),
          ...named('ct', conntrack),
        ];
        const rows = [
          ...Object.entries(counters),
          ...Object.entries(slowPath),
          ['packetIns', packetIns] as [string, number],
          ...slow,
        ];
        print(table(['counter', 'value'], rows));
        const shown = reasons.filter(({ name }) => options.all || drops[name] > 0 || copyDrops[name] > 0);
        if (shown.length === 0) return print('\nnothing was dropped');
        const dropped = shown.map(({ name, severity, text }) => [name, drops[name], copyDrops[name], severity, text]);
        print(`\n${table(['dropped', 'packets', 'copies', 'kind', 'because'], dropped)}`);
      });
    });
}

function withoutZeros(report: CounterReport): CounterReport {
  const happened = (drops: Record<string, number>): Record<string, number> =>
    Object.fromEntries(Object.entries(drops).filter(([, n]) => n > 0));
  return { ...report, drops: happened(report.drops), copyDrops: happened(report.copyDrops) };
}
