// The datapath as ovs-appctl dpctl/... shows it: megaflows and connections.
import { InputError } from '../../errors.js';
import type { Switch } from '../../switch.js';
import type { CommandTable } from '../commands.js';
import { readArguments, zoneOf } from './arguments.js';

const joined = (lines: string[]): string => lines.map((l) => `${l}\n`).join('');

export function registerDpctl(commands: CommandTable, sw: Switch): void {
  commands.register({
    name: 'dpctl/dump-flows',
    usage: '[-m] [--names | --no-names] [dp]',
    minArgs: 0,
    maxArgs: 4,
    run: (args) => {
      const { flags } = readArguments(args, { flags: ['-m', '--more', '--names', '--no-names'], maxRest: 1 });
      return joined(sw.dumpMegaflows({ names: flags.has('--names') }));
    },
  });
  commands.register({
    name: 'dpctl/dump-conntrack',
    usage: '[-m] [-s] [dp] [zone=N]',
    minArgs: 0,
    maxArgs: 4,
    run: (args) => {
      const given = readArguments(args, { flags: ['-m', '--more', '-s', '--statistics'], words: ['zone'], maxRest: 1 });
      const more = given.flags.has('-m') || given.flags.has('--more');
      return joined(sw.dumpConntrack({ zone: zoneOf(given), more }));
    },
  });
  commands.register({
    name: 'dpctl/flush-conntrack',
    usage: '[dp] [zone=N]',
    minArgs: 0,
    maxArgs: 2,
    run: (args) => {
      sw.flushConntrack({ zone: zoneOf(readArguments(args, { words: ['zone'], maxRest: 1 })) });
      return '';
    },
  });
  commands.register({
    name: 'dpctl/ct-stats-show',
    usage: '[dp]',
    minArgs: 0,
    maxArgs: 1,
    run: () => {
      const s = sw.conntrackStats();
      return joined([
        'Connections Stats:',
        `    Total: ${s.connections}`,
        `    Committed: ${s.committed}`,
        `    Invalid: ${s.invalid}`,
        `    Expired: ${s.expired}`,
        `    Refused (table full): ${s.full}`,
      ]);
    },
  });
  commands.register({
    name: 'dpctl/ct-get-nconns',
    usage: '[dp]',
    minArgs: 0,
    maxArgs: 1,
    run: () => `${sw.conntrackStats().connections}\n`,
  });
  commands.register({
    name: 'dpctl/ct-get-maxconns',
    usage: '[dp]',
    minArgs: 0,
    maxArgs: 1,
    run: () => `${sw.conntrackStats().maxConnections}\n`,
  });
  commands.register({
    name: 'dpctl/ct-set-maxconns',
    usage: '[dp] N',
    minArgs: 1,
    maxArgs: 2,
    run: (args) => {
      const text = args.at(-1)!;
      const max = Number(text);
      if (!/^\d+$/.test(text) || max < 1 || max > 100_000_000) {
        throw new InputError('EMAXCONNS', `expected a number of connections from 1 to 100000000, got '${text}'`);
      }
      sw.setMaxConnections(max);
      return 'setting maxconns successful\n';
    },
  });
}
