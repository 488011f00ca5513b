// A lab's life on a real machine: up, damaged, repaired, killed half-way, down; and nothing stays. Needs root.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import {
  down,
  exec,
  getLab,
  type Lab,
  loadTopology,
  missingRequirements,
  namespacesOf,
  status,
  up,
} from '../../lab/index.js';
import { identify, stopAll } from '../../lab/processes.js';
import { ip, netnsAdd, netnsDelete } from '../../lab/run.js';
import { bootId, loadState, saveState } from '../../lab/state.js';
import { cli, inodesOf, livingIn, tracesOf } from '../helpers/lab-machine.js';

const missing = await missingRequirements();
const NAME = 'pwlife';
const OTHER = 'pwlife2';

const article = loadTopology();
const bringUp = (name = NAME): Promise<Lab> => up(article, { name });

/** The frontend reaches the backend of its own node. */
async function answersInside(name = NAME): Promise<string> {
  const { stdout, stderr } = await exec(name, 'frontend', ['curl', '-sS', '--max-time', '5', 'http://10.222.1.47/']);
  return stdout + stderr;
}

async function pidsOf(name = NAME): Promise<number[]> {
  const found = (await status(name))!;
  return [...found.nodes.map((n) => n.switch.pid!), ...found.pods.map((p) => p.server!.pid!)];
}

describe.skipIf(missing.length > 0)(`lab: its life${missing.length ? ` (skipped: ${missing[0]})` : ''}`, () => {
  afterEach(async () => {
    for (const name of [NAME, OTHER]) await down(name);
    expect([...(await tracesOf(NAME)), ...(await tracesOf(OTHER))]).toEqual([]);
  });

  it('comes up in 10 seconds, healthy, and goes down in 3, leaving nothing', async () => {
    let started = Date.now();
    const lab = await bringUp();
    const upMs = Date.now() - started;
    const found = (await status(NAME))!;
    expect(found).toMatchObject({ healthy: true, missing: [] });
    expect(found.pods.map((p) => p.port.state)).toEqual(Array(6).fill('up'));
    expect(await answersInside()).toContain('backend1 at 10.222.1.47, asked by 10.222.1.48');

    const inodes = inodesOf(namespacesOf(lab));
    expect(inodes.size).toBe(12);
    expect(livingIn(inodes)).toHaveLength(9); // 3 switches, 4 HTTP servers, 2 DNS servers
    started = Date.now();
    expect(await down(NAME)).toBe(true);
    const downMs = Date.now() - started;
    expect(livingIn(inodes)).toEqual([]);
    expect(await status(NAME)).toBeUndefined();
    expect(upMs).toBeLessThan(10_000);
    expect(downMs).toBeLessThan(3000);
    expect(await down(NAME)).toBe(false);
  });

  it('up again changes nothing that is well', async () => {
    await bringUp();
    const before = await pidsOf();
    await bringUp();
    expect(await pidsOf()).toEqual(before);
    expect((await status(NAME))!.healthy).toBe(true);
  });

  it('a switch and a server that were killed are started again, addresses and routes with them', async () => {
    const lab = await bringUp();
    const found = (await status(NAME))!;
    process.kill(found.nodes.find((n) => n.name === 'worker1')!.switch.pid!, 'SIGKILL');
    process.kill(found.pods.find((p) => p.name === 'backend1')!.server!.pid!, 'SIGKILL');
    await expect
      .poll(async () => (await status(NAME))!.nodes.map((n) => n.switch.state))
      .toEqual(['running', 'dead', 'running']);
    expect((await status(NAME))!.healthy).toBe(false);
    await bringUp();
    expect((await status(NAME))!.healthy).toBe(true);
    expect(await answersInside()).toContain('backend1 at');
    const routes = (await ip(['-n', lab.nodes[1].netns, 'route'])).stdout;
    expect(routes).toMatch(/10\.222\.2\.0\/24 via 10\.222\.2\.1 dev antrea-gw0 onlink/);
  });

  it('a switch that hangs is replaced', async () => {
    await bringUp();
    const { pid } = (await status(NAME))!.nodes[1].switch;
    process.kill(pid!, 'SIGSTOP');
    expect((await status(NAME))!.nodes[1].switch).toMatchObject({ state: 'not answering', pid });
    await bringUp();
    expect((await status(NAME))!.healthy).toBe(true);
    expect(identify(pid!)).toBeUndefined();
  });

  it('a pod that lost its namespace gets it back, and its switch takes it in again', async () => {
    const lab = await bringUp();
    await netnsDelete(lab.pods.find((p) => p.name === 'backend1')!.netns);
    expect((await status(NAME))!.missing).toEqual([`${NAME}-backend1`]);
    await bringUp();
    await expect.poll(async () => (await status(NAME))!.healthy, { timeout: 5000 }).toBe(true);
    await expect.poll(answersInside, { timeout: 5000 }).toContain('backend1 at');
  });

  it('a node that lost its namespace gets a new one with a new switch', async () => {
    await bringUp();
    const { pid } = (await status(NAME))!.nodes[1].switch;
    await netnsDelete(`${NAME}-worker1`);
    await bringUp();
    const found = (await status(NAME))!;
    expect(found.healthy).toBe(true);
    expect(found.nodes[1].switch.pid).not.toBe(pid);
    expect(await answersInside()).toContain('backend1 at');
  });

  it('the segment comes back with its cables', async () => {
    await bringUp();
    await netnsDelete(`${NAME}-underlay`);
    await bringUp();
    const { stdout } = await exec(NAME, 'client', [
      'curl',
      '-sS',
      '--max-time',
      '5',
      '-o',
      '/dev/null',
      '-w',
      '%{http_code}',
      'http://10.79.1.201:32422/',
    ]);
    expect(stdout).toBe('200');
  });

  it.each([
    ['as soon as it wrote what it will make', () => existsSync(`/run/packetwalk/${NAME}/state.json`)],
    ['between the namespaces', () => existsSync(`/run/netns/${NAME}-worker1`)],
    ['while the programs start', () => existsSync(`/run/packetwalk/${NAME}/worker1/switch.log`)],
  ])('killed %s it is removed by down, or repaired by up', async (_, reached) => {
    const killed = async (): Promise<void> => {
      const run = cli('lab', 'up', '--name', NAME);
      for (const deadline = Date.now() + 20_000; !reached(); await sleep(1)) expect(Date.now()).toBeLessThan(deadline);
      run.child.kill('SIGKILL');
      expect(await run.ended).toBe('SIGKILL');
    };
    await killed();
    expect(await down(NAME)).toBe(true);
    expect(await tracesOf(NAME)).toEqual([]);
    await killed();
    await bringUp();
    expect((await status(NAME))!.healthy).toBe(true);
    expect(await answersInside()).toContain('backend1 at');
    expect(livingIn(inodesOf(namespacesOf(getLab(NAME))))).toHaveLength(9);
  });

  it.each(['SIGINT', 'SIGTERM'] as const)('%s during up takes down what was made', async (signal) => {
    const run = cli('lab', 'up', '--name', NAME);
    while (!existsSync(`/run/packetwalk/${NAME}/worker1/switch.log`)) await sleep(1);
    run.child.kill(signal);
    expect(await run.ended).toBe(1);
    expect(run.output()).toContain(`${signal}: stopped before the lab was up`);
    expect(await tracesOf(NAME)).toEqual([]);
  });

  it('two labs live side by side', async () => {
    await Promise.all([bringUp(NAME), bringUp(OTHER)]);
    expect(await answersInside(OTHER)).toContain('backend1 at');
    await down(OTHER);
    expect((await status(NAME))!.healthy).toBe(true);
    expect(await answersInside(NAME)).toContain('backend1 at');
  });

  it('two at once on the same lab: the second is refused', async () => {
    const first = bringUp();
    await expect(bringUp()).rejects.toThrow(/^lab pwlife: another packetwalk is bringing it up or taking it down/);
    await first;
  });

  it("does not touch a namespace that is somebody else's", async () => {
    const foreign = `${NAME}-backend1`;
    await netnsAdd(foreign);
    try {
      await expect(bringUp()).rejects.toThrow(
        /^network namespace pwlife-backend1 exists and belongs to no lab of ours/,
      );
      expect(existsSync(`/run/netns/${foreign}`)).toBe(true);
    } finally {
      await netnsDelete(foreign);
    }
  });

  it('never ends a process that was given the number of one of its own', async () => {
    const lab = await bringUp();
    const stranger = spawn('sleep', ['60']);
    try {
      const state = loadState(NAME)!;
      const own = state.processes.find((p) => p.of === 'worker2')!;
      const switchPid = own.pid;
      Object.assign(own, { pid: stranger.pid, start: String(Number(identify(stranger.pid!)!.start) - 1) });
      saveState(state);
      expect((await status(NAME))!.nodes[2].switch.pid).toBe(switchPid); // found by what it is
      await down(NAME);
      expect(identify(stranger.pid!)).toBeDefined();
      expect(livingIn(inodesOf(namespacesOf(lab)))).toEqual([]);
      expect(identify(switchPid)).toBeUndefined();
    } finally {
      stranger.kill();
    }
  });

  it('after another boot its processes are taken for gone', async () => {
    await bringUp();
    const state = loadState(NAME)!;
    expect(state).toMatchObject({ boot: bootId(), complete: true });
    saveState({ ...state, boot: 'another' });
    expect(loadState(NAME)!.processes).toEqual([]);
  });

  it('the examples of docs/cli/lab.md are labs', async () => {
    const page = readFileSync(new URL('../../docs/cli/lab.md', import.meta.url), 'utf8');
    const [least, short] = [...page.matchAll(/```yaml\n([^]*?)```/g)].map(([, text]) => text);
    const folder = mkdtempSync(join(tmpdir(), 'packetwalk-lab-'));
    try {
      mkdirSync(join(folder, 'manifests'));
      const pod = (name: string, node: string, namespace: string): string =>
        `apiVersion: v1\nkind: Pod\nmetadata: { name: ${name}, namespace: ${namespace}, annotations: { packetwalk/serve: http } }\nspec: { nodeName: ${node} }\n---\n`;
      writeFileSync(join(folder, 'manifests', 'pods.yaml'), pod('web', 'one', 'default') + pod('web', 'two', 'shop'));
      writeFileSync(join(folder, 'least.yaml'), least);
      const { pods } = await up(loadTopology(join(folder, 'least.yaml')), { name: NAME });
      expect(pods.map((p) => [p.name, p.ip])).toEqual([
        ['web', '10.244.0.2'],
        ['web-shop', '10.244.1.2'],
      ]);
      expect((await exec(NAME, 'web', ['curl', '-sS', '--max-time', '5', 'http://10.244.1.2/'])).stdout).toBe(
        'web-shop at 10.244.1.2, asked by 10.244.0.2 for /\n',
      );
      await down(NAME);
      writeFileSync(join(folder, 'lab.yaml'), short);
      writeFileSync(join(folder, 'one.flows'), 'priority=0 actions=NORMAL\n');
      await up(loadTopology(join(folder, 'lab.yaml')), { name: NAME });
      const { stdout } = await exec(NAME, 'client', ['curl', '-sS', '--max-time', '5', 'http://192.0.2.11:30080/']);
      expect(stdout).toBe('web at 10.244.1.5, asked by 10.244.1.1 for /\n');
      // Another topology under the same name is not mixed with what is there.
      await expect(bringUp()).rejects.toThrow(
        /^lab pwlife is there already, made from .*lab\.yaml as that was then; take it down first/,
      );
      await expect(up(loadTopology(join(folder, 'lab.yaml')), { name: NAME, ports: 'veth' })).rejects.toThrow(
        /there already, with tap ports/,
      );
      // But when all its programs are dead, what is left gives way.
      await stopAll(loadState(NAME)!.processes);
      const steps: string[] = [];
      await up(loadTopology(), { name: NAME, onProgress: (step) => steps.push(step) });
      expect(steps[0]).toMatch(/^removing what is left of a lab pwlife made from .*lab\.yaml$/);
      expect(await status(NAME)).toMatchObject({ healthy: true });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('the command line brings it up, shows it, runs programs in it and takes it down', async () => {
    const said = async (...args: string[]): Promise<{ code: number | string; text: string }> => {
      const run = cli('lab', ...args);
      return { code: await run.ended, text: run.output() };
    };
    expect(await said('status', '--name', NAME)).toMatchObject({
      code: 1,
      text: expect.stringMatching(/^packetwalk: there is no lab pwlife/),
    });
    expect(await said('up', '--name', NAME)).toMatchObject({
      code: 0,
      text: expect.stringMatching(/^lab pwlife is up: 3 nodes, 6 pods, \d+\.\d s\n$/),
    });
    expect(await said('status', '--name', NAME)).toMatchObject({
      code: 0,
      text: expect.stringMatching(/^lab pwlife: healthy \(tap ports, /),
    });
    expect(await said('exec', '--name', NAME, 'default/frontend', '--', 'cat', '/etc/resolv.conf')).toMatchObject({
      code: 0,
      text: expect.stringMatching(/^nameserver 10\.96\.0\.10\nsearch default\.svc/),
    });
    expect(await said('exec', '--name', NAME, 'worker1', 'sh', '-c', 'echo out; exit 3')).toEqual({
      code: 3,
      text: 'out\n',
    });
    const json = await said('exec', '--json', '--name', NAME, 'worker1', 'sh', '-c', 'echo out; exit 3');
    expect(JSON.parse(json.text)).toEqual({ status: 3, stdout: 'out\n', stderr: '' });
    expect(await said('exec', '--name', NAME, 'nowhere', 'true')).toMatchObject({
      code: 1,
      text: expect.stringMatching(/expected one of master, worker1, .*, got "nowhere"/),
    });
    process.kill((await pidsOf())[0], 'SIGKILL');
    await expect.poll(async () => (await said('status', '--name', NAME)).code).toBe(1);
    expect(JSON.parse((await said('status', '--name', NAME, '--json')).text)).toMatchObject({
      name: NAME,
      healthy: false,
    });
    expect(await said('down', '--name', NAME)).toEqual({ code: 0, text: 'down: pwlife\n' });
    expect(await said('down', '--name', NAME)).toEqual({ code: 0, text: 'there was no lab pwlife\n' });
  });

  it('a failing switch is told with the end of its log, and nothing stays', async () => {
    const broken = structuredClone(article);
    broken.topology.nodes[1].flows = 'no-such.flows';
    await expect(up(broken, { name: NAME })).rejects.toThrow(/the switch of worker1 ended:[^]*no-such\.flows/);
    expect(await tracesOf(NAME)).toEqual([]);
  });

  it('leaves what others put beside its files in /etc/netns', async () => {
    await bringUp();
    writeFileSync(`/etc/netns/${NAME}-frontend/hosts`, '192.0.2.1 example\n');
    await down(NAME);
    expect(existsSync(`/etc/netns/${NAME}-frontend/hosts`)).toBe(true);
    rmSync(`/etc/netns/${NAME}-frontend`, { recursive: true });
  });
});
