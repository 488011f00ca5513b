// What a switch tells to who listens: a refused subscription is an error, and enough is enough.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { stream } from '../../cli/stream.js';
import { CommandTable } from '../../dataplane/control/commands.js';
import { ControlServer } from '../../dataplane/control/server.js';
import { InputError } from '../../dataplane/errors.js';

let folder: string;
let server: ControlServer;
let target: string;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'pw-stream-'));
  target = join(folder, 'br-int.ctl');
  const commands = new CommandTable();
  const command = { usage: '', minArgs: 0, maxArgs: 1 };
  commands.register({
    ...command,
    name: 'test/count',
    run: ([to = '0'], connection) => {
      for (let i = 1; i <= Number(to); i++) connection.notify('test/event', [i]);
      return '';
    },
  });
  commands.register({
    ...command,
    name: 'test/refuse',
    run: () => {
      throw new InputError('ETEST', 'nobody may listen');
    },
  });
  server = new ControlServer(commands);
  await server.listen(target);
});
afterEach(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

test('a refused subscription is an error', async () => {
  await expect(stream({ target }, { call: ['test/refuse'], told: () => undefined })).rejects.toThrow(
    'nobody may listen',
  );
});

test('it ends after so many events, when the last one is dealt with', async () => {
  const told: unknown[] = [];
  await stream(
    { target },
    {
      call: ['test/count', '5'],
      count: 3,
      told: async (event) => {
        await new Promise(setImmediate);
        told.push(event);
      },
    },
  );
  expect(told).toEqual([1, 2, 3]);
});

test('it ends when the switch does', async () => {
  const ended = stream({ target }, { call: ['test/count', '1'], told: () => void server.close() });
  await expect(ended).resolves.toBeUndefined();
});
