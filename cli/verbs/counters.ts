// `packetwalk counters`: what became of every packet: received, sent, looked up where, dropped why.
import type { Command } from 'commander';
import { print, printJson, table } from '../output.js';
import { addTargetOptions, withTarget, type TargetOptions } from '../target.js';

interface Counters {
  counters: Record<string, number>;
  drops: { name: string; severity: string; packets: number; text: string }[];
}

export function register(program: Command): void {
  addTargetOptions(program.command('counters'))
    .description('show what became of the packets, and why some were dropped')
    .option('--all', 'also the drop reasons that never happened')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  packetwalk counters --node worker1')
    .action(async (options: TargetOptions & { json?: boolean; all?: boolean }) => {
      await withTarget(options, async (client) => {
        const { counters, drops } = JSON.parse(await client.call('packetwalk/counters')) as Counters;
        const shown = options.all ? drops : drops.filter((d) => d.packets > 0);
        if (options.json) return printJson({ counters, drops: shown });
        print(table(['counter', 'value'], Object.entries(counters)));
        if (shown.length === 0) return print('\nnothing was dropped');
        print(`\n${table(['dropped', 'packets', 'kind', 'because'], shown.map((d) => [d.name, d.packets, d.severity, d.text]))}`);
      });
    });
}
