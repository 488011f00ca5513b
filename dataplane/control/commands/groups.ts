// Groups, as our own CLI asks for them. dump prints ovs-ofctl's text; the rest answers with JSON.
import type { GroupCommand } from '../../flow-commands.js';
import type { Switch } from '../../switch.js';
import type { CommandTable } from '../commands.js';
import { idOf, json, readArguments } from './arguments.js';

/** OpenFlow's OFPG_MAX. */
const MAX_GROUP = 0xffffff00;

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
  return idOf(readArguments(args, { words: ['group_id'] }), { word: 'group_id', code: 'EGROUP', most: MAX_GROUP });
}
