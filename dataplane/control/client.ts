// The other end of the control socket: what the CLI, the lab and tests use to talk to a running switch.
import { connect, type Socket } from 'node:net';
import { SystemError } from '../errors.js';
import { JsonFramer } from './framing.js';
import { parseIncoming } from './jsonrpc.js';

/** The switch answered with an error; the message is the switch's own. */
export class CommandError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'CommandError';
  }
}

interface Waiting {
  resolve(result: string): void;
  reject(error: Error): void;
}

export class ControlClient {
  readonly #framer = new JsonFramer();
  readonly #waiting = new Map<number, Waiting>();
  readonly #closeListeners: (() => void)[] = [];
  #nextId = 0;
  #failure: Error | undefined;
  /** Called for each notification of a stream. */
  onNotify: (method: string, params: unknown[]) => void = () => {};

  private constructor(
    private readonly socket: Socket,
    readonly path: string,
  ) {
    socket.on('data', (chunk) => this.#receive(chunk));
    socket.on('error', (e) => this.#fail(e));
    socket.on('close', () => {
      this.#fail(new Error(`${path}: the switch closed the connection`));
      for (const listener of this.#closeListeners) listener();
    });
  }

  /** Throws SystemError when there is no switch at `path`. */
  static connect(path: string): Promise<ControlClient> {
    return new Promise((resolve, reject) => {
      const socket = connect(path);
      const refuse = (e: NodeJS.ErrnoException): void => {
        const advice: Record<string, string> = {
          ENOENT: 'no switch has made this socket; is it running?',
          ECONNREFUSED: 'the switch that made this socket is gone',
          EACCES: 'run as the user who started the switch, or as root',
        };
        const code = e.code ?? 'EUNKNOWN';
        reject(new SystemError('connect', path, code, advice[code]));
      };
      socket.once('error', refuse);
      socket.once('connect', () => {
        socket.off('error', refuse);
        resolve(new ControlClient(socket, path));
      });
    });
  }

  /** The command's result. Rejects with CommandError when the switch answers an error. */
  call(method: string, ...params: string[]): Promise<string> {
    return new Promise((resolve, reject) => {
      if (this.#failure) return reject(this.#failure);
      const id = this.#nextId++;
      this.#waiting.set(id, { resolve, reject });
      this.socket.write(JSON.stringify({ method, params, id }));
    });
  }

  onClose(listener: () => void): void {
    this.#closeListeners.push(listener);
  }

  close(): void {
    this.socket.end();
    this.socket.unref();
  }

  #receive(chunk: Buffer): void {
    try {
      for (const text of this.#framer.push(chunk)) {
        const message = parseIncoming(text);
        if (message.kind === 'notification') {
          this.onNotify(message.method, message.params);
          continue;
        }
        const waiting = this.#waiting.get(message.id as number);
        if (!waiting) continue;
        this.#waiting.delete(message.id as number);
        if (message.error !== null) waiting.reject(new CommandError(message.error.trimEnd()));
        else waiting.resolve(message.result ?? '');
      }
    } catch (e) {
      this.#fail(e as Error);
      this.socket.destroy();
    }
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    for (const waiting of this.#waiting.values()) waiting.reject(this.#failure);
    this.#waiting.clear();
  }
}

/** One command on a fresh connection. */
export async function controlCall(path: string, method: string, ...params: string[]): Promise<string> {
  const client = await ControlClient.connect(path);
  try {
    return await client.call(method, ...params);
  } finally {
    client.close();
  }
}
