// What a lab has made on this machine, in /run/packetwalk/<lab>/state.json: written before things are made, so that a
// lab that was killed half-way can be repaired or removed. One process at a time works on a lab.
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { SystemError } from '../dataplane/errors.js';
import type { ClaimsState, KubeObject } from '../kube/index.js';
import type { NodeIds } from './generate.js';
import type { Identity } from './processes.js';
import { type Lab, RUN_FOLDER } from './resolve.js';

export type Role = 'switch' | 'agent' | 'http' | 'dns';

export interface LabProcess extends Identity {
  role: Role;
  /** The node or pod. */
  of: string;
}

export interface LabState {
  version: 2;
  /** The boot that it was made in; after another one only files are left of it. */
  boot: string;
  /** `up` has come to its end. */
  complete: boolean;
  lab: Lab;
  /** The objects that it was made from and has been given since, and what they were given. */
  kube: { objects: KubeObject[]; claims: ClaimsState; ids: NodeIds };
  /** Names of /run/netns that are ours. */
  namespaces: string[];
  /** Outside the lab's own folder. */
  files: string[];
  /** Removed when they are empty, in this order. */
  folders: string[];
  processes: LabProcess[];
}

const LOCK_PATIENCE_MS = 300;
const LOCK_POLL_MS = 20;

export function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
}

export const stateFile = (name: string): string => join(RUN_FOLDER, name, 'state.json');

/** Undefined when there is no such lab. */
export function loadState(name: string): LabState | undefined {
  const file = stateFile(name);
  if (!existsSync(file)) return undefined;
  let state: LabState;
  try {
    state = JSON.parse(readFileSync(file, 'utf8')) as LabState;
  } catch (e) {
    const { code = 'EINVAL' } = e as NodeJS.ErrnoException;
    throw new SystemError(
      'read',
      file,
      code,
      `it is damaged: delete the namespaces ${name}-* with "ip netns delete", then this file`,
    );
  }
  if (state.version !== 2)
    throw new Error(
      `${file}: expected version 2, got ${state.version}; take the lab down with the packetwalk that made it`,
    );
  // Its processes ended with that boot; their numbers may be others' now.
  if (state.boot !== bootId()) state.processes = [];
  return state;
}

/** Whole or not at all, whenever we are killed. */
export function saveState(state: LabState): void {
  const file = stateFile(state.lab.name);
  mkdirSync(state.lab.rundir, { recursive: true, mode: 0o755 });
  writeFileSync(`${file}.new`, `${JSON.stringify(state, null, 2)}\n`);
  renameSync(`${file}.new`, file);
}

/** Names of the labs on this machine, up or half-way. */
export function labNames(): string[] {
  return existsSync(RUN_FOLDER)
    ? readdirSync(RUN_FOLDER)
        .filter((name) => existsSync(stateFile(name)))
        .sort()
    : [];
}

/**
 * Runs `work` alone. The lock is a name in the kernel (an abstract socket): it goes with its process, however that
 * ends. One that was killed while it started a program holds the name until the program is on its own, hence the short
 * patience.
 */
export async function withLabLock<T>(name: string, work: () => Promise<T>): Promise<T> {
  const server = createServer();
  for (const deadline = Date.now() + LOCK_PATIENCE_MS; ; await sleep(LOCK_POLL_MS)) {
    const refused = await listen(server, `\0packetwalk-lab-${name}`);
    if (!refused) break;
    if (refused !== 'EADDRINUSE')
      throw new SystemError('bind', `lock of lab ${name}`, refused, 'abstract sockets need Node 20.10 or later');
    if (Date.now() > deadline)
      throw new Error(`lab ${name}: another packetwalk is bringing it up or taking it down; wait for that`);
  }
  server.unref();
  try {
    return await work();
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
}

/** The error's code when it was refused. */
function listen(server: Server, path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const refuse = (e: NodeJS.ErrnoException): void => resolve(e.code ?? 'EUNKNOWN');
    server.once('error', refuse);
    server.listen({ path }, () => {
      server.off('error', refuse);
      resolve(undefined);
    });
  });
}
