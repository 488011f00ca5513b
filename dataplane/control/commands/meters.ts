// Meters, as our own CLI asks for them. dump prints ovs-ofctl's text; the rest answers with JSON.
import type { Switch } from '../../switch.js';
import type { CommandTable } from '../commands.js';
import { idOf, json, readArguments } from './arguments.js';

/** OpenFlow's OFPM13_MAX. */
const MAX_METER = 0xffff0000;

export function registerMeters(commands: CommandTable, sw: Switch): void {
  commands.register({
    name: 'packetwalk/meters-add',
    usage: '[--modify] METERS [SOURCE]',
    minArgs: 1,
    maxArgs: 3,
    run: (args) => {
      const { flags, rest } = readArguments(args, { flags: ['--modify'], maxRest: 2 });
      const [text = '', sourceName = '<meter>'] = rest;
      return json({ added: sw.addMeters(text, { sourceName, modify: flags.has('--modify') }) });
    },
  });
  commands.register({
    name: 'packetwalk/meters-del',
    usage: '[meter=N]',
    minArgs: 0,
    maxArgs: 1,
    run: async (args) => {
      const deleted = sw.delMeters(meterId(args));
      await sw.settled();
      return json({ deleted });
    },
  });
  commands.register({
    name: 'packetwalk/meters-dump',
    usage: '[--stats] [meter=N]',
    minArgs: 0,
    maxArgs: 2,
    run: (args) => {
      const stats = args.includes('--stats');
      return sw.dumpMeters({ id: meterId(args.filter((arg) => arg !== '--stats')), stats });
    },
  });
}

function meterId(args: readonly string[]): number | undefined {
  return idOf(readArguments(args, { words: ['meter'] }), { word: 'meter', code: 'EMETER', least: 1, most: MAX_METER });
}
