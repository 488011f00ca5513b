// An underlay for a switch under test: a network namespace whose loopback has the addresses of all nodes. The switch's
// Geneve port takes its own node's; the others are UDP sockets that the test speaks through (udp-peer.mjs).
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { packageFile } from '../../dataplane/root.js';
import { orphans } from './leftovers.js';

const PEER = packageFile('test', 'helpers', 'udp-peer.mjs');
const PREFIX = 'pwtest';
const TIMEOUT_MS = 5000;

export interface Datagram {
  from: string;
  to: string;
  bytes: Uint8Array;
}

/** Why there can be none here; undefined when there can. */
export function underlayMissing(): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root, to make a network namespace';
  try {
    execFileSync('ip', ['-V'], { stdio: 'ignore' });
    return undefined;
  } catch {
    return 'ip not installed (Debian: iproute2)';
  }
}

export class Underlay {
  readonly #received: Datagram[] = [];
  #peer?: ChildProcess;

  private constructor(readonly netns: string) {}

  static async start(own: string, peers: string[]): Promise<Underlay> {
    const underlay = new Underlay(`${PREFIX}-${process.pid}-${own.split('.').at(-1)}`);
    try {
      await underlay.#up(own, peers);
    } catch (e) {
      await underlay.stop();
      throw e;
    }
    return underlay;
  }

  async #up(own: string, peers: string[]): Promise<void> {
    const ip = (...args: string[]) => execFileSync('ip', args, { stdio: 'pipe' }).toString();
    const names = ip('netns', 'list')
      .split('\n')
      .map((line) => line.split(' ')[0]);
    for (const name of orphans(PREFIX, names)) ip('netns', 'del', name);
    ip('netns', 'add', this.netns);
    ip('-n', this.netns, 'link', 'set', 'lo', 'up');
    for (const address of [own, ...peers]) ip('-n', this.netns, 'address', 'add', `${address}/32`, 'dev', 'lo');
    const inside = ['ip', 'netns', 'exec', this.netns, process.execPath, PEER, ...peers];
    this.#peer = spawn('setpriv', ['--pdeathsig', 'TERM', ...inside], { stdio: ['pipe', 'pipe', 'inherit'] });
    const lines = createInterface({ input: this.#peer.stdout! });
    await new Promise<void>((resolve, reject) => {
      this.#peer!.once('exit', (code) => reject(new Error(`the tunnel's far end exited with ${code}`)));
      lines.on('line', (line) => (line === 'ready' ? resolve() : this.#take(line)));
    });
  }

  #take(line: string): void {
    const [from, to, hex] = line.split(' ');
    this.#received.push({ from, to, bytes: Buffer.from(hex, 'hex') });
  }

  /** From the node at `from` to the switch. */
  send(from: string, to: string, bytes: Uint8Array): void {
    this.#peer!.stdin!.write(`${from} ${to} ${Buffer.from(bytes).toString('hex')}\n`);
  }

  /** Waits until `count` datagrams have come, and takes them. */
  async take(count: number): Promise<Datagram[]> {
    const end = Date.now() + TIMEOUT_MS;
    while (this.#received.length < count) {
      if (Date.now() > end) throw new Error(`expected ${count} datagrams, got ${this.#received.length}`);
      await sleep(1);
    }
    return this.#received.splice(0);
  }

  async stop(): Promise<void> {
    const peer = this.#peer;
    if (peer && peer.exitCode === null && peer.signalCode === null) {
      const gone = new Promise((resolve) => peer.once('exit', resolve));
      peer.removeAllListeners('error');
      peer.stdin?.end();
      if ((await Promise.race([gone.then(() => true), sleep(1000, false)])) === false) peer.kill('SIGKILL');
      await gone;
    }
    try {
      execFileSync('ip', ['netns', 'del', this.netns], { stdio: 'pipe' });
    } catch {
      // It was never made.
    }
  }
}
