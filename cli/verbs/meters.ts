// `packetwalk meters dump|add|del`: the meters of a running switch, in ovs-ofctl's language.
import type { Command } from 'commander';
import { counted, print, printJson } from '../output.js';
import { addTargetOptions, withTarget, type TargetOptions } from '../target.js';
import { type Given, textOrFile } from '../text-or-file.js';

type Options = TargetOptions & { json?: boolean };

export function register(program: Command): void {
  const meters = program.command('meters').description('read and change the meters that limit what flows let through');

  addTargetOptions(meters.command('dump'))
    .description('print the meters')
    .argument('[meter]', "only this one, as 'meter=5'")
    .option('--stats', 'what went in, and what each band dropped')
    .option('--json', 'print JSON: the lines')
    .addHelpText('after', '\nExample:\n  packetwalk meters dump --node worker1 --stats')
    .action(async (meter: string | undefined, options: Options & { stats?: boolean }) => {
      const args = [...(options.stats ? ['--stats'] : []), ...(meter === undefined ? [] : [meter])];
      await withTarget(options, async (client) => {
        const text = await client.call('packetwalk/meters-dump', ...args);
        if (options.json) printJson(text.split('\n').filter((line) => line !== ''));
        else print(text);
      });
    });

  addTargetOptions(meters.command('add'))
    .description('add meters, all or none')
    .argument('<meter-or-file>', 'one meter as text, a file, or - for stdin')
    .option('--modify', 'meters that are there get these bands')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      "\nExample:\n  packetwalk meters add --node worker1 'meter=5,kbps,burst,bands=type=drop,rate=1000,burst_size=100'",
    )
    .action(async (what: string, options: Options & { modify?: boolean }) => {
      const { text, source } = meterText(what);
      await withTarget(options, async (client) => {
        const flags = options.modify ? ['--modify'] : [];
        const result = JSON.parse(await client.call('packetwalk/meters-add', ...flags, text, source)) as {
          added: number;
        };
        if (options.json) printJson(result);
        else print(`${options.modify ? 'modified' : 'added'} ${counted(result.added, 'meter')}`);
      });
    });

  addTargetOptions(meters.command('del'))
    .description('delete a meter, or all without an argument; flows that name it go, too')
    .argument('[meter]', "as 'meter=5'")
    .option('--json', 'print JSON')
    .addHelpText('after', "\nExample:\n  packetwalk meters del --node worker1 'meter=5'")
    .action(async (meter: string | undefined, options: Options) => {
      await withTarget(options, async (client) => {
        const args = meter === undefined ? [] : [meter];
        const result = JSON.parse(await client.call('packetwalk/meters-del', ...args)) as { deleted: number };
        if (options.json) printJson(result);
        else print(`deleted ${counted(result.deleted, 'meter')}`);
      });
    });
}

const meterText = (what: string): Given => textOrFile(what, 'meter', /meter=/);
