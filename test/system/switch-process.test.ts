// `packetwalk switch` as a process, with devices in namespaces: it forwards, sleeps when idle, survives what happens to
// its devices, and leaves nothing behind. Traffic is made and seen by other programs.
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { controlCall } from '../../dataplane/control/client.js';
import type { PortStatus } from '../../dataplane/datapath/ports.js';
import { packageFile } from '../../dataplane/root.js';
import { addon } from '../helpers/addon.js';

const MAIN = packageFile('dist', 'cli', 'main.js');
const missing =
  process.getuid?.() !== 0
    ? 'needs root, to make network namespaces'
    : (addon.missing ?? (existsSync(MAIN) ? undefined : `${MAIN} is not built`));

const [NS_A, NS_B, NS_SWITCH] = ['a', 'b', 'sw'].map((n) => `pws-${process.pid}-${n}`);
const ip = (...args: string[]): string =>
  execFileSync('ip', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
const TAPS = [
  { kind: 'tap', name: 'a', ofport: 1, netns: NS_A, ifname: 'eth0', mac: '02:00:00:00:00:0a' },
  { kind: 'tap', name: 'b', ofport: 2, netns: NS_B, ifname: 'eth0', mac: '02:00:00:00:00:0b' },
];

let folder: string;
let child: ChildProcess | undefined;
let log = '';
const socket = (): string => join(folder, 'br-pws.ctl');

async function until(what: string, check: () => boolean | Promise<boolean>, timeoutMs = 10_000): Promise<void> {
  const end = Date.now() + timeoutMs;
  while (!(await check())) {
    if (Date.now() > end) throw new Error(`${what}: not within ${timeoutMs} ms; the switch said:\n${log}`);
    await sleep(20);
  }
}

function configure(ports: object[], flows = 'actions=NORMAL'): string {
  writeFileSync(join(folder, 'the.flows'), flows);
  writeFileSync(
    join(folder, 'br.json'),
    JSON.stringify({ bridge: 'br-pws', rundir: folder, flows: ['the.flows'], ports }),
  );
  return join(folder, 'br.json');
}

const command = (file: string): string[] => [
  'netns',
  'exec',
  NS_SWITCH,
  process.execPath,
  MAIN,
  'switch',
  '--config',
  file,
];

async function start(ports: object[], flows?: string): Promise<void> {
  log = '';
  child = spawn('ip', command(configure(ports, flows)), { stdio: ['ignore', 'ignore', 'pipe'] });
  child.stderr!.on('data', (d: Buffer) => (log += d));
  await until('start', () => {
    if (child!.exitCode !== null) throw new Error(`the switch ended:\n${log}`);
    return log.includes('running, control socket');
  });
}

async function stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  if (!child) return;
  const gone = new Promise((done) => child!.once('exit', done));
  if (child.exitCode === null) {
    child.kill(signal);
    await gone;
  }
  child = undefined;
}

function addressTaps(): void {
  ip('-n', NS_A, 'addr', 'add', '192.0.2.1/24', 'dev', 'eth0');
  ip('-n', NS_B, 'addr', 'add', '192.0.2.2/24', 'dev', 'eth0');
}

/** A TCP connection from a to b through the switch: what the server in b answered. */
async function talk(answer = 'hello'): Promise<string> {
  const server = spawn('ip', [
    'netns',
    'exec',
    NS_B,
    process.execPath,
    '-e',
    "require('net').createServer((s) => s.end(process.argv[1])).listen(7, '192.0.2.2', () => console.log('ready'))",
    answer,
  ]);
  try {
    await new Promise((ready) => server.stdout.once('data', ready));
    const client = `const s = require('net').connect(7, '192.0.2.2'); s.on('data', (d) => process.stdout.write(d)); s.setTimeout(5000, () => s.destroy())`;
    return await new Promise((resolve, reject) => {
      const run = spawn('ip', ['netns', 'exec', NS_A, process.execPath, '-e', client]);
      let text = '';
      run.stdout.on('data', (d: Buffer) => (text += d));
      run.on('error', reject);
      run.on('exit', () => resolve(text));
    });
  } finally {
    server.kill();
  }
}

const ports = async (): Promise<PortStatus[]> =>
  JSON.parse(await controlCall(socket(), 'packetwalk/ports')) as PortStatus[];

function cpuTicks(): number {
  const pid = readFileSync(join(folder, 'br-pws.pid'), 'utf8').trim();
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return Number(fields[11]) + Number(fields[12]); // utime, stime: 1/100 s
}

describe.skipIf(missing)(`switch: as a process${missing ? ` (skipped: ${missing})` : ''}`, () => {
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'pws-'));
    for (const ns of [NS_A, NS_B, NS_SWITCH]) ip('netns', 'add', ns);
  });
  afterEach(() => stop());
  afterAll(() => {
    for (const ns of [NS_A, NS_B, NS_SWITCH]) spawnSync('ip', ['netns', 'del', ns]);
    rmSync(folder, { recursive: true, force: true });
  });

  it('forwards between two TAPs with NORMAL, tells ovs-appctl about it, and leaves nothing behind at SIGTERM', async () => {
    await start(TAPS);
    addressTaps();
    expect(await talk()).toBe('hello');
    const counted = JSON.parse(await controlCall(socket(), 'packetwalk/flows-dump', '--json', '')) as {
      packets: number;
    }[];
    const received = (await ports()).reduce((n, p) => n + p.rxPackets, 0);
    expect(counted[0].packets).toBeGreaterThan(8);
    expect(counted[0].packets).toBeLessThanOrEqual(received);
    if (spawnSync('ovs-appctl', ['--version']).status === 0) {
      const appctl = (...args: string[]): string =>
        execFileSync('ovs-appctl', ['-t', socket(), ...args], { encoding: 'utf8' });
      expect(appctl('version')).toMatch(/^packetwalk \d/);
      expect(appctl('fdb/show', 'br-pws')).toContain('    2     0  02:00:00:00:00:0b');
      expect(appctl('dpctl/dump-flows')).toMatch(
        /in_port\(1\),eth\(src=02:00:00:00:00:0a,dst=02:00:00:00:00:0b\),eth_type\(0x0800\).*actions:2\n/,
      );
      expect(appctl('ofproto/trace', 'br-pws', 'in_port=1,ip,dl_dst=02:00:00:00:00:0b')).toMatch(
        /Datapath actions: 2\n$/,
      );
      expect(appctl('dpif/show')).toContain('a 1/1: (tap)');
    }
    await stop();
    expect(log).toContain('SIGTERM, stopping');
    expect(existsSync(socket())).toBe(false);
    expect(existsSync(join(folder, 'br-pws.pid'))).toBe(false);
    expect(ip('-n', NS_A, '-o', 'link')).not.toContain('eth0');
    expect(ip('-n', NS_B, '-o', 'link')).not.toContain('eth0');
  });

  it('uses less than 2 % of a core when nothing happens', async () => {
    await start(TAPS);
    await sleep(2000);
    const before = cpuTicks();
    await sleep(5000);
    expect(cpuTicks() - before).toBeLessThan(10);
  });

  it('takes the socket over from a switch that was killed, and refuses that of one that runs', async () => {
    await start(TAPS);
    const second = spawnSync('ip', command(join(folder, 'br.json')), { encoding: 'utf8' });
    expect(second.status).toBe(1);
    expect(second.stderr).toBe(
      `packetwalk: bind ${socket()}: EADDRINUSE; another switch is running on this socket; stop it or choose another rundir\n`,
    );
    expect(await controlCall(socket(), 'version')).toMatch(/^packetwalk/);
    const pid = Number(readFileSync(join(folder, 'br-pws.pid'), 'utf8'));
    process.kill(pid, 'SIGKILL');
    await new Promise((done) => child!.once('exit', done));
    expect(existsSync(socket())).toBe(true);
    await start(TAPS);
    expect(await ports()).toHaveLength(2);
  });

  it('does not start on a flow file with an error: one message with its place, exit code 1, no device made', () => {
    const file = configure(TAPS, 'actions=NORMAL\npriority=5,in_port=c actions=drop\n');
    const run = spawnSync('ip', command(file), { encoding: 'utf8' });
    expect(run.status).toBe(1);
    expect(run.stderr).toContain(
      `packetwalk: ${join(folder, 'the.flows')}:2:20: expected a port, got "c"; the ports are a, b\n`,
    );
    expect(run.stderr.match(/expected a port/g)).toHaveLength(1);
    expect(ip('-n', NS_A, '-o', 'link')).not.toContain('eth0');
    expect(existsSync(socket())).toBe(false);
  });

  it('goes on when a device vanishes, says so, and takes it back', async () => {
    const veth = (): void => {
      ip('-n', NS_SWITCH, 'link', 'add', 'va', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', NS_A);
      ip('-n', NS_SWITCH, 'link', 'set', 'va', 'up');
      ip('-n', NS_A, 'link', 'set', 'eth0', 'up');
      ip('-n', NS_A, 'addr', 'add', '192.0.2.1/24', 'dev', 'eth0');
    };
    veth();
    await start([{ kind: 'veth', name: 'a', ofport: 1, ifname: 'va' }, TAPS[1]]);
    ip('-n', NS_B, 'addr', 'add', '192.0.2.2/24', 'dev', 'eth0');
    expect(await talk()).toBe('hello');

    ip('-n', NS_SWITCH, 'link', 'del', 'va');
    await until('gone', () => log.includes('the device of port a (1) is gone'));
    expect((await ports()).map((p) => p.state)).toEqual(['gone', 'up']);

    veth();
    await until('back', () => log.includes('the device of port a (1) is back'));
    expect((await ports()).map((p) => p.state)).toEqual(['up', 'up']);
    expect(await talk()).toBe('hello');
    ip('-n', NS_SWITCH, 'link', 'del', 'va');
  });

  it('answers its control socket while thousands of new connections come up', async () => {
    await start(
      TAPS,
      'udp actions=move:NXM_OF_UDP_DST[]->NXM_NX_REG0[0..15],resubmit(,1)\nactions=NORMAL\ntable=1,priority=1,udp,udp_dst=9 actions=drop\ntable=1,actions=NORMAL',
    );
    addressTaps();
    const flood = `const s = require('dgram').createSocket('udp4'); let n = 0; const end = Date.now() + 3000;
      s.on('error', () => {}); const more = () => { for (let i = 0; i < 50; i++) s.send('x', 1 + (n++ % 60000), '192.0.2.2');
      if (Date.now() < end) setTimeout(more, 1); else s.close(); }; s.bind(0, more)`;
    const scan = spawn('ip', ['netns', 'exec', NS_A, process.execPath, '-e', flood], { stdio: 'ignore' });
    const slowest: number[] = [];
    while (scan.exitCode === null) {
      const began = performance.now();
      await controlCall(socket(), 'version');
      slowest.push(performance.now() - began);
      await sleep(50);
    }
    expect(slowest.length).toBeGreaterThan(5);
    expect(Math.max(...slowest)).toBeLessThan(1000);
    const counters = JSON.parse(await controlCall(socket(), 'packetwalk/counters')) as {
      slowPath: { translated: number };
    };
    expect(counters.slowPath.translated).toBeGreaterThan(1000);
  });

  it('lets paused packets go on where a controller sits, GSO frames cut as a wire would have them; without one they end', async () => {
    const flows = 'tcp actions=controller(pause),NORMAL\npriority=0 actions=NORMAL';
    await start(TAPS, flows);
    addressTaps();
    const controller = spawn(process.execPath, [MAIN, 'controller', '-t', socket(), '--resume', '--json']);
    const heard: { totalLength: number; continuation?: string }[] = [];
    let text = '';
    controller.stdout.on('data', (d: Buffer) => {
      const lines = (text += d).split('\n');
      text = lines.pop()!;
      heard.push(...lines.map((line) => JSON.parse(line) as (typeof heard)[number]));
    });
    try {
      const subscribed = async (): Promise<boolean> => {
        await controlCall(
          socket(),
          'packetwalk/packet-out',
          'in_port=controller packet=02000000ffff02000000fffe88b5 actions=controller',
        );
        return heard.length > 0;
      };
      await until('the controller listens', subscribed);
      expect(await talk('x'.repeat(120_000))).toBe('x'.repeat(120_000));
      const lengths = heard.map(({ totalLength }) => totalLength);
      // As large as the device's MTU allows.
      expect(Math.max(...lengths)).toBe(1464);
      expect(heard.filter(({ continuation }) => continuation !== undefined).length).toBeGreaterThan(80);
    } finally {
      controller.kill('SIGINT');
      await new Promise((gone) => controller.once('exit', gone));
    }
    await until('the listener is gone', async () => {
      const { packetIn } = JSON.parse(await controlCall(socket(), 'packetwalk/counters')) as {
        packetIn: { unheard: number };
      };
      await controlCall(
        socket(),
        'packetwalk/packet-out',
        'in_port=controller packet=02000000ffff02000000fffe88b5 actions=controller',
      );
      return packetIn.unheard > 0;
    });
    expect(await talk()).toBe('');
  });
});
