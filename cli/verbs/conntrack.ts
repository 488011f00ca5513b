// `packetwalk conntrack dump|flush`: the connections that a running switch tracks.
import { InvalidArgumentError, type Command } from 'commander';
import { parseConnection } from '../connection.js';
import { print, printJson } from '../output.js';
import { addTargetOptions, withTarget, type TargetOptions } from '../target.js';

type Options = TargetOptions & { zone?: number; json?: boolean };

function zone(text: string): number {
  const value = Number(text);
  if (!/^(0x[0-9a-f]+|\d+)$/i.test(text) || value > 0xffff)
    throw new InvalidArgumentError(`expected a zone from 0 to 65535, got '${text}'`);
  return value;
}

export function register(program: Command): void {
  const conntrack = program
    .command('conntrack')
    .description('read and flush the connections that a running switch tracks');

  addTargetOptions(conntrack.command('dump'))
    .description('print the connections as ovs-appctl dpctl/dump-conntrack does')
    .option('--zone <number>', 'only this zone', zone)
    .option('-m, --more', 'with timeouts and ids')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  packetwalk conntrack dump --node worker1 --zone 65520')
    .action(async (options: Options & { more?: boolean }) => {
      const args = [...(options.more ? ['-m'] : []), ...(options.zone === undefined ? [] : [`zone=${options.zone}`])];
      await withTarget(options, async (client) => {
        const text = await client.call('dpctl/dump-conntrack', ...args);
        if (options.json) printJson(text.split('\n').filter(Boolean).map(parseConnection));
        else print(text);
      });
    });

  addTargetOptions(conntrack.command('flush'))
    .description('forget connections')
    .option('--zone <number>', 'only those of this zone', zone)
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  packetwalk conntrack flush --node worker1 --zone 65520')
    .action(async (options: Options) => {
      const args = options.zone === undefined ? [] : [`zone=${options.zone}`];
      await withTarget(options, async (client) => {
        const { flushed } = JSON.parse(await client.call('packetwalk/conntrack-flush', ...args)) as { flushed: number };
        if (options.json) printJson({ flushed });
        else print(`flushed ${flushed} connection${flushed === 1 ? '' : 's'}`);
      });
    });
}
