// `packetwalk conntrack dump|flush|stats`: the connections that a running switch tracks. What it is told about them is
// in conntrack-settings.ts.
import { InvalidArgumentError, type Command } from 'commander';
import { parseConnection } from '../connection.js';
import { print, printJson } from '../output.js';
import { addTargetOptions, withTarget, type TargetOptions } from '../target.js';
import { registerSettings, type ConntrackReport } from './conntrack-settings.js';

type Options = TargetOptions & { zone?: number; json?: boolean };

export function zone(text: string): number {
  const value = Number(text);
  if (!/^(0x[0-9a-f]+|\d+)$/i.test(text) || value > 0xffff)
    throw new InvalidArgumentError(`expected a zone from 0 to 65535, got '${text}'`);
  return value;
}

const zoneWord = (options: Options): string[] => (options.zone === undefined ? [] : [`zone=${options.zone}`]);

export function register(program: Command): void {
  const conntrack = program
    .command('conntrack')
    .description('read and flush the connections that a running switch tracks, and set their limits and timeouts');

  addTargetOptions(conntrack.command('dump'))
    .description('print the connections as ovs-appctl dpctl/dump-conntrack does')
    .option('--zone <number>', 'only this zone', zone)
    .option('-m, --more', "with ids, both ends' TCP state, and the connection that announced it")
    .option('-s, --statistics', 'with the seconds that are left')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  packetwalk conntrack dump --node worker1 --zone 65520')
    .action(async (options: Options & { more?: boolean; statistics?: boolean }) => {
      const flags = [...(options.more ? ['-m'] : []), ...(options.statistics ? ['-s'] : [])];
      await withTarget(options, async (client) => {
        const text = await client.call('dpctl/dump-conntrack', ...flags, ...zoneWord(options));
        if (options.json) printJson(text.split('\n').filter(Boolean).map(parseConnection));
        else print(text);
      });
    });

  addTargetOptions(conntrack.command('flush'))
    .description('forget connections')
    .argument('[tuple]', "only those of this original tuple, as 'ct_nw_src=192.0.2.1,ct_nw_proto=6,ct_tp_dst=80'")
    .argument('[reply]', 'and of this tuple of their answers')
    .option('--zone <number>', 'only those of this zone', zone)
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      "\nExamples:\n  packetwalk conntrack flush --node worker1 --zone 65520\n  packetwalk conntrack flush 'ct_nw_proto=17,ct_tp_dst=53'",
    )
    .action(async (tuple: string | undefined, reply: string | undefined, options: Options) => {
      const tuples = [tuple, reply].filter((t) => t !== undefined);
      await withTarget(options, async (client) => {
        const text = await client.call('packetwalk/conntrack-flush', ...zoneWord(options), ...tuples);
        const { flushed } = JSON.parse(text) as { flushed: number };
        if (options.json) printJson({ flushed });
        else print(`flushed ${flushed} connection${flushed === 1 ? '' : 's'}`);
      });
    });

  addTargetOptions(conntrack.command('stats'))
    .description('count the connections by protocol and TCP state, as dpctl/ct-stats-show -m does')
    .option('--zone <number>', 'only this zone', zone)
    .option('--json', 'print JSON: what became of connections since the start')
    .addHelpText('after', '\nExample:\n  packetwalk conntrack stats --node worker1')
    .action(async (options: Options) => {
      await withTarget(options, async (client) => {
        if (!options.json) return print(await client.call('dpctl/ct-stats-show', '-m', ...zoneWord(options)));
        printJson((JSON.parse(await client.call('packetwalk/conntrack')) as ConntrackReport).stats);
      });
    });

  registerSettings(conntrack, zone);
}
