// Takes a lab down: programs, namespaces (their devices, routes and rules go with them), files. Works from the state
// file, so it also removes what is left of a lab that was killed half-way.
import { existsSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { runningIn } from './daemons.js';
import { deleteNamespaces } from './namespaces.js';
import { stopAll } from './processes.js';
import { RUN_FOLDER } from './resolve.js';
import { type LabState, loadState, withLabLock } from './state.js';

/** False: there was no such lab. */
export async function down(name: string): Promise<boolean> {
  return withLabLock(name, async () => {
    const state = loadState(name);
    if (state) await takeDown(state);
    return state !== undefined;
  });
}

/** The caller holds the lab's lock. */
export async function takeDown(state: LabState): Promise<void> {
  // A namespace lives on, without a name, as long as a process is in it: a shell that was left open counts too.
  await stopAll([...state.processes, ...runningIn(state.namespaces)]);
  await deleteNamespaces(state.namespaces);
  for (const file of state.files) rmSync(file, { force: true });
  for (const folder of state.folders) removeEmpty(folder);
  // The state file last: killed before that, the next `down` goes on from it.
  const { rundir } = state.lab;
  for (const entry of readdirSync(rundir))
    if (entry !== 'state.json') rmSync(join(rundir, entry), { recursive: true, force: true });
  rmSync(rundir, { recursive: true, force: true });
  removeEmpty(RUN_FOLDER);
}

/** What others have put there stays, and with it the folder. */
function removeEmpty(folder: string): void {
  try {
    if (existsSync(folder)) rmdirSync(folder);
  } catch (e) {
    if ((e as NodeJS.ErrnoException).code !== 'ENOTEMPTY') throw e;
  }
}
