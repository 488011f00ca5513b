// The datapath's flow cache as ovs-appctl dpctl/... shows it.
import type { Switch } from '../../switch.js';
import type { CommandTable } from '../commands.js';
import { readArguments } from './arguments.js';

export function registerDpctl(commands: CommandTable, sw: Switch): void {
  commands.register({
    name: 'dpctl/dump-flows',
    usage: '[-m] [--names | --no-names] [dp]',
    minArgs: 0,
    maxArgs: 4,
    run: (args) => {
      const { flags } = readArguments(args, { flags: ['-m', '--more', '--names', '--no-names'], maxRest: 1 });
      const lines = sw.dumpMegaflows({ names: flags.has('--names') });
      return lines.map((line) => `${line}\n`).join('');
    },
  });
}
