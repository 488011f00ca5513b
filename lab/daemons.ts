// The lab's long-running programs: a switch for each node (and an agent, if its pipeline has one), an HTTP or DNS
// server for each pod that serves. Finds those that run, starts those that do not, and waits until each answers. Used
// by up.ts; status.ts asks the same questions.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { controlCall } from '../dataplane/control/client.js';
import { packageFile } from '../dataplane/root.js';
import { pipelineByName } from '../flows/antrea/index.js';
import { isListening } from './agent/files.js';
import { dnsmasqArgs } from './dns.js';
import { netnsInode } from './namespaces.js';
import {
  argvOf,
  type Identity,
  isAlive,
  isBound,
  netnsInodeOf,
  processes,
  startDetached,
  stopAll,
} from './processes.js';
import type { Lab } from './resolve.js';
import { SYSTEM_PATH } from './run.js';
import { type LabState, type Role, saveState } from './state.js';
import { controlSocket, switchConfig } from './switch-config.js';
import { together } from './together.js';

/**
 * V8's young generation may take 48 MB by default, and under a flood of upcalls it does. A switch's garbage is
 * short-lived and small: 4 MB semi-spaces keep up (bench/soak.ts).
 */
const SWITCH_HEAP = ['--max-semi-space-size=4'];

export interface Daemon {
  role: Role;
  /** The node or pod. */
  of: string;
  /** Absent: it lives where the lab's own programs run. */
  netns?: string;
  argv: string[];
  log: string;
  /** Does it answer? */
  isReady(pid: number): Promise<boolean>;
}

const READY_MS = 20_000;
/** A switch that runs but does not answer for this long is taken for hung. */
export const ANSWER_MS = 2000;
const POLL_MS = 15;
const HTTP_PORT = 80;
const DNS_PORT = 53;

/** Every daemon of a lab. */
export function daemonsOf(lab: Lab): Daemon[] {
  return [
    ...lab.nodes.map((node): Daemon => ({
      role: 'switch',
      of: node.name,
      netns: node.netns,
      argv: [
        process.execPath,
        ...SWITCH_HEAP,
        packageFile('dist', 'cli', 'main.js'),
        'switch',
        '--config',
        join(node.rundir, 'switch.json'),
      ],
      log: join(node.rundir, 'switch.log'),
      isReady: () => answers(controlSocket(lab, node)),
    })),
    ...(lab.pipeline !== undefined && pipelineByName(lab.pipeline).hasAgent ? lab.nodes : []).map((node): Daemon => ({
      role: 'agent',
      of: node.name,
      // In no namespace of the lab's: it takes the lab's lock, which is a name in the network namespace of who works on
      // the lab.
      argv: [process.execPath, packageFile('dist', 'cli', 'main.js'), 'agent', '--lab', lab.name, '--node', node.name],
      log: join(node.rundir, 'agent.log'),
      isReady: async (pid) => isListening(node, pid),
    })),
    ...lab.pods
      .filter((pod) => pod.serve)
      .map((pod): Daemon => ({
        role: pod.serve!,
        of: pod.name,
        netns: pod.netns,
        argv:
          pod.serve === 'http'
            ? [
                process.execPath,
                packageFile('dist', 'lab', 'servers', 'http-server.js'),
                pod.name,
                pod.ip,
                String(HTTP_PORT),
              ]
            : ['dnsmasq', ...dnsmasqArgs(lab)],
        log: join(lab.rundir, `${pod.name}.log`),
        isReady: async (pid) => (pod.serve === 'http' ? isBound(pid, 'tcp', HTTP_PORT) : isBound(pid, 'udp', DNS_PORT)),
      })),
  ];
}

/** Whether a switch answers on its socket. */
export async function answers(socket: string): Promise<boolean> {
  if (!existsSync(socket)) return false;
  const asked = controlCall(socket, 'version').then(
    () => true,
    () => false,
  );
  const waited = new AbortController();
  const late = sleep(ANSWER_MS, false, { signal: waited.signal, ref: false }).catch(() => false);
  const answer = await Promise.race([asked, late]);
  waited.abort();
  return answer;
}

/** The process that is this daemon, whatever namespace it lives in; undefined when there is none. */
export function findDaemon(daemon: Daemon, state: LabState, inLab: Identity[]): Identity | undefined {
  const recorded = state.processes.find((p) => p.role === daemon.role && p.of === daemon.of);
  if (recorded && isAlive(recorded)) return { pid: recorded.pid, start: recorded.start };
  // A lab that was killed may not have come to write down what it started; place and command line tell.
  const inode = daemon.netns === undefined ? undefined : netnsInode(daemon.netns);
  return inLab.find(({ pid }) => {
    const argv = argvOf(pid);
    return (
      isDeepStrictEqual(argv, commandOf(daemon)) ||
      (netnsInodeOf(pid) === inode && isDeepStrictEqual(argv, daemon.argv))
    );
  });
}

/** It lives in the namespace that has its name now (which may have been made anew since), and answers. */
export async function isHealthy(daemon: Daemon, identity: Identity): Promise<boolean> {
  const isThere = daemon.netns === undefined || netnsInodeOf(identity.pid) === netnsInode(daemon.netns);
  return isThere && (await daemon.isReady(identity.pid));
}

/** Every program that runs in these namespaces, or is on its way into one. */
export function runningIn(namespaces: string[]): Identity[] {
  const inodes = new Set(namespaces.flatMap((name) => netnsInode(name) ?? []));
  return processes((pid) => {
    // In this order: `ip` first enters the namespace and then becomes the program.
    const [ip, netns, exec, name] = argvOf(pid);
    return (
      (ip === 'ip' && netns === 'netns' && exec === 'exec' && namespaces.includes(name)) ||
      inodes.has(netnsInodeOf(pid) ?? -1)
    );
  });
}

const commandOf = ({ netns, argv }: Daemon): string[] =>
  netns === undefined ? argv : ['ip', 'netns', 'exec', netns, ...argv];

/**
 * Starts what does not run, or runs and does not answer. Resolves with those that were started; they may not answer
 * yet.
 */
export async function ensureRunning(state: LabState, daemons = daemonsOf(state.lab)): Promise<Set<Daemon>> {
  const inLab = runningIn(state.namespaces);
  const started = new Set<Daemon>();
  await together(
    daemons.map(async (daemon) => {
      const found = findDaemon(daemon, state, inLab);
      if (found && (await isHealthy(daemon, found))) return record(state, daemon, found);
      if (found) await stopAll([found], ANSWER_MS);
      record(state, daemon, start(state.lab, daemon));
      started.add(daemon);
    }),
  );
  return started;
}

function record(state: LabState, { role, of }: Daemon, identity: Identity): void {
  state.processes = [...state.processes.filter((p) => p.role !== role || p.of !== of), { role, of, ...identity }];
  saveState(state);
}

function start(lab: Lab, daemon: Daemon): Identity {
  if (daemon.role === 'switch') {
    const node = lab.nodes.find((n) => n.name === daemon.of)!;
    mkdirSync(node.rundir, { recursive: true });
    writeFileSync(join(node.rundir, 'switch.json'), `${JSON.stringify(switchConfig(lab, node), null, 2)}\n`);
    rmSync(controlSocket(lab, node), { force: true }); // one that was killed leaves it
  }
  const env: Record<string, string> = { PATH: SYSTEM_PATH, HOME: process.env.HOME ?? '/root' };
  return startDetached(commandOf(daemon), daemon.log, env);
}

/** Resolves when it answers; rejects with the end of its log when it ended or is too late. */
export async function waitUntilReady(daemon: Daemon, state: LabState, signal?: AbortSignal): Promise<void> {
  const identity = state.processes.find((p) => p.role === daemon.role && p.of === daemon.of)!;
  const isServer = daemon.role === 'http' || daemon.role === 'dns';
  const what = `the ${isServer ? `${daemon.role.toUpperCase()} server` : daemon.role} of ${daemon.of}`;
  for (const deadline = Date.now() + READY_MS; ; await sleep(POLL_MS)) {
    signal?.throwIfAborted();
    if (await daemon.isReady(identity.pid)) return;
    if (!isAlive(identity)) throw new Error(`${what} ended:\n${logTail(daemon.log)}`);
    if (Date.now() > deadline)
      throw new Error(`${what} did not answer within ${READY_MS / 1000} s:\n${logTail(daemon.log)}`);
  }
}

/** The last lines of a log, indented. */
export function logTail(log: string, lines = 12): string {
  try {
    return (
      readFileSync(log, 'utf8')
        .trimEnd()
        .split('\n')
        .slice(-lines)
        .map((line) => `  ${line}`)
        .join('\n') || `  (${log} is empty)`
    );
  } catch {
    return `  (no log at ${log})`;
  }
}
