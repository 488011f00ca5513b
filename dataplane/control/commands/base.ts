// Commands that every OVS daemon has: version, exit.
import { readFileSync } from 'node:fs';
import { packageFile } from '../../root.js';
import type { CommandTable } from '../commands.js';

export function registerBase(commands: CommandTable, requestExit: () => void): void {
  commands.register({
    name: 'version',
    usage: '',
    minArgs: 0,
    maxArgs: 0,
    run: () =>
      `packetwalk ${(JSON.parse(readFileSync(packageFile('package.json'), 'utf8')) as { version: string }).version}\n`,
  });
  commands.register({
    name: 'exit',
    usage: '[--cleanup]',
    minArgs: 0,
    maxArgs: 1,
    run: () => {
      // After the reply is on its way.
      setImmediate(requestExit);
      return '';
    },
  });
}
