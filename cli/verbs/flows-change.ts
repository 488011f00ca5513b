// `packetwalk flows add|mod|del|replace|bundle`: changes of a running switch's OpenFlow tables.
import type { Command } from 'commander';
import { UsageError } from '../errors.js';
import { counted, note, print, printJson } from '../output.js';
import { addTargetOptions, withTarget, type TargetOptions } from '../target.js';
import { type Given, textOrFile } from '../text-or-file.js';

interface Options extends TargetOptions {
  bundle?: boolean;
  dryRun?: boolean;
  json?: boolean;
  protocol?: string;
  strict?: boolean;
}

interface Changed {
  added: number;
  modified: number;
  deleted: number;
  groups: number;
  warnings: string[];
  difference?: string[];
}

export function register(flows: Command): void {
  change(flows, 'add')
    .description('add flows, all or none; a flow with the same match and priority is replaced')
    .argument(
      '<flow-or-file>',
      'one flow as text, a file, or - for stdin; lines may begin with a command (add, delete, ...)',
    )
    .addHelpText(
      'after',
      "\nExamples:\n  packetwalk flows add --node worker1 'table=60,priority=100,udp actions=drop'\n" +
        '  packetwalk flows add -t /run/packetwalk/br-int.ctl --bundle more.flows',
    )
    .action((what: string, options: Options) => mod(what, 'add', options));

  change(flows, 'mod')
    .description('give the flows that a match covers other actions')
    .argument('<flow-or-file>', 'match and actions as text, a file, or - for stdin')
    .option('--strict', 'only the flow with exactly this match and priority')
    .addHelpText('after', "\nExample:\n  packetwalk flows mod --node worker1 'table=60,udp actions=drop'")
    .action((what: string, options: Options) => mod(what, options.strict ? 'modify_strict' : 'modify', options));

  addTargetOptions(flows.command('del'))
    .description('delete the flows that a match covers; without a match, all of them')
    .argument('[match]', "as 'table=60,udp' or 'cookie=0x5/-1'")
    .option('--strict', 'only the flow with exactly this match and priority')
    .option('--json', 'print JSON')
    .addHelpText('after', "\nExample:\n  packetwalk flows del --node worker1 'table=60,udp'")
    .action(async (match: string | undefined, options: Options) => {
      const flags = options.strict ? ['--strict'] : [];
      await withTarget(options, async (client) => {
        const result = JSON.parse(await client.call('packetwalk/flows-del', ...flags, match ?? '')) as {
          deleted: number;
        };
        if (options.json) printJson(result);
        else print(`deleted ${counted(result.deleted, 'flow')}`);
      });
    });

  addTargetOptions(flows.command('replace'))
    .description('make the flows those of a file; those that are alike stay, with their counts')
    .argument('<file>', 'flows, or - for stdin')
    .option('--bundle', 'all at once for every packet')
    .option('--dry-run', 'change nothing, print what would change: - for the switch, + for the file')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  packetwalk flows replace --node worker1 --dry-run flows/article/worker1.flows')
    .action(async (file: string, options: Options) => {
      const { text, source } = read(file);
      const flags = [...(options.bundle ? ['--bundle'] : []), ...(options.dryRun ? ['--dry-run'] : [])];
      await withTarget(options, async (client) => {
        const result = JSON.parse(await client.call('packetwalk/flows-replace', ...flags, text, source)) as Changed;
        for (const warning of result.warnings) note(warning);
        if (options.json) printJson(result);
        else if (options.dryRun) print((result.difference ?? []).join('\n'));
        else print(summary(result));
        if (options.dryRun && result.difference?.length) process.exitCode = 1;
      });
    });

  addTargetOptions(flows.command('bundle'))
    .description('change flows and groups as one transaction: lines begun by flow or group and a command')
    .argument('<file>', "as 'group add group_id=1,...' and 'flow delete table=3', or - for stdin")
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  packetwalk flows bundle --node worker1 changes.txt')
    .action(async (file: string, options: Options) => {
      const { text, source } = read(file);
      await withTarget(options, async (client) => {
        told(JSON.parse(await client.call('packetwalk/bundle', text, source)) as Changed, options);
      });
    });
}

function change(flows: Command, name: string): Command {
  return addTargetOptions(flows.command(name))
    .option('--bundle', 'all at once for every packet; implies -O OpenFlow15')
    .option('-O, --protocol <version>', 'what add and mod mean: OpenFlow10 (default), or OpenFlow15', 'OpenFlow10')
    .option('--json', 'print JSON');
}

async function mod(what: string, command: string, options: Options): Promise<void> {
  const { text, source } = read(what);
  if (!/^OpenFlow1[0-5]$/.test(options.protocol ?? ''))
    throw new UsageError(`expected OpenFlow10 to OpenFlow15, got ${options.protocol}`);
  const flags = ['--command', command];
  if (/1[2-5]$/.test(options.protocol ?? '')) flags.push('--modern');
  if (options.bundle) flags.push('--bundle');
  await withTarget(options, async (client) => {
    told(JSON.parse(await client.call('packetwalk/flows-mod', ...flags, text, source)) as Changed, options);
  });
}

function told(result: Changed, { json }: Options): void {
  for (const warning of result.warnings) note(warning);
  if (json) printJson(result);
  else print(summary(result));
}

function summary({ added, modified, deleted, groups }: Changed): string {
  const parts = [
    ...(added ? [`added ${counted(added, 'flow')}`] : []),
    ...(modified ? [`modified ${counted(modified, 'flow')}`] : []),
    ...(deleted ? [`deleted ${counted(deleted, 'flow')}`] : []),
    ...(groups ? [`changed ${counted(groups, 'group')}`] : []),
  ];
  return parts.length === 0 ? 'nothing changed' : parts.join(', ');
}

const read = (what: string): Given => textOrFile(what, 'flow', /actions?=/);
