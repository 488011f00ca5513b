// The patches of this folder: each a bug made by hand, in the words of its first line, and the tests that are to catch
// it. Read by run.mjs; checked by test/unit/mutants.test.ts, so that none goes out of date unseen.
//
//   what is wrong
//   first: native core_test, vitest test/unit/one.test.ts
//
//   --- a/FILE ... the patch
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const folder = dirname(fileURLToPath(import.meta.url));

/**
 * @returns {{ name: string, path: string, what: string, first: { kind: string, test: string }[], isNative: boolean }[]}
 */
export function readPatches() {
  const names = readdirSync(folder)
    .filter((file) => file.endsWith('.patch'))
    .sort();
  return names.map((file) => {
    const path = join(folder, file);
    const [what, second, ...rest] = readFileSync(path, 'utf8').split('\n');
    const first = (/^first: (.*)$/.exec(second)?.[1] ?? '').split(', ').map((item) => {
      const [kind, test] = item.split(' ');
      if (!['native', 'vitest'].includes(kind) || !test)
        throw new Error(`${file}:2: expected native TEST or vitest FILE, got "${item}"`);
      return { kind, test };
    });
    const isNative = rest.some((line) => /^\+\+\+ b\/native\//.test(line));
    return { name: file.replace('.patch', ''), path, what, first, isNative };
  });
}

/**
 * git's complaint when the patch does not fit the tree at `root`; undefined when it does. `how`: `--check`, `-R`, ...
 */
export function applyPatch(root, path, ...how) {
  const r = spawnSync('git', ['apply', '--whitespace=nowarn', ...how, path], { cwd: root, encoding: 'utf8' });
  return r.status === 0 ? undefined : r.stderr.trim() || `git apply ended with ${r.status ?? r.error?.code}`;
}
