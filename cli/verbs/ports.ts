// `packetwalk ports`: the ports of a running switch, their state and counters.
import type { Command } from 'commander';
import { print, printJson, table } from '../output.js';
import { addTargetOptions, withTarget, type TargetOptions } from '../target.js';

interface PortRow {
  no: number;
  name: string;
  kind: string;
  ifname: string;
  mtu: number;
  state: string;
  rxPackets: number;
  rxBytes: number;
  txPackets: number;
  txBytes: number;
  rxDropped: number;
  rxErrors: number;
  txDropped: number;
  txErrors: number;
  txTooBig: number;
}

export function register(program: Command): void {
  addTargetOptions(program.command('ports'))
    .description("show a running switch's ports and their counters")
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  packetwalk ports --node worker1')
    .action(async (options: TargetOptions & { json?: boolean }) => {
      await withTarget(options, async (client) => {
        const ports = JSON.parse(await client.call('packetwalk/ports')) as PortRow[];
        if (options.json) return printJson(ports);
        const lost = (p: PortRow): number => p.rxDropped + p.rxErrors + p.txDropped + p.txErrors + p.txTooBig;
        print(
          table(
            ['port', 'name', 'kind', 'state', 'mtu', 'rx packets', 'rx bytes', 'tx packets', 'tx bytes', 'lost'],
            ports.map((p) => [
              p.no,
              p.name,
              p.kind,
              p.state,
              p.mtu,
              p.rxPackets,
              p.rxBytes,
              p.txPackets,
              p.txBytes,
              lost(p),
            ]),
          ),
        );
      });
    });
}
