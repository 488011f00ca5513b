// The control socket of a running switch: a Unix stream socket that speaks OVS's unixctl, so that ovs-appctl and our
// own CLI (client.ts) drive it alike. Requests go to the CommandTable; whatever a client sends, the answer is a reply
// or a closed connection, never an exception.
import { chmodSync, existsSync, lstatSync, unlinkSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { SystemError } from '../errors.js';
import type { CommandTable, Connection } from './commands.js';
import { JsonFramer } from './framing.js';
import { MessageError, parseRequest, type Reply } from './jsonrpc.js';

/** Bytes of one request at most: a flow file of a large cluster is some MB. */
export const MAX_REQUEST_SIZE = 64 * 1024 * 1024;
/** Bytes that may wait for a slow reader of a stream before its notifications are left out. */
const MAX_STREAM_BACKLOG = 8 * 1024 * 1024;
/** sun_path of Linux holds 108 bytes with the final NUL. */
const MAX_PATH_SIZE = 107;

export class ControlServer {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #path: string | undefined;

  constructor(
    private readonly commands: CommandTable,
    private readonly maxRequestSize = MAX_REQUEST_SIZE,
  ) {
    this.#server = createServer((socket) => this.#serve(socket));
  }

  /** A socket file whose process is dead is replaced; one that answers is an error. */
  async listen(path: string): Promise<void> {
    if (Buffer.byteLength(path) > MAX_PATH_SIZE) {
      throw new SystemError(
        'bind',
        path,
        'ENAMETOOLONG',
        `a Unix socket's path has at most ${MAX_PATH_SIZE} bytes; choose a shorter rundir`,
      );
    }
    await removeStale(path);
    await new Promise<void>((resolve, reject) => {
      const refuse = (e: NodeJS.ErrnoException): void => {
        reject(
          new SystemError(
            e.syscall ?? 'listen',
            path,
            e.code ?? 'EUNKNOWN',
            'check that the folder exists and is writable',
          ),
        );
      };
      this.#server.once('error', refuse);
      const umask = process.umask(0o077);
      try {
        this.#server.listen(path, () => {
          this.#server.off('error', refuse);
          this.#server.on('error', () => {}); // accept() failed (EMFILE): the client sees it, the switch goes on
          resolve();
        });
      } finally {
        process.umask(umask);
      }
    });
    chmodSync(path, 0o600);
    this.#path = path;
  }

  /** Stops listening, closes every connection after what is written was sent, removes the socket file. */
  async close(): Promise<void> {
    if (this.#path === undefined) return;
    this.#path = undefined;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#sockets) socket.end();
    const impatience = setTimeout(() => {
      for (const socket of this.#sockets) socket.destroy();
    }, 500);
    await closed;
    clearTimeout(impatience);
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    const framer = new JsonFramer(this.maxRequestSize);
    const closeListeners: (() => void)[] = [];
    const connection: Connection = {
      notify: (method, params) => {
        if (socket.destroyed || socket.writableLength > MAX_STREAM_BACKLOG) return false;
        socket.write(`${JSON.stringify({ method, params, id: null })}\n`);
        return true;
      },
      onClose: (listener) => {
        if (socket.destroyed) listener();
        else closeListeners.push(listener);
      },
    };
    const answer = (reply: Reply): void => {
      if (socket.destroyed || !socket.writable) return;
      if (socket.write(`${JSON.stringify(reply)}\n`)) return;
      // Who does not read his answers gets no further ones: his requests wait in the kernel.
      socket.pause();
      socket.once('drain', () => socket.resume());
    };
    // Requests of one connection are answered in order.
    let turn: Promise<void> = Promise.resolve();
    socket.on('data', (chunk) => {
      let texts: string[];
      try {
        texts = framer.push(chunk);
      } catch (e) {
        socket.removeAllListeners('data');
        socket.resume();
        turn = turn.then(() => {
          answer({ result: null, error: asLines((e as Error).message), id: null });
          socket.end();
        });
        return;
      }
      for (const text of texts) turn = turn.then(() => this.#handle(text, connection, answer));
    });
    socket.on('error', () => {}); // 'close' follows
    socket.on('close', () => {
      this.#sockets.delete(socket);
      for (const listener of closeListeners) listener();
    });
  }

  async #handle(text: string, connection: Connection, answer: (reply: Reply) => void): Promise<void> {
    let id: unknown = null;
    try {
      const request = parseRequest(text);
      id = request.id;
      const result = await this.commands.run(request.method, request.params, connection);
      if (id !== null) answer({ result: asLines(result), error: null, id });
    } catch (e) {
      if (e instanceof MessageError) id = e.id;
      answer({ result: null, error: asLines(e instanceof Error ? e.message : String(e)), id });
    }
  }
}

/** ovs-appctl prints an answer as it is, so it ends in a newline unless it is empty. */
function asLines(text: string): string {
  return text === '' || text.endsWith('\n') ? text : `${text}\n`;
}

/** Throws when a process answers at `path`; removes what a dead one left there. */
export async function removeStale(path: string): Promise<void> {
  if (!existsSync(path)) return;
  if (!lstatSync(path).isSocket()) {
    throw new SystemError('bind', path, 'EADDRINUSE', 'a file that is no socket is in the way; remove it');
  }
  const alive = await new Promise<boolean>((resolve) => {
    const probe = connect(path);
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', (e: NodeJS.ErrnoException) => resolve(e.code !== 'ECONNREFUSED' && e.code !== 'ENOENT'));
  });
  if (alive)
    throw new SystemError(
      'bind',
      path,
      'EADDRINUSE',
      'another switch is running on this socket; stop it or choose another rundir',
    );
  try {
    unlinkSync(path);
  } catch (e) {
    const { code = 'EUNKNOWN' } = e as NodeJS.ErrnoException;
    if (code !== 'ENOENT') throw new SystemError('unlink', path, code, 'a socket of a dead process is in the way');
  }
}
