// Runs the system's programs to their end: no shell, output as text, one clear error. Used by every file here that
// touches the machine, by the bench and by tests. Programs that go on running: program.ts and processes.ts.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { SystemError } from '../dataplane/errors.js';

export { stopPid } from './processes.js';

export interface RunOptions {
  /** Added to our own environment. */
  env?: Record<string, string>;
  /** Written to its standard input. */
  input?: string;
  /** Killed after this long; default: 60 s. */
  timeoutMs?: number;
  signal?: AbortSignal;
  /** Is told what it writes to stdout as it comes. */
  onStdout?: (text: string) => void;
}

export interface RunResult {
  stdout: string;
  stderr: string;
}

/** The program ended with something else than 0. */
export class ProgramError extends Error {
  constructor(
    readonly argv: string[],
    /** Exit status; null when it was ended by `signal`. */
    readonly status: number | null,
    readonly signal: string | null,
    readonly stdout: string,
    readonly stderr: string,
  ) {
    const words = argv.join(' ');
    const said = (stderr.trim() || stdout.trim()).split('\n').slice(-8).join('\n');
    super(
      `${words.length > 300 ? `${words.slice(0, 300)}...` : words}: ${status === null ? signal : `exit ${status}`}${said ? `: ${said}` : ''}`,
    );
    this.name = 'ProgramError';
  }
}

/** Debian package by program, for the advice when it is missing. */
const PACKAGES: Record<string, string> = {
  ip: 'iproute2',
  'iptables-restore': 'iptables',
  iptables: 'iptables',
  ipset: 'ipset',
  sysctl: 'procps',
  dnsmasq: 'dnsmasq-base',
  curl: 'curl',
  tcpdump: 'tcpdump',
  tshark: 'tshark',
  conntrack: 'conntrack',
  ethtool: 'ethtool',
  iperf3: 'iperf3',
  gcc: 'gcc',
  'ovs-vsctl': 'openvswitch-switch',
  'ovs-ofctl': 'openvswitch-common',
  'ovs-appctl': 'openvswitch-common',
  'ovsdb-server': 'openvswitch-switch',
  'ovsdb-tool': 'openvswitch-common',
};

/** The folders of system programs may be missing from the PATH of a user's shell. */
export const SYSTEM_PATH = [process.env.PATH, '/usr/local/sbin', '/usr/sbin', '/sbin'].filter(Boolean).join(':');

/**
 * A program that is run to its end must not outlive us: `ip`, left alone in the middle of its work, would go on making
 * what the next packetwalk is taking down.
 */
export const DIES_WITH_US = existsSync('/usr/bin/setpriv') ? ['/usr/bin/setpriv', '--pdeathsig', 'KILL', '--'] : [];

/** Resolves when it ended with 0. Rejects with SystemError (it could not be run) or ProgramError. */
export function run(command: string, args: string[], options: RunOptions = {}): Promise<RunResult> {
  const { env, input, timeoutMs = 60_000, signal, onStdout } = options;
  const [file, ...argv] = [...DIES_WITH_US, command, ...args];
  const absent = (code: string): SystemError => {
    const pkg = PACKAGES[command];
    return new SystemError('exec', command, code, code === 'ENOENT' && pkg ? `apt-get install ${pkg}` : undefined);
  };
  return new Promise((resolve, reject) => {
    const child = execFile(
      file,
      argv,
      {
        env: { ...process.env, PATH: SYSTEM_PATH, ...env },
        timeout: timeoutMs,
        killSignal: 'SIGKILL',
        maxBuffer: 1 << 28,
        signal,
      },
      (error, stdout, stderr) => {
        if (!error) return resolve({ stdout, stderr });
        if (signal?.aborted) return reject(signal.reason);
        if (typeof error.code === 'string') return reject(absent(error.code));
        if (/^setpriv: failed to execute .*: No such file or directory\n$/.test(stderr))
          return reject(absent('ENOENT'));
        reject(new ProgramError([command, ...args], error.code ?? null, error.signal ?? null, stdout, stderr));
      },
    );
    if (onStdout) child.stdout?.on('data', onStdout);
    // A program that ends without reading its input is no error of ours; what it said is in its status.
    child.stdin?.on('error', () => {});
    child.stdin?.end(input ?? '');
  });
}

export function ip(args: string[], options?: RunOptions): Promise<RunResult> {
  return run('ip', args, options);
}

/** Many commands of ip in one process, in namespace `netns`, or in ours. Stops at the first that is refused. */
export async function ipBatch(netns: string | undefined, lines: string[], options?: RunOptions): Promise<void> {
  if (lines.length === 0) return;
  try {
    await ip([...(netns ? ['-n', netns] : []), '-batch', '-'], { ...options, input: `${lines.join('\n')}\n` });
  } catch (error) {
    // ip says "Command failed -:3"; say which that is.
    const line = error instanceof ProgramError ? /Command failed -:(\d+)/.exec(error.stderr)?.[1] : undefined;
    if (!(error instanceof ProgramError) || !line) throw error;
    const said = error.stderr.split('\n')[0];
    throw new Error(`ip ${netns ? `-n ${netns} ` : ''}${lines[Number(line) - 1]}: ${said}`);
  }
}

/** Runs a program inside a namespace, as `ip netns exec` does (its own /etc/resolv.conf, /sys). */
export function runIn(netns: string, argv: string[], options?: RunOptions): Promise<RunResult> {
  return run('ip', ['netns', 'exec', netns, ...argv], options);
}

export async function netnsAdd(name: string): Promise<void> {
  await ip(['netns', 'add', name]);
}

/** Harmless when there is none of that name. */
export async function netnsDelete(name: string): Promise<void> {
  try {
    await ip(['netns', 'delete', name]);
  } catch (error) {
    if (error instanceof ProgramError && /No such file or directory/.test(error.stderr)) return;
    throw error;
  }
}
