// `packetwalk tlv-map dump|add|del`: which Geneve options flows can match and write, as ovs-ofctl's *-tlv-map commands.
import type { Command } from 'commander';
import { print, printJson } from '../output.js';
import { addTargetOptions, withTarget, type TargetOptions } from '../target.js';

type Options = TargetOptions & { json?: boolean };

const EXAMPLE = "'{class=0x104,type=0x80,len=4}->tun_metadata0'";

export function register(program: Command): void {
  const map = program.command('tlv-map').description('read and change which Geneve options are tun_metadata fields');

  addTargetOptions(map.command('dump'))
    .description('print the mappings')
    .option('--json', 'print JSON: the lines')
    .addHelpText('after', '\nExample:\n  packetwalk tlv-map dump --node worker1')
    .action(async (options: Options) => {
      const text = await withTarget(options, (client) => client.call('packetwalk/tlv-map-dump'));
      if (options.json) printJson(text.trimEnd().split('\n'));
      else print(text);
    });

  addTargetOptions(map.command('add'))
    .description('map options, all or none')
    .argument('<mappings>', '{class=C,type=T,len=L}->tun_metadataN[,...]')
    .option('--json', 'print JSON')
    .addHelpText('after', `\nExample:\n  packetwalk tlv-map add --node worker1 ${EXAMPLE}`)
    .action((mappings: string, options: Options) => change(options, 'packetwalk/tlv-map-add', mappings));

  addTargetOptions(map.command('del'))
    .description('forget mappings, or all without an argument; one that a flow uses stays')
    .argument('[mappings]', '{class=C,type=T,len=L}->tun_metadataN[,...]')
    .option('--json', 'print JSON')
    .addHelpText('after', `\nExample:\n  packetwalk tlv-map del --node worker1 ${EXAMPLE}`)
    .action((mappings: string | undefined, options: Options) =>
      change(options, 'packetwalk/tlv-map-del', ...(mappings === undefined ? [] : [mappings])),
    );
}

async function change(options: Options, method: string, ...args: string[]): Promise<void> {
  const answer = await withTarget(options, (client) => client.call(method, ...args));
  if (options.json) print(answer);
}
