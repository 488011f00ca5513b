// What a lab may leave on the machine, by the kernel's own lists, and running the command line as a user does.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { processesIn, argvOf } from '../../lab/processes.js';
import { netnsInode } from '../../lab/namespaces.js';
import { packageFile } from '../../dataplane/root.js';
import { ip } from '../../lab/run.js';

const list = (folder: string): string[] => (existsSync(folder) ? readdirSync(folder).sort() : []);

/** Everything of a lab with this name that can be found. */
export async function tracesOf(name: string): Promise<string[]> {
  const prefix = `${name}-`;
  const links = JSON.parse((await ip(['-json', 'link', 'show'])).stdout) as { ifname: string }[];
  return [
    ...list('/run/netns')
      .filter((n) => n.startsWith(prefix))
      .map((n) => `namespace ${n}`),
    ...list('/etc/netns')
      .filter((n) => n.startsWith(prefix))
      .map((n) => `folder /etc/netns/${n}`),
    ...list('/run/packetwalk')
      .filter((n) => n === name)
      .map((n) => `folder /run/packetwalk/${n}`),
    ...links.filter((l) => l.ifname.startsWith(prefix)).map((l) => `device ${l.ifname}`),
    ...readdirSync('/proc')
      .filter(
        (pid) => /^\d+$/.test(pid) && argvOf(Number(pid)).some((word) => word.includes(`/run/packetwalk/${name}/`)),
      )
      .map((pid) => `process ${pid}: ${argvOf(Number(pid)).join(' ')}`),
  ];
}

/** Inodes of namespaces, to ask later whether a process still lives in one that lost its name. */
export function inodesOf(namespaces: string[]): Set<number> {
  return new Set(namespaces.flatMap((name) => netnsInode(name) ?? []));
}

export function livingIn(inodes: Set<number>): string[] {
  return processesIn(inodes).map(({ pid }) => argvOf(pid).join(' '));
}

export interface CliRun {
  child: ChildProcess;
  /** Exit code, or the signal that ended it. */
  ended: Promise<number | string>;
  output(): string;
}

/** `packetwalk ARGS` in a process of its own. */
export function cli(...args: string[]): CliRun {
  const child = spawn(process.execPath, [packageFile('dist', 'cli', 'main.js'), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  const ended = once(child, 'close').then(([code, signal]) => (code ?? signal) as number | string);
  return { child, ended, output: () => output };
}
