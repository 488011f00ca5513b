// Which of the running switches a verb talks to.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { UsageError } from '../../cli/errors.js';
import { connectTarget, findSockets } from '../../cli/target.js';
import { CommandTable } from '../../dataplane/control/commands.js';
import { ControlServer } from '../../dataplane/control/server.js';

let run: string;
const servers: ControlServer[] = [];

async function serve(...parts: string[]): Promise<string> {
  const path = join(run, ...parts);
  mkdirSync(dirname(path), { recursive: true });
  const server = new ControlServer(new CommandTable());
  await server.listen(path);
  servers.push(server);
  return path;
}

async function targetOf(options: Parameters<typeof connectTarget>[0]): Promise<string> {
  const client = await connectTarget(options, run);
  client.close();
  return client.path;
}

beforeEach(() => {
  run = mkdtempSync(join(tmpdir(), 'pw-cli-'));
});
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
  rmSync(run, { recursive: true, force: true });
});

describe('cli: which switch a verb talks to', () => {
  it('is the only one that runs, wherever in the run folder its socket lies', async () => {
    const path = await serve('lab1', 'worker1', 'br-int.ctl');
    expect(await targetOf({})).toBe(path);
    expect(await targetOf({ node: 'worker1' })).toBe(path);
    expect(await targetOf({ lab: 'lab1' })).toBe(path);
  });

  it('is chosen by --node and --lab when there are several', async () => {
    const one = await serve('lab1', 'worker1', 'br-int.ctl');
    const two = await serve('lab1', 'worker2', 'br-int.ctl');
    const other = await serve('lab2', 'worker1', 'br-int.ctl');
    expect(await targetOf({ node: 'worker2' })).toBe(two);
    expect(await targetOf({ lab: 'lab2' })).toBe(other);
    expect(await targetOf({ lab: 'lab1', node: 'worker1' })).toBe(one);
    const error = await connectTarget({ node: 'worker1' }, run).catch((e: unknown) => e as Error);
    expect(error).toBeInstanceOf(UsageError);
    expect((error as Error).message).toBe(
      `2 switches run for node worker1; choose one with --node or -t:\n  ${one}\n  ${other}`,
    );
  });

  it('says what to do when none runs', async () => {
    await expect(connectTarget({}, run)).rejects.toThrow(
      `no running switch under ${run}; start one with 'packetwalk lab up' or 'packetwalk switch', or name its socket with -t`,
    );
    await expect(connectTarget({ target: join(run, 'x.ctl') }, run)).rejects.toThrow('no switch has made this socket');
  });

  it('passes over the socket of a switch that was killed', async () => {
    const path = await serve('br-int.ctl');
    mkdirSync(join(run, 'dead'));
    execFileSync('python3', [
      '-c',
      'import socket,sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])',
      join(run, 'dead', 'br-int.ctl'),
    ]);
    expect(findSockets(run)).toHaveLength(2);
    expect(await targetOf({})).toBe(path);
  });
});
