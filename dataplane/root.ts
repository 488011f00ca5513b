// Where the package lies, for files that are shipped with it (flows, lab, the addon). Works from source and from dist/.
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

function findRoot(): string {
  let dir = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(dir, 'binding.gyp'))) {
    const up = dirname(dir);
    if (up === dir) throw new Error('packetwalk: cannot find its own package folder');
    dir = up;
  }
  return dir;
}

/** Absolute path of the folder that holds package.json. */
export const packageRoot = findRoot();

/** Absolute path of a file shipped with the package. */
export function packageFile(...parts: string[]): string {
  return join(packageRoot, ...parts);
}
