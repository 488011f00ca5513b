// Two pods and the namespace of the switch between them, joined by veth pairs, with all neighbours known: for tests
// that run the same programs through our switch and through Open vSwitch. Whoever attaches a switch finds p1 and p2 in
// `node`.
import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { packageFile } from '../../dataplane/root.js';
import { orphans } from './leftovers.js';

const run = promisify(execFile);
const PREFIX = 'pwpods';
const EXCHANGE = packageFile('test', 'helpers', 'exchange.mjs');

export type Pod = 'a' | 'b';
const NUMBER = { a: 1, b: 2 } as const;
export const podMac = (pod: Pod): string => `02:00:00:00:00:0${NUMBER[pod]}`;
/** 10.0.0.1 and fd00::1 for `a`, 10.0.0.2 and fd00::2 for `b`. */
export const podIp = (pod: Pod): string => `10.0.0.${NUMBER[pod]}`;

export class TwoPods {
  readonly #children: ChildProcess[] = [];

  private constructor(private readonly name: string) {}

  /** `others`: addresses that each pod believes the other to have. */
  static async start(name: string, others: readonly string[]): Promise<TwoPods> {
    const pods = new TwoPods(name);
    try {
      await pods.#up(others);
    } catch (e) {
      await pods.stop();
      throw e;
    }
    return pods;
  }

  netns(of: Pod | 'node'): string {
    return `${PREFIX}-${process.pid}-${this.name}-${of}`;
  }

  async #up(others: readonly string[]): Promise<void> {
    const ip = (...args: string[]) => execFileSync('ip', args, { stdio: 'pipe' }).toString();
    const names = ip('netns', 'list')
      .split('\n')
      .map((line) => line.split(' ')[0]);
    for (const name of orphans(PREFIX, names)) ip('netns', 'del', name);
    for (const of of ['a', 'b', 'node'] as const) {
      ip('netns', 'add', this.netns(of));
      ip('-n', this.netns(of), 'link', 'set', 'lo', 'up');
    }
    for (const pod of ['a', 'b'] as const) {
      const [ns, far] = [this.netns(pod), pod === 'a' ? 'b' : 'a'] as const;
      const device = `p${NUMBER[pod]}`;
      ip(
        'link',
        'add',
        'eth0',
        'netns',
        ns,
        'address',
        podMac(pod),
        'type',
        'veth',
        'peer',
        'name',
        device,
        'netns',
        this.netns('node'),
      );
      await this.in('node', 'sysctl', '-qw', `net.ipv6.conf.${device}.disable_ipv6=1`);
      await this.in(pod, 'sysctl', '-qw', 'net.ipv4.ip_forward=1');
      ip('-n', this.netns('node'), 'link', 'set', device, 'up');
      ip('-n', ns, 'address', 'add', `${podIp(pod)}/24`, 'dev', 'eth0');
      ip('-n', ns, 'address', 'add', `fd00::${NUMBER[pod]}/64`, 'dev', 'eth0', 'nodad');
      ip('-n', ns, 'link', 'set', 'eth0', 'up');
      const known = [podIp(far), `fd00::${NUMBER[far]}`, ...others];
      for (const address of known)
        ip('-n', ns, 'neigh', 'replace', address, 'lladdr', podMac(far), 'dev', 'eth0', 'nud', 'permanent');
      // Open vSwitch's userspace switch takes no frame that leaves a checksum to the hardware.
      await this.in(pod, 'ethtool', '-K', 'eth0', 'tx', 'off', 'tso', 'off', 'gso', 'off', 'gro', 'off');
    }
  }

  /** What a program in a pod prints. Its exit code says nothing: curl and ping have many. */
  async in(of: Pod | 'node', ...command: string[]): Promise<string> {
    const options = { timeout: 60_000, maxBuffer: 16 << 20 };
    const result = await run('ip', ['netns', 'exec', this.netns(of), ...command], options).catch(
      (e: { stdout: string; stderr: string }) => e,
    );
    return result.stdout + result.stderr;
  }

  /** A program of exchange.mjs that ends. */
  async exchange(pod: Pod, ...args: string[]): Promise<string> {
    return (await this.in(pod, process.execPath, EXCHANGE, ...args)).trim();
  }

  /** One that goes on. */
  async serve(pod: Pod, ...args: string[]): Promise<void> {
    const child = this.spawn(pod, process.execPath, EXCHANGE, ...args);
    await once(child.stdout!, 'data');
  }

  spawn(of: Pod | 'node', ...command: string[]): ChildProcess {
    const args = ['--pdeathsig', 'TERM', 'ip', 'netns', 'exec', this.netns(of), ...command];
    const child = spawn('setpriv', args, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#children.push(child);
    return child;
  }

  async stop(): Promise<void> {
    for (const child of this.#children.reverse()) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const gone = once(child, 'exit');
      child.kill('SIGTERM');
      if ((await Promise.race([gone.then(() => true), sleep(5000, false)])) === false) child.kill('SIGKILL');
      await gone;
    }
    for (const of of ['a', 'b', 'node'] as const)
      await run('ip', ['netns', 'del', this.netns(of)]).catch(() => undefined);
  }
}
