// Network namespaces by name: which of them live, making what is missing, removing. Used by up.ts, down.ts, status.ts.
import { existsSync, statfsSync, statSync } from 'node:fs';
import { ipBatch } from './run.js';

const NSFS_MAGIC = 0x6e736673; // linux/magic.h

const pathOf = (name: string): string => `/run/netns/${name}`;

/**
 * Identifies a living namespace; undefined when there is none, or only the file of one that a reboot or a crash left.
 */
export function netnsInode(name: string): number | undefined {
  try {
    return statfsSync(pathOf(name)).type === NSFS_MAGIC ? statSync(pathOf(name)).ino : undefined;
  } catch {
    return undefined;
  }
}

/** Makes those that do not live and tells which those were. */
export async function ensureNamespaces(names: string[], signal?: AbortSignal): Promise<Set<string>> {
  const missing = names.filter((name) => netnsInode(name) === undefined);
  const lines = missing.flatMap((name) => [
    ...(existsSync(pathOf(name)) ? [`netns delete ${name}`] : []),
    `netns add ${name}`,
  ]);
  await ipBatch(undefined, lines, { signal });
  return new Set(missing);
}

export async function deleteNamespaces(names: string[]): Promise<void> {
  await ipBatch(
    undefined,
    names.filter((name) => existsSync(pathOf(name))).map((name) => `netns delete ${name}`),
  );
}

/** Refuses names that somebody else uses. */
export function refuseForeign(names: string[], owned: string[]): void {
  const foreign = names.filter((name) => !owned.includes(name) && existsSync(pathOf(name)));
  if (foreign.length === 0) return;
  throw new Error(
    `network namespace${foreign.length > 1 ? 's' : ''} ${foreign.join(', ')} exist${foreign.length > 1 ? '' : 's'} and belong${foreign.length > 1 ? '' : 's'} to no lab of ours; ` +
      `choose another name with --name, or remove with: ip netns delete ${foreign[0]}`,
  );
}
