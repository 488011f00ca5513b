// Programs of the user's in a lab's namespaces: which namespace a name means, and running something there.
import { InputError } from '../dataplane/errors.js';
import type { Lab } from './resolve.js';
import { ProgramError, runIn, type RunOptions } from './run.js';
import { type LabState, loadState } from './state.js';

/** The lab of that name as it is. Throws when there is none. */
export function getLab(name: string): Lab {
  return getState(name).lab;
}

/** With the objects that it is made of. */
export function getState(name: string): LabState {
  const state = loadState(name);
  if (!state)
    throw new InputError(
      'ENOLAB',
      `there is no lab ${name}; bring it up with: packetwalk lab up${name === 'pw' ? '' : ` --name ${name}`}`,
    );
  return state;
}

/**
 * The namespace of a node, a pod (by name, by namespace/name or by its short name), the router, the client or the
 * underlay.
 */
export function netnsOf(lab: Lab, where: string): string {
  const places = new Map<string, string>();
  for (const { name, netns } of [
    ...lab.nodes,
    ...lab.pods,
    lab.router,
    lab.client,
    { name: 'underlay', netns: lab.underlay.netns },
  ]) {
    places.set(netns, netns);
    places.set(netns.slice(lab.name.length + 1), netns);
    places.set(name, netns);
  }
  for (const pod of lab.pods) places.set(`${pod.namespace}/${pod.name}`, pod.netns);
  const found = places.get(where);
  if (found) return found;
  const names = [...lab.nodes, ...lab.pods, lab.router, lab.client].map((place) =>
    place.netns.slice(lab.name.length + 1),
  );
  throw new InputError('EPLACE', `expected one of ${names.join(', ')}, got ${JSON.stringify(where)}`);
}

/** The command line that runs `argv` there. */
export function execArgv(lab: Lab, where: string, argv: string[]): string[] {
  return ['ip', 'netns', 'exec', netnsOf(lab, where), ...argv];
}

export interface ExecResult {
  /** Exit status; null when a signal ended it. */
  status: number | null;
  stdout: string;
  stderr: string;
}

/** Runs a program to its end and tells how that was. Rejects only when it could not be run or took too long. */
export async function exec(name: string, where: string, argv: string[], options?: RunOptions): Promise<ExecResult> {
  const netns = netnsOf(getLab(name), where);
  try {
    return { status: 0, ...(await runIn(netns, argv, options)) };
  } catch (error) {
    if (!(error instanceof ProgramError) || error.status === null) throw error;
    return { status: error.status, stdout: error.stdout, stderr: error.stderr };
  }
}
