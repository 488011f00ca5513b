// Running programs, and knowing processes again.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  argvOf,
  identify,
  isAlive,
  isBound,
  netnsInodeOf,
  processesIn,
  startDetached,
  stopAll,
} from '../../lab/processes.js';
import { ProgramError, run } from '../../lab/run.js';
import { together } from '../../lab/together.js';

describe('lab: running programs', () => {
  it('gives what they wrote', async () => {
    expect(await run('cat', [], { input: 'as it came\n' })).toEqual({ stdout: 'as it came\n', stderr: '' });
    expect((await run('printenv', ['PACKETWALK_TEST'], { env: { PACKETWALK_TEST: 'x y' } })).stdout).toBe('x y\n');
  });

  it('that fail reject with their command line, status and last words', async () => {
    const refused = run('ls', ['/no/such/folder']);
    await expect(refused).rejects.toBeInstanceOf(ProgramError);
    await expect(refused).rejects.toThrow(/^ls \/no\/such\/folder: exit 2: ls: cannot access/);
  });

  it('that are not there reject with the package that has them', async () => {
    await expect(run('ip', ['link'], { env: { PATH: '/nowhere' } })).rejects.toThrow(
      'exec ip: ENOENT; apt-get install iproute2',
    );
    await expect(run('no-such-program', [])).rejects.toThrow(/^exec no-such-program: ENOENT$/);
  });

  it('that take too long, or are no longer wanted, are ended', async () => {
    await expect(run('sleep', ['60'], { timeoutMs: 50 })).rejects.toThrow(/^sleep 60: SIGKILL/);
    const stop = new AbortController();
    const sleeping = run('sleep', ['60'], { signal: stop.signal });
    stop.abort(new Error('no longer wanted'));
    await expect(sleeping).rejects.toThrow('no longer wanted');
  });

  it('need not read their input', async () => {
    await expect(run('true', [], { input: 'x'.repeat(1 << 20) })).resolves.toMatchObject({ stdout: '' });
  });
});

describe('lab: several things at once', () => {
  it('all come to their end before the first refusal is told', async () => {
    let ended = 0;
    const end = async (ms: number, refuse?: string): Promise<void> => {
      await new Promise((resolve) => setTimeout(resolve, ms));
      ended++;
      if (refuse) throw new Error(refuse);
    };
    const stop = new AbortController();
    await expect(together([end(30, 'later'), end(5, 'first'), end(40)], stop)).rejects.toThrow('first');
    expect(ended).toBe(3);
    expect(stop.signal.aborted).toBe(true);
    expect(await together([Promise.resolve(1), Promise.resolve(2)])).toEqual([1, 2]);
  });
});

describe('lab: processes', () => {
  it('are known again by their start, and gone when they have ended', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'packetwalk-unit-'));
    try {
      const log = join(folder, 'log');
      const process = startDetached(['sh', '-c', 'echo said; exec sleep 60'], log, { PATH: '/usr/bin:/bin' });
      await expect.poll(() => argvOf(process.pid)).toEqual(['sleep', '60']);
      expect(isAlive(process)).toBe(true);
      expect(isAlive({ pid: process.pid, start: '1' })).toBe(false);
      expect(readFileSync(log, 'utf8')).toBe('said\n');
      await stopAll([process, { pid: 1, start: 'not its start' }]);
      expect(isAlive(process)).toBe(false);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('that do not end politely are killed', async () => {
    const child = spawn('sh', ['-c', 'trap "" TERM; echo ready; while :; do sleep 1; done'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    await once(child.stdout!, 'data');
    await stopAll([identify(child.pid!)!], 50);
    expect(identify(child.pid!)).toBeUndefined();
  });

  it('are found by the network namespace they live in, without us and our parents', () => {
    const ours = netnsInodeOf(process.pid)!;
    const found = processesIn(new Set([ours])).map((p) => p.pid);
    expect(found).not.toContain(process.pid);
    expect(found).not.toContain(process.ppid);
    expect(processesIn(new Set([1]))).toEqual([]);
  });

  it('are seen to listen', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    expect(isBound(process.pid, 'tcp', port)).toBe(true);
    server.close();
    await once(server, 'close');
    expect(isBound(process.pid, 'tcp', port)).toBe(false);
  });
});
