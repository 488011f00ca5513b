// Peers in a lab's pods (pod-peer.mjs): started in their namespaces, asked by call, ended with the test. Used by the
// tests of Services and of policies with real connections.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { packageFile } from '../../dataplane/root.js';

export interface Question {
  protocol: 'tcp' | 'udp';
  to: string;
  port: number;
  /** Whether an answer is waited for; the others may come until shortly after the last of these. */
  wanted: boolean;
}

export interface LoadResult {
  opened: number;
  /** What came in place of an answer. */
  failed: string[];
  /** Answers on the connections that stayed. */
  kept: number;
  broken: string[];
  /** Answers on new connections by who gave them. */
  by: Record<string, number>;
}

export class Peer {
  #next = 0;
  readonly #waiting = new Map<number, { resolve(value: unknown): void; reject(e: Error): void }>();

  private constructor(private readonly child: ChildProcess) {}

  /** Resolves when it listens on all of its ports (`80/tcp`). */
  static async start(
    netns: string,
    name: string,
    ports: readonly string[],
    family: 'ipv4' | 'dual' = 'ipv4',
  ): Promise<Peer> {
    const argv = [
      'netns',
      'exec',
      netns,
      process.execPath,
      packageFile('test', 'helpers', 'pod-peer.mjs'),
      name,
      family,
      ...ports,
    ];
    const child = spawn('ip', argv, { stdio: ['pipe', 'pipe', 'inherit'] });
    const peer = new Peer(child);
    await new Promise<void>((resolve, reject) => {
      child.on('close', (code) => {
        const ended = new Error(`the peer in ${netns} ended with ${code}`);
        reject(ended);
        for (const { reject: refuse } of peer.#waiting.values()) refuse(ended);
      });
      createInterface({ input: child.stdout! }).on('line', (line) => {
        const said = JSON.parse(line) as { ready?: string; id: number; result: unknown };
        if (said.ready !== undefined) return resolve();
        peer.#waiting.get(said.id)?.resolve(said.result);
        peer.#waiting.delete(said.id);
      });
    });
    return peer;
  }

  #call<T>(command: string, rest: object = {}): Promise<T> {
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as (value: unknown) => void, reject });
      this.child.stdin!.write(`${JSON.stringify({ id, command, ...rest })}\n`);
    });
  }

  /** Who answered each (`NAME ADDRESS-OF-THE-ASKER`), `refused CODE` or `silent`. */
  probe(questions: readonly Question[], times: { grace?: number; patience?: number } = {}): Promise<string[]> {
    return this.#call('probe', { questions, ...times });
  }

  /** One question whose answer is waited for. */
  async ask(to: string, port: number, protocol: 'tcp' | 'udp' = 'tcp'): Promise<string> {
    return (await this.probe([{ to, port, protocol, wanted: true }]))[0];
  }

  /** One question that nobody should answer; what is known after `grace` ms. */
  async askInVain(to: string, port: number, protocol: 'tcp' | 'udp' = 'tcp', grace = 1000): Promise<string> {
    return (await this.probe([{ to, port, protocol, wanted: false }], { grace }))[0];
  }

  /** Sends datagrams, `each` every 5 ms; bytes of payload. */
  flood(what: {
    to: string;
    port: number;
    size: number;
    each: number;
    forMs: number;
  }): Promise<{ sent: number; ms: number }> {
    return this.#call('flood', what);
  }

  /** Of all datagrams that came to its ports. */
  datagramBytes(): Promise<number> {
    return this.#call('datagramBytes');
  }

  load(to: string, port: number): Promise<void> {
    return this.#call('load', { to, port });
  }

  soFar(): Promise<Pick<LoadResult, 'opened' | 'kept' | 'by'>> {
    return this.#call('soFar');
  }

  stopLoad(): Promise<LoadResult> {
    return this.#call('stopLoad');
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null) return;
    const closed = once(this.child, 'close');
    this.child.stdin!.end();
    await closed;
  }
}

/** Asks until `enough`; undefined when it never was in 20 s. */
export async function until<T>(ask: () => Promise<T>, enough: (value: T) => boolean): Promise<T | undefined> {
  for (const deadline = Date.now() + 20_000; Date.now() < deadline; await sleep(5)) {
    const value = await ask();
    if (enough(value)) return value;
  }
  return undefined;
}
