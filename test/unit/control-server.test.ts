// The control socket: unixctl's protocol, answers in order, clients that come and go.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CommandError, ControlClient, controlCall } from '../../dataplane/control/client.js';
import { CommandTable, type Connection } from '../../dataplane/control/commands.js';
import { ControlServer } from '../../dataplane/control/server.js';

let folder: string;
let path: string;
let server: ControlServer | undefined;

function table(): CommandTable {
  const commands = new CommandTable();
  commands.register({ name: 'echo', usage: 'TEXT', minArgs: 1, maxArgs: 1, run: ([text]) => text });
  commands.register({
    name: 'fail',
    usage: '',
    minArgs: 0,
    maxArgs: 0,
    run: () => {
      throw new Error('it failed');
    },
  });
  commands.register({
    name: 'late',
    usage: '',
    minArgs: 0,
    maxArgs: 0,
    run: () => new Promise((r) => setTimeout(() => r('late'), 20)),
  });
  return commands;
}

/** Sends raw bytes, returns everything the server says until it closes or `until` is seen. */
function raw(bytes: string | Buffer, until: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    let text = '';
    socket.on('data', (d) => {
      text += d;
      if (until.test(text)) socket.destroy();
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(text));
    socket.write(bytes);
  });
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pw-control-'));
  path = join(folder, 'br.ctl');
});
afterEach(async () => {
  await server?.close();
  server = undefined;
  rmSync(folder, { recursive: true, force: true });
});

describe('control: server', () => {
  it('answers a command and an error as unixctl does', async () => {
    server = new ControlServer(table());
    await server.listen(path);
    expect(await raw('{"method":"echo","params":["a"],"id":3}', /\n/)).toBe('{"result":"a\\n","error":null,"id":3}\n');
    expect(await raw('{"method":"fail","params":[],"id":"x"}', /\n/)).toBe(
      '{"result":null,"error":"it failed\\n","id":"x"}\n',
    );
  });

  it('answers concatenated requests in order, a slow one first', async () => {
    server = new ControlServer(table());
    await server.listen(path);
    const text = await raw('{"method":"late","params":[],"id":1}{"method":"echo","params":["b"],"id":2}', /"id":2/);
    expect(
      text
        .split('\n')
        .slice(0, 2)
        .map((l) => JSON.parse(l).id),
    ).toEqual([1, 2]);
  });

  it('says what was wrong with a command that does not exist or has too few arguments', async () => {
    server = new ControlServer(table());
    await server.listen(path);
    await expect(controlCall(path, 'nope')).rejects.toThrow(
      '"nope" is not a command of this switch (list-commands shows them)',
    );
    await expect(controlCall(path, 'echo')).rejects.toThrow('expected echo TEXT, got 0 arguments');
  });

  it('goes on after garbage, bad JSON, wrong types and an oversized request', async () => {
    server = new ControlServer(table(), 1000);
    await server.listen(path);
    expect(await raw(Buffer.from([0, 1, 2, 255]), /$never/)).toContain('expected a JSON object');
    expect(await raw('{"method" "x"}', /\n/)).toContain('"id":null');
    expect(await raw('{"method":5,"id":9}', /\n/)).toBe(
      '{"result":null,"error":"expected \\"method\\" to be a string\\n","id":9}\n',
    );
    expect(await raw(`{"method":"${'x'.repeat(2000)}`, /$never/)).toContain('expected a message of at most 1000 bytes');
    expect(await controlCall(path, 'echo', 'still here')).toBe('still here\n');
  });

  it('replaces the socket of a dead process and refuses that of a live one', async () => {
    // A socket file without listener: bound by a process that ended without unlinking it.
    execFileSync('python3', ['-c', 'import socket,sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])', path]);
    expect(existsSync(path)).toBe(true);
    server = new ControlServer(table());
    await server.listen(path);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const second = new ControlServer(table());
    await expect(second.listen(path)).rejects.toThrow('another switch is running on this socket');
    expect(await controlCall(path, 'echo', 'first')).toBe('first\n');
  });

  it('refuses a path that is no socket or too long for one', async () => {
    writeFileSync(path, 'text');
    await expect(new ControlServer(table()).listen(path)).rejects.toThrow('a file that is no socket is in the way');
    await expect(new ControlServer(table()).listen(join(folder, 'x'.repeat(120)))).rejects.toThrow('ENAMETOOLONG');
    await expect(new ControlServer(table()).listen(join(folder, 'absent', 'a.ctl'))).rejects.toThrow(/listen .*absent/);
  });

  it('removes its socket when it closes and tells waiting clients', async () => {
    server = new ControlServer(table());
    await server.listen(path);
    const client = await ControlClient.connect(path);
    await client.call('echo', 'x');
    const closed = new Promise<void>((r) => client.onClose(r));
    await server.close();
    await closed;
    expect(existsSync(path)).toBe(false);
    await expect(client.call('echo', 'x')).rejects.toThrow('the switch closed the connection');
    await expect(ControlClient.connect(path)).rejects.toThrow('no switch has made this socket');
  });

  it('streams notifications until the client closes', async () => {
    const commands = table();
    let stream: Connection | undefined;
    let gone = false;
    commands.register({
      name: 'stream',
      usage: '',
      minArgs: 0,
      maxArgs: 0,
      run: (_, connection) => {
        stream = connection;
        connection.onClose(() => (gone = true));
        return 'streaming';
      },
    });
    server = new ControlServer(commands);
    await server.listen(path);
    const client = await ControlClient.connect(path);
    const got: unknown[] = [];
    const two = new Promise<void>((resolve) => {
      client.onNotify = (method, params) => {
        got.push([method, params]);
        if (got.length === 2) resolve();
      };
    });
    expect(await client.call('stream')).toBe('streaming\n');
    expect(stream!.notify('record', [{ n: 1 }])).toBe(true);
    expect(stream!.notify('record', [{ n: 2 }])).toBe(true);
    await two;
    expect(got).toEqual([
      ['record', [{ n: 1 }]],
      ['record', [{ n: 2 }]],
    ]);
    client.close();
    await expect.poll(() => gone).toBe(true);
    expect(stream!.notify('record', [])).toBe(false);
  });

  it("gives a CommandError whose message is the switch's own", async () => {
    server = new ControlServer(table());
    await server.listen(path);
    const error = await controlCall(path, 'fail').catch((e: unknown) => e);
    expect(error).toBeInstanceOf(CommandError);
    expect((error as Error).message).toBe('it failed');
  });
});

const appctl = spawnSync('ovs-appctl', ['--version']).status === 0;
describe.skipIf(!appctl)(
  `control: the real ovs-appctl${appctl ? '' : ' (skipped: ovs-appctl is not installed)'}`,
  () => {
    it('lists commands, gets results and errors', async () => {
      server = new ControlServer(table());
      await server.listen(path);
      const run = (...args: string[]): Promise<{ status: number | null; out: string; err: string }> =>
        new Promise((resolve) => {
          const child = spawn('ovs-appctl', ['-t', path, ...args]);
          let out = '';
          let err = '';
          child.stdout.on('data', (d: Buffer) => (out += d));
          child.stderr.on('data', (d: Buffer) => (err += d));
          child.on('close', (status: number | null) => resolve({ status, out, err }));
        });
      expect((await run('list-commands')).out).toContain('  echo           TEXT\n');
      expect(await run('echo', 'héllo "x"')).toEqual({ status: 0, out: 'héllo "x"\n', err: '' });
      const failed = await run('fail');
      expect(failed.status).toBe(2);
      expect(failed.err).toMatch(/^it failed\n/);
    });
  },
);
