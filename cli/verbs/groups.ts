// `packetwalk groups dump|add|insert-buckets|remove-buckets|del`: the groups of a running switch, in ovs-ofctl's
// language.
import type { Command } from 'commander';
import { counted, print, printJson } from '../output.js';
import { addTargetOptions, withTarget, type TargetOptions } from '../target.js';
import { type Given, textOrFile } from '../text-or-file.js';

type Options = TargetOptions & { json?: boolean };

export function register(program: Command): void {
  const groups = program.command('groups').description('read and change the groups that flows send packets to');

  addTargetOptions(groups.command('dump'))
    .description('print the groups')
    .argument('[group]', "only this one, as 'group_id=5'")
    .option('--stats', 'what went through each group and bucket')
    .option('--no-names', 'port numbers in place of names')
    .option('--json', 'print JSON: the lines')
    .addHelpText('after', '\nExample:\n  packetwalk groups dump --node worker1 --stats')
    .action(async (group: string | undefined, options: Options & { stats?: boolean; names: boolean }) => {
      const args = [...(options.stats ? ['--stats'] : []), ...(options.names ? [] : ['--no-names'])];
      if (group !== undefined) args.push(group);
      await withTarget(options, async (client) => {
        const text = await client.call('packetwalk/groups-dump', ...args);
        if (options.json)
          printJson(
            text
              .split('\n')
              .filter((line) => line !== '')
              .map((line) => line.trim()),
          );
        else print(text);
      });
    });

  addTargetOptions(groups.command('add'))
    .description('add groups, all or none')
    .argument('<group-or-file>', 'one group as text, a file, or - for stdin')
    .option('--modify', 'groups that are there already get these buckets')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      "\nExample:\n  packetwalk groups add --node worker1 'group_id=5,type=select,bucket=actions=output:2,bucket=actions=output:3'",
    )
    .action(async (what: string, options: Options & { modify?: boolean }) => {
      const { text, source } = groupText(what);
      await withTarget(options, async (client) => {
        const flags = options.modify ? ['--modify'] : [];
        const result = JSON.parse(await client.call('packetwalk/groups-add', ...flags, text, source)) as {
          added: number;
        };
        if (options.json) printJson(result);
        else print(`${options.modify ? 'added or modified' : 'added'} ${counted(result.added, 'group')}`);
      });
    });

  for (const { verb, command, what, text, example } of BUCKET_VERBS) {
    addTargetOptions(groups.command(verb))
      .description(what)
      .argument('<change>', text)
      .option('--json', 'print JSON')
      .addHelpText('after', `\nExample:\n  packetwalk groups ${verb} --node worker1 '${example}'`)
      .action(async (change: string, options: Options) => {
        const { text: changes, source } = groupText(change);
        await withTarget(options, async (client) => {
          const result = JSON.parse(
            await client.call('packetwalk/groups-mod', '--command', command, changes, source),
          ) as { groups: number };
          if (options.json) printJson(result);
          else print(`changed ${counted(result.groups, 'group')}`);
        });
      });
  }

  addTargetOptions(groups.command('del'))
    .description('delete a group, or all without an argument; flows that send packets there go, too')
    .argument('[group]', "as 'group_id=5'")
    .option('--json', 'print JSON')
    .addHelpText('after', "\nExample:\n  packetwalk groups del --node worker1 'group_id=5'")
    .action(async (group: string | undefined, options: Options) => {
      await withTarget(options, async (client) => {
        const args = group === undefined ? [] : [group];
        const result = JSON.parse(await client.call('packetwalk/groups-del', ...args)) as { deleted: number };
        if (options.json) printJson(result);
        else print(`deleted ${counted(result.deleted, 'group')}`);
      });
    });
}

const BUCKET_VERBS = [
  {
    verb: 'insert-buckets',
    command: 'insert_bucket',
    what: 'put buckets into a group; the others keep their counts',
    text: 'group_id=N,command_bucket_id=first|last|ID,bucket=...: where ID is, behind that bucket',
    example: 'group_id=5,command_bucket_id=last,bucket=bucket_id:7,actions=output:4',
  },
  {
    verb: 'remove-buckets',
    command: 'remove_bucket',
    what: 'take buckets out of a group; the others keep their counts',
    text: 'group_id=N,command_bucket_id=first|last|all|ID',
    example: 'group_id=5,command_bucket_id=7',
  },
];

const groupText = (what: string): Given => textOrFile(what, 'group', /group_id=/);
