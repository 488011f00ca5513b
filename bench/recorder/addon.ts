// The addon without the recorder: the same sources and flags with PW_WITHOUT_RECORDER, built beside the real one and
// never shipped.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageFile } from '../../dataplane/root.js';

const DEFINES = '"defines": [';

/** Builds what has changed; its path, for $PACKETWALK_ADDON. */
export function addonWithoutRecorder(): string {
  const folder = packageFile('build', 'bench-recorder', 'addon');
  mkdirSync(folder, { recursive: true });
  for (const name of ['native', 'node_modules', 'package.json', 'scripts']) {
    const [from, to] = [packageFile(name), join(folder, name)];
    rmSync(to, { recursive: true, force: true });
    if (name === 'node_modules') symlinkSync(from, to);
    else cpSync(from, to, { recursive: true, preserveTimestamps: true });
  }
  const gyp = readFileSync(packageFile('binding.gyp'), 'utf8');
  if (!gyp.includes(DEFINES)) throw new Error(`binding.gyp: expected ${DEFINES}`);
  writeFileSync(join(folder, 'binding.gyp'), gyp.replace(DEFINES, `${DEFINES}"PW_WITHOUT_RECORDER", `));
  const made = spawnSync(process.execPath, [join(folder, 'scripts', 'build-native.mjs')], { encoding: 'utf8' });
  if (made.status !== 0)
    throw new Error(`building the addon without the recorder failed:\n${made.stdout}${made.stderr}`);
  return join(folder, 'build', 'Release', 'packetwalk.node');
}
