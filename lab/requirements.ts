// Can a lab be made here? Everything that is missing is told at once, with what brings it. The list of programs is the
// one that `npm run walk` installs from (scripts/requirements.mjs).
import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { packageFile } from '../dataplane/root.js';
import { SYSTEM_PATH } from './run.js';

type Need = [command: string, pkg: string, why: string];

/** What is missing, one thing a line; empty when all is there. */
export async function missingRequirements(): Promise<string[]> {
  const list = (await import(pathToFileURL(packageFile('scripts', 'requirements.mjs')).href)) as {
    NEEDS: { lab: Need[] };
  };
  const missing: string[] = [];
  if (process.platform !== 'linux')
    missing.push(`Linux (this is ${process.platform}): a lab is made of network namespaces`);
  if (process.getuid?.() !== 0) missing.push('root: namespaces and devices are made (use sudo)');
  if (!existsSync('/dev/net/tun'))
    missing.push("/dev/net/tun: the pods' devices (modprobe tun; in a container: --device /dev/net/tun)");
  if (!existsSync(packageFile('dist', 'cli', 'main.js')))
    missing.push('the built program dist/cli/main.js (npm run build)');
  const absent = list.NEEDS.lab.filter(([command]) => !isOnPath(command));
  for (const [command, pkg, why] of absent) missing.push(`${command}: ${why} (package ${pkg})`);
  if (absent.length)
    missing.push(`install with: apt-get install ${[...new Set(absent.map(([, pkg]) => pkg))].join(' ')}`);
  return missing;
}

export async function requireLab(): Promise<void> {
  const missing = await missingRequirements();
  if (missing.length)
    throw new Error(`a lab cannot be made here; missing:\n${missing.map((line) => `  ${line}`).join('\n')}`);
}

function isOnPath(command: string): boolean {
  return SYSTEM_PATH.split(delimiter).some((dir) => {
    try {
      accessSync(join(dir, command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
