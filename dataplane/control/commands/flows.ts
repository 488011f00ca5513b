// Flows and flow tables, as our own CLI asks for them. Dumps are ovs-ofctl's text; the rest answers with JSON, and a
// change is answered when no packet is treated any more as before it.
import { flowTableSchema } from '../../config.js';
import { InputError } from '../../errors.js';
import type { SortKey } from '../../flow-sort.js';
import { parseConfig } from '../../read-config.js';
import type { Switch } from '../../switch.js';
import type { CommandTable } from '../commands.js';
import { json, readArguments, type Arguments } from './arguments.js';

const COMMANDS = ['add', 'modify', 'modify_strict', 'delete', 'delete_strict'] as const;

export function registerFlows(commands: CommandTable, sw: Switch): void {
  const settled = async (value: unknown): Promise<string> => {
    await sw.settled();
    return json(value);
  };

  commands.register({
    name: 'packetwalk/flows-add',
    usage: 'FLOWS [SOURCE]',
    minArgs: 1,
    maxArgs: 2,
    run: ([text, source = '<flow>']) => settled(sw.addFlows(text, source)),
  });
  commands.register({
    // Lines may begin with a command; those without one do what --command says (default add).
    name: 'packetwalk/flows-mod',
    usage: '[--command COMMAND] [--modern] [--bundle] FLOWS [SOURCE]',
    minArgs: 1,
    maxArgs: 6,
    run: (args) => {
      const given = readArguments(args, { flags: ['--modern', '--bundle'], options: ['--command'], maxRest: 2 });
      const [text = '', sourceName = '<flow>'] = given.rest;
      const modern = given.flags.has('--modern');
      const bundle = given.flags.has('--bundle');
      return settled(sw.openflow.mod(text, { sourceName, command: commandOf(given), modern, bundle }));
    },
  });
  commands.register({
    name: 'packetwalk/flows-del',
    usage: '[--strict] [MATCH]',
    minArgs: 0,
    maxArgs: 2,
    run: (args) => {
      const { flags, rest } = readArguments(args, { flags: ['--strict'], maxRest: 1 });
      return settled({ deleted: sw.delFlows(rest[0] ?? '', { strict: flags.has('--strict') }) });
    },
  });
  commands.register({
    name: 'packetwalk/flows-replace',
    usage: '[--bundle] [--dry-run] FLOWS [SOURCE]',
    minArgs: 1,
    maxArgs: 4,
    run: (args) => {
      const { flags, rest } = readArguments(args, { flags: ['--bundle', '--dry-run'], maxRest: 2 });
      const [text = '', sourceName = '<flows>'] = rest;
      const options = { sourceName, bundle: flags.has('--bundle'), dryRun: flags.has('--dry-run') };
      return settled(sw.openflow.replace(text, options));
    },
  });
  commands.register({
    // Lines of flows and groups, begun by `flow` or `group`: one transaction.
    name: 'packetwalk/bundle',
    usage: 'CHANGES [SOURCE]',
    minArgs: 1,
    maxArgs: 2,
    run: ([text, source = '<bundle>']) => settled(sw.openflow.bundle(text, source)),
  });
  commands.register({
    // Text as `ovs-ofctl dump-flows` prints it, or with --json data.
    name: 'packetwalk/flows-dump',
    usage: '[--json] [--no-stats] [--no-names] [--sort[=FIELD]]... [--rsort[=FIELD]]... [MATCH]',
    minArgs: 0,
    maxArgs: 16,
    run: (args) => {
      const { sort, rest: others } = takeSortKeys(args);
      const { flags, rest } = readArguments(others, { flags: ['--json', '--no-stats', '--no-names'], maxRest: 1 });
      const options = { stats: !flags.has('--no-stats'), names: !flags.has('--no-names'), sort };
      if (flags.has('--json')) return json(sw.flows(rest[0] ?? '', options));
      return sw.dumpFlows(rest[0] ?? '', options);
    },
  });
  commands.register({
    name: 'packetwalk/flows-aggregate',
    usage: '[MATCH]',
    minArgs: 0,
    maxArgs: 1,
    run: ([match = '']) => json(sw.openflow.aggregate(match)),
  });
  commands.register({
    name: 'packetwalk/tables',
    usage: '',
    minArgs: 0,
    maxArgs: 0,
    run: () => json(sw.openflow.tables()),
  });
  commands.register({
    name: 'packetwalk/table-limit',
    usage: 'TABLE|all LIMITS-AS-JSON',
    minArgs: 2,
    maxArgs: 2,
    run: ([table, text]) => {
      if (table !== 'all' && !(/^\d+$/.test(table) && Number(table) <= 254))
        throw new InputError('ETABLE', `expected a table of 0 to 254 or all, got '${table}'`);
      sw.openflow.limitTable(table === 'all' ? table : Number(table), parseConfig(text, '<limits>', flowTableSchema));
      return settled(sw.openflow.tables());
    },
  });
  commands.register({
    // What happens to flows, each a notification `flow`, until the client closes. Without --all only flow-removed.
    name: 'packetwalk/flows-monitor',
    usage: '[--all]',
    minArgs: 0,
    maxArgs: 1,
    run: (args, connection) => {
      const all = readArguments(args, { flags: ['--all'] }).flags.has('--all');
      const listener = sw.onFlowEvent((event) => {
        if (all || event.flowRemoved) connection.notify('flow', [event]);
      });
      connection.onClose(() => listener.close());
      return json({ monitoring: all ? 'all' : 'removed' });
    },
  });
}

function commandOf({ values }: Arguments): (typeof COMMANDS)[number] {
  const text = values.get('--command')?.at(-1) ?? 'add';
  const command = COMMANDS.find((name) => name === text);
  if (!command) throw new InputError('ECOMMAND', `expected a command (${COMMANDS.join(', ')}), got '${text}'`);
  return command;
}

/** --sort and --rsort may have a field, and stand for priority without. */
function takeSortKeys(args: readonly string[]): { sort: SortKey[]; rest: string[] } {
  const sort: SortKey[] = [];
  const rest = args.filter((arg) => {
    const m = /^--(r?)sort(?:=(.+))?$/.exec(arg);
    if (m) sort.push({ by: m[2] ?? 'priority', descending: m[1] === 'r' });
    return !m;
  });
  return { sort, rest };
}
