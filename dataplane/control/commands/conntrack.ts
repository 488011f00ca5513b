// Connections as ovs-appctl dpctl/... shows and clears them, and what conntrack can be told as a whole.
import { InputError } from '../../errors.js';
import type { Switch } from '../../switch.js';
import type { CommandTable } from '../commands.js';
import { readArguments, zoneOf } from './arguments.js';
import { flushConntrack } from './ct-flush.js';
import { conntrackSummary } from './ct-stats.js';

const joined = (lines: string[]): string => lines.map((l) => `${l}\n`).join('');
const MORE = ['-m', '--more'];
const STATISTICS = ['-s', '--statistics'];

export function registerConntrack(commands: CommandTable, sw: Switch): void {
  commands.register({
    name: 'dpctl/dump-conntrack',
    usage: '[-m] [-s] [dp] [zone=N]',
    minArgs: 0,
    maxArgs: 4,
    run: (args) => {
      const given = readArguments(args, { flags: [...MORE, ...STATISTICS], words: ['zone'], maxRest: 1 });
      const has = (names: string[]): boolean => names.some((name) => given.flags.has(name));
      const zone = zoneOf(given);
      const style = { more: has(MORE), stats: has(STATISTICS) };
      return joined(sw.dumpConntrack({ ...(zone === undefined ? {} : { zone }), ...style }));
    },
  });
  commands.register({
    name: 'dpctl/flush-conntrack',
    usage: '[dp] [zone=N] [ct-orig-tuple] [ct-reply-tuple]',
    minArgs: 0,
    maxArgs: 4,
    run: (args) => {
      flushConntrack(sw, args);
      return '';
    },
  });
  commands.register({
    name: 'dpctl/ct-stats-show',
    usage: '[-m] [dp] [zone=N]',
    minArgs: 0,
    maxArgs: 3,
    run: (args) => {
      const given = readArguments(args, { flags: MORE, words: ['zone'], maxRest: 1 });
      const zone = zoneOf(given);
      return joined(conntrackSummary(sw.dumpConntrack(zone === undefined ? {} : { zone }), given.flags.size > 0));
    },
  });
  registerMaxConnections(commands, sw);
  registerSequenceCheck(commands, sw);
}

function registerMaxConnections(commands: CommandTable, sw: Switch): void {
  commands.register({
    name: 'dpctl/ct-get-nconns',
    usage: '[dp]',
    minArgs: 0,
    maxArgs: 1,
    run: () => `${sw.conntrack.stats().connections}\n`,
  });
  commands.register({
    name: 'dpctl/ct-get-maxconns',
    usage: '[dp]',
    minArgs: 0,
    maxArgs: 1,
    run: () => `${sw.conntrack.stats().maxConnections}\n`,
  });
  commands.register({
    name: 'dpctl/ct-set-maxconns',
    usage: '[dp] maxconns',
    minArgs: 1,
    maxArgs: 2,
    run: (args) => {
      const text = args.at(-1)!;
      const max = Number(text);
      if (!/^\d+$/.test(text) || max < 1 || max > 100_000_000) {
        throw new InputError('EMAXCONNS', `expected a number of connections from 1 to 100000000, got '${text}'`);
      }
      sw.conntrack.setMaxConnections(max);
      return 'setting maxconns successful\n';
    },
  });
}

function registerSequenceCheck(commands: CommandTable, sw: Switch): void {
  for (const isOn of [true, false]) {
    commands.register({
      name: `dpctl/ct-${isOn ? 'enable' : 'disable'}-tcp-seq-chk`,
      usage: '[dp]',
      minArgs: 0,
      maxArgs: 1,
      run: () => {
        sw.conntrack.setTcpBeLiberal(!isOn);
        return `${isOn ? 'enabling' : 'disabling'} TCP sequence checking successful\n`;
      },
    });
  }
  commands.register({
    name: 'dpctl/ct-get-tcp-seq-chk',
    usage: '[dp]',
    minArgs: 0,
    maxArgs: 1,
    run: () => `TCP sequence checking: ${sw.conntrack.stats().tcpBeLiberal ? 'disabled' : 'enabled'}\n`,
  });
}
