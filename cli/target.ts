// Which running switch a verb talks to: --target SOCKET, or --lab and --node, or the only one that runs. Sockets lie at
// RUNDIR/.../<bridge>.ctl; those of a lab at /run/packetwalk/<lab>/<node>/<bridge>.ctl.
import { readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { Option, type Command } from 'commander';
import { ControlClient } from '../dataplane/control/client.js';
import { UsageError } from './errors.js';

export const RUN_FOLDER = '/run/packetwalk';

export interface TargetOptions {
  target?: string;
  lab?: string;
  node?: string;
}

/** Adds -t, --lab and --node to a verb. */
export function addTargetOptions(command: Command): Command {
  return command
    .addOption(new Option('-t, --target <socket>', 'control socket of the switch').conflicts(['lab', 'node']))
    .option('--lab <name>', 'a switch of this lab')
    .option('--node <name>', "this node's switch");
}

/** Every control socket under `folder`, three levels deep: <lab>/<node>/<bridge>.ctl, or fewer. */
export function findSockets(folder = RUN_FOLDER, depth = 3): string[] {
  let entries;
  try {
    entries = readdirSync(folder, { withFileTypes: true });
  } catch {
    return [];
  }
  return entries
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return depth > 1 ? findSockets(path, depth - 1) : [];
      return entry.isSocket() && entry.name.endsWith('.ctl') ? [path] : [];
    })
    .sort();
}

/** A connection to the switch that the options mean. The caller closes it. */
export async function connectTarget(options: TargetOptions, folder = RUN_FOLDER): Promise<ControlClient> {
  if (options.target !== undefined) return ControlClient.connect(options.target);
  const wanted = [options.lab, options.node].filter((name) => name !== undefined);
  const sockets = findSockets(folder).filter((path) => {
    const parts = relative(folder, path).split('/');
    return wanted.every((name) => parts.slice(0, -1).includes(name));
  });
  const alive: ControlClient[] = [];
  for (const path of sockets) {
    // A socket that nobody answers was left by a switch that was killed.
    const client = await ControlClient.connect(path).catch(() => undefined);
    if (client) alive.push(client);
  }
  if (alive.length === 1) return alive[0];
  for (const client of alive) client.close();
  const meant = wanted.length
    ? ` for ${[options.lab && `lab ${options.lab}`, options.node && `node ${options.node}`].filter(Boolean).join(', ')}`
    : '';
  if (alive.length === 0) {
    throw new Error(
      `no running switch${meant} under ${folder}; ` +
        "start one with 'packetwalk lab up' or 'packetwalk switch', or name its socket with -t",
    );
  }
  const list = alive.map((c) => `  ${c.path}`).join('\n');
  throw new UsageError(`${alive.length} switches run${meant}; choose one with --node or -t:\n${list}`);
}

/** Runs `use` with a connection and closes it. */
export async function withTarget<T>(options: TargetOptions, use: (client: ControlClient) => Promise<T>): Promise<T> {
  const client = await connectTarget(options);
  try {
    return await use(client);
  } finally {
    client.close();
  }
}
