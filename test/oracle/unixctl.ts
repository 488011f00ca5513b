// A plain client of Open vSwitch's unixctl (JSON-RPC 1.0 on a Unix socket): what ovs-appctl does, without a process for
// each call. On purpose not dataplane/control/client.ts: the reference is asked without our own code in between.
import { type Socket, connect } from 'node:net';

/**
 * Longer than any answer takes on a busy machine. OVS 3.1's ofproto/trace goes on for ever with a packet that its flows
 * recirculate for ever.
 */
const MOST_MS = 10_000;

export class Unixctl {
  #id = 0;
  #text = '';
  #waiting?: { resolve(reply: Reply): void; reject(error: Error): void };
  #ended?: Error;
  #calls: Promise<unknown> = Promise.resolve();

  private constructor(private readonly socket: Socket) {
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => this.#take(chunk));
    socket.on('close', () => this.#end(new Error('the daemon closed the connection')));
    socket.on('error', (e) => this.#end(e));
  }

  static connect(path: string): Promise<Unixctl> {
    return new Promise((resolve, reject) => {
      const socket = connect(path);
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        resolve(new Unixctl(socket));
      });
    });
  }

  /**
   * Rejects with the daemon's own words when it refuses, and closes when it does not answer. Calls wait for each other.
   */
  call(method: string, ...params: string[]): Promise<string> {
    const answered = this.#calls.then(() => this.#call(method, params));
    this.#calls = answered.catch(() => undefined);
    return answered;
  }

  async #call(method: string, params: string[]): Promise<string> {
    if (this.#ended) throw this.#ended;
    const timer = setTimeout(() => this.socket.destroy(new Error(`${method}: the daemon does not answer`)), MOST_MS);
    const reply = await new Promise<Reply>((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.socket.write(JSON.stringify({ id: this.#id++, method, params }));
    }).finally(() => clearTimeout(timer));
    if (reply.error !== null) throw new Error(`${method}: ${reply.error.trim()}`);
    return reply.result ?? '';
  }

  #end(error: Error): void {
    this.#ended ??= error;
    this.#waiting?.reject(this.#ended);
  }

  /** Nothing frames a reply but its own braces: it is whole when it can be parsed. */
  #take(chunk: string): void {
    this.#text += chunk;
    if (!this.#text.trimEnd().endsWith('}')) return;
    let reply: Reply;
    try {
      reply = JSON.parse(this.#text) as Reply;
    } catch {
      return;
    }
    this.#text = '';
    this.#waiting?.resolve(reply);
    this.#waiting = undefined;
  }

  close(): void {
    this.socket.destroy();
  }
}

interface Reply {
  result: string | null;
  error: string | null;
}
