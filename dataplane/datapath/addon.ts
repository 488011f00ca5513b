// Loads the addon, once, and refuses one that was built from other declarations than ours. Everything in
// dataplane/datapath/ gets it from here.
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { SystemError } from '../errors.js';
import { packageFile } from '../root.js';
import { DROP_REASONS } from './drop-reasons.js';
import { KEY_FIELDS } from './key-fields.js';
import { KEY_SIZE, type NativeAddon } from './native.js';
import { USED_TIMEOUTS } from './timeouts.js';

const ADVICE = 'run npm run build:native';
let loaded: NativeAddon | undefined;

/** Where the addon lies: $PACKETWALK_ADDON, or the build folder of the package. */
export function addonPath(): string {
  const named = process.env.PACKETWALK_ADDON;
  return named ? resolve(named) : packageFile('build', 'Release', 'packetwalk.node');
}

/** The addon. Throws SystemError when it is not built, cannot be loaded, or is of another version. */
export function loadAddon(): NativeAddon {
  if (loaded) return loaded;
  const path = addonPath();
  if (!existsSync(path)) throw new SystemError('open', path, 'ENOENT', `the addon is not built: ${ADVICE}`);
  let addon: NativeAddon;
  try {
    addon = createRequire(import.meta.url)(path) as NativeAddon;
  } catch (error) {
    throw new SystemError('dlopen', path, error instanceof Error ? error.message : String(error), ADVICE);
  }
  const difference = compareLayout(addon);
  if (difference) throw new SystemError('dlopen', path, `built from other sources (${difference})`, ADVICE);
  return (loaded = addon);
}

/** The first difference between the addon's declarations and ours, in words; undefined when they agree. */
export function compareLayout(
  addon: Pick<NativeAddon, 'keySize' | 'keyLayout' | 'dropReasons' | 'timeoutNames'>,
): string | undefined {
  if (addon.keySize !== KEY_SIZE) return `key size: expected ${KEY_SIZE}, got ${addon.keySize}`;
  const theirs = new Map(addon.keyLayout.map((f) => [f.name, f]));
  for (const [name, [offset, size]] of Object.entries(KEY_FIELDS)) {
    const field = theirs.get(name);
    if (!field) return `field ${name}: expected at ${offset}, got none`;
    if (field.offset !== offset || field.size !== size) {
      return `field ${name}: expected ${size} bytes at ${offset}, got ${field.size} at ${field.offset}`;
    }
    theirs.delete(name);
  }
  for (const name of theirs.keys()) return `field ${name}: expected none, got one`;
  const names = addon.dropReasons.map((r) => r.name);
  if (names.join() !== DROP_REASONS.join()) return `drop reasons: expected ${DROP_REASONS.join()}, got ${names.join()}`;
  const timeouts = addon.timeoutNames.join();
  if (timeouts !== USED_TIMEOUTS.join()) return `timeouts: expected ${USED_TIMEOUTS.join()}, got ${timeouts}`;
  return undefined;
}
