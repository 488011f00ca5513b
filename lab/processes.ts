// Processes that outlive us: started detached with their output in a file, known by pid and start time (so that a pid
// that was given to another program is never killed), stopped politely and then surely. Used by up.ts, down.ts,
// status.ts.
import { spawn } from 'node:child_process';
import { closeSync, openSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Identity {
  pid: number;
  /** Clock ticks from boot to its start, field 22 of /proc/PID/stat. */
  start: string;
}

const POLL_MS = 10;

function stat(pid: number): { state: string; parent: number; start: string } | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name in brackets may hold spaces and brackets; the fields after the last one are plain.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return { state: fields[0], parent: Number(fields[1]), start: fields[19] };
  } catch {
    return undefined;
  }
}

/** Who has this pid now; undefined when nobody does, or what has is only waiting to be reaped. */
export function identify(pid: number): Identity | undefined {
  const found = stat(pid);
  return found && !'ZX'.includes(found.state) ? { pid, start: found.start } : undefined;
}

export function isAlive(process: Identity): boolean {
  return identify(process.pid)?.start === process.start;
}

/** The command line; empty when it has ended. */
export function argvOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, -1);
  } catch {
    return [];
  }
}

/** Inode of the network namespace that a process lives in. */
export function netnsInodeOf(pid: number): number | undefined {
  try {
    return Number(/\d+/.exec(readlinkSync(`/proc/${pid}/ns/net`))?.[0]);
  } catch {
    return undefined;
  }
}

/** Every process that lives in one of these network namespaces, except us and those that we were started by. */
export function processesIn(inodes: Set<number>): Identity[] {
  return processes((pid) => inodes.has(netnsInodeOf(pid) ?? -1));
}

/** Those that `belongs` takes, except us and those that we were started by. */
export function processes(belongs: (pid: number) => boolean): Identity[] {
  const ours = new Set<number>();
  for (let pid = process.pid; pid > 1; pid = stat(pid)?.parent ?? 0) ours.add(pid);
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => !ours.has(pid) && belongs(pid))
    .flatMap((pid) => identify(pid) ?? []);
}

/** Starts a program that goes on without us. Its output is added to `log`. */
export function startDetached(argv: string[], log: string, env: Record<string, string>): Identity {
  const fd = openSync(log, 'a', 0o644);
  try {
    const child = spawn(argv[0], argv.slice(1), { detached: true, stdio: ['ignore', fd, fd], cwd: '/', env });
    child.on('error', () => {}); // it has no pid then, which is told below
    child.unref();
    const started = child.pid === undefined ? undefined : identify(child.pid);
    if (!started) throw new Error(`${argv.join(' ')}: could not be started; its output is in ${log}`);
    return started;
  } finally {
    closeSync(fd);
  }
}

/**
 * Ends them all at once: SIGTERM, and SIGKILL for those that still live after `politeMs`. Resolves when they are gone.
 */
export async function stopAll(processes: Identity[], politeMs = 1500): Promise<void> {
  const signalled = (signal: NodeJS.Signals): void => {
    for (const p of processes) {
      if (!isAlive(p)) continue;
      try {
        process.kill(p.pid, signal);
      } catch {
        // It ended between the two calls.
      }
    }
  };
  const gone = async (ms: number): Promise<boolean> => {
    for (const deadline = Date.now() + ms; ; await sleep(POLL_MS)) {
      if (!processes.some(isAlive)) return true;
      if (Date.now() > deadline) return false;
    }
  };
  signalled('SIGTERM');
  if (await gone(politeMs)) return;
  signalled('SIGKILL');
  if (!(await gone(5000))) {
    throw new Error(
      `processes ${processes
        .filter(isAlive)
        .map((p) => p.pid)
        .join(', ')} survive SIGKILL; they hang in the kernel`,
    );
  }
}

export async function stopPid(pid: number): Promise<void> {
  const found = identify(pid);
  if (found) await stopAll([found], 3000);
}

/** Whether something in the network namespace of `pid` is bound to this port, by the kernel's own list. */
export function isBound(pid: number, protocol: 'tcp' | 'udp', port: number): boolean {
  const wanted = port.toString(16).toUpperCase().padStart(4, '0');
  const LISTEN = '0A';
  const UNCONNECTED = '07';
  for (const family of ['', '6']) {
    let text: string;
    try {
      text = readFileSync(`/proc/${pid}/net/${protocol}${family}`, 'utf8');
    } catch {
      continue; // it has ended, or the kernel has no IPv6
    }
    for (const line of text.split('\n').slice(1)) {
      const [, local, , state] = line.trim().split(/\s+/);
      if (local?.endsWith(`:${wanted}`) && state === (protocol === 'tcp' ? LISTEN : UNCONNECTED)) return true;
    }
  }
  return false;
}
