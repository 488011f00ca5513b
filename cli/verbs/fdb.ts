// `packetwalk fdb`: the MAC addresses that NORMAL has learned.
import type { Command } from 'commander';
import { print, printJson, table } from '../output.js';
import { addTargetOptions, withTarget, type TargetOptions } from '../target.js';

interface FdbRow {
  port: number;
  name: string;
  vlan: number;
  mac: string;
  age: number;
}

export function register(program: Command): void {
  addTargetOptions(program.command('fdb'))
    .description('show the MAC addresses that the NORMAL action has learned')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  packetwalk fdb --node worker1')
    .action(async (options: TargetOptions & { json?: boolean }) => {
      await withTarget(options, async (client) => {
        const rows = JSON.parse(await client.call('packetwalk/fdb')) as FdbRow[];
        if (options.json) return printJson(rows);
        print(
          table(
            ['port', 'name', 'vlan', 'mac', 'age (s)'],
            rows.map((r) => [r.port, r.name, r.vlan, r.mac, r.age]),
          ),
        );
      });
    });
}
