// Groups, as our own CLI asks for them. dump prints ovs-ofctl's text; the rest answers with JSON.
import { InputError } from '../../errors.js';
import type { GroupCommand } from '../../flow-commands.js';
import type { Switch } from '../../switch.js';
import type { CommandTable } from '../commands.js';
import { readArguments } from './arguments.js';

const json = (value: unknown): string => `${JSON.stringify(value)}\n`;

export function registerGroups(commands: CommandTable, sw: Switch): void {
  commands.register({
    name: 'packetwalk/groups-add',
    usage: '[--modify] GROUPS [SOURCE]',
    minArgs: 1,
    maxArgs: 3,
    run: async (args) => {
      const { flags, rest } = readArguments(args, { flags: ['--modify'], maxRest: 2 });
      const [text = '', sourceName = '<group>'] = rest;
      const added = sw.addGroups(text, { sourceName, modify: flags.has('--modify') });
      await sw.settled();
      return json({ added });
    },
  });
  commands.register({
    // Lines with a command before the group: add, modify, add_or_mod, delete, insert_bucket, remove_bucket.
    name: 'packetwalk/groups-mod',
    usage: '[--command COMMAND] GROUPS [SOURCE]',
    minArgs: 1,
    maxArgs: 4,
    run: async (args) => {
      const { values, rest } = readArguments(args, { options: ['--command'], maxRest: 2 });
      const command = values.get('--command')?.at(-1) as GroupCommand | undefined;
      const result = sw.openflow.modGroups(rest[0] ?? '', { command, sourceName: rest[1] ?? '<group>' });
      await sw.settled();
      return json(result);
    },
  });
  commands.register({
    name: 'packetwalk/groups-del',
    usage: '[group_id=N]',
    minArgs: 0,
    maxArgs: 1,
    run: async (args) => {
      const deleted = sw.delGroups(groupId(args));
      await sw.settled();
      return json({ deleted });
    },
  });
  commands.register({
    name: 'packetwalk/groups-dump',
    usage: '[--stats] [--no-names] [group_id=N]',
    minArgs: 0,
    maxArgs: 3,
    run: (args) => {
      const flags = args.filter((arg) => arg.startsWith('--'));
      const given = readArguments(flags, { flags: ['--stats', '--no-names'] }).flags;
      const id = groupId(args.filter((arg) => !arg.startsWith('--')));
      return sw.dumpGroups({ id, stats: given.has('--stats'), names: !given.has('--no-names') });
    },
  });
}

/** As ovs-ofctl del-groups takes it: a number, or nothing for all. */
function groupId(args: readonly string[]): number | undefined {
  const text = readArguments(args, { words: ['group_id'] }).values.get('group_id')?.at(-1);
  if (text === undefined) return undefined;
  const id = Number(text);
  if (!/^(0x[0-9a-f]+|\d+)$/i.test(text) || id > 0xffffff00) {
    throw new InputError('EGROUP', `expected group_id=N with N from 0 to 4294967040, got '${text}'`);
  }
  return id;
}
