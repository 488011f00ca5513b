// An API server as far as list and watch go: pages, resource versions, bookmarks, 410 Gone as a status and within a
// stream, kinds that it does not serve, a bearer token. Speaks HTTP on loopback; objects are put in by call.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

type Raw = Record<string, unknown> & { metadata: Record<string, unknown> };

const TOKEN = 'a-token-of-the-tests';

export class FakeApiServer {
  readonly #objects = new Map<string, Map<string, Raw>>();
  #version = 100;
  #log: { path: string; type: string; object: Raw; version: number }[] = [];
  readonly #watches = new Set<{ path: string; response: ServerResponse }>();
  /** How an expired watch is refused. */
  goneAs: 'status' | 'event' = 'event';
  /** Every request, as `GET path?query`. */
  readonly requests: string[] = [];
  readonly #folder = mkdtempSync(join(tmpdir(), 'packetwalk-api-'));
  readonly #server = createServer((request, response) => this.#serve(request, response));

  /** `paths`: those that it serves, as /api/v1/pods. */
  constructor(paths: readonly string[]) {
    for (const path of paths) this.#objects.set(path, new Map());
  }

  /** Resolves with the path of a kubeconfig for it. */
  async start(): Promise<string> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    const { port } = this.#server.address() as AddressInfo;
    const file = join(this.#folder, 'kubeconfig');
    writeFileSync(
      file,
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'Config',
        'current-context': 'fake',
        clusters: [{ name: 'fake', cluster: { server: `http://127.0.0.1:${port}`, 'insecure-skip-tls-verify': true } }],
        users: [{ name: 'tester', user: { token: TOKEN } }],
        contexts: [{ name: 'fake', context: { cluster: 'fake', user: 'tester' } }],
      }),
    );
    return file;
  }

  async stop(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    rmSync(this.#folder, { recursive: true });
  }

  put(path: string, raw: { metadata: { name: string; namespace?: string } } & Record<string, unknown>): void {
    const named = this.#objects.get(path)!;
    const key = `${raw.metadata.namespace}/${raw.metadata.name}`;
    const object = {
      ...raw,
      metadata: {
        ...raw.metadata,
        resourceVersion: String(++this.#version),
        uid: key,
        managedFields: [{ manager: 'test' }],
      },
    };
    this.#emit(path, named.has(key) ? 'MODIFIED' : 'ADDED', object);
    named.set(key, object);
  }

  remove(path: string, namespace: string, name: string): void {
    const named = this.#objects.get(path)!;
    const object = named.get(`${namespace}/${name}`)!;
    named.delete(`${namespace}/${name}`);
    this.#emit(path, 'DELETED', {
      ...object,
      metadata: { ...object.metadata, resourceVersion: String(++this.#version) },
    });
  }

  #emit(path: string, type: string, object: Raw): void {
    this.#log.push({ path, type, object, version: this.#version });
    for (const watch of this.#watches)
      if (watch.path === path) watch.response.write(`${JSON.stringify({ type, object })}\n`);
  }

  /** Tells all watches how far they are. */
  bookmark(): void {
    const event = { type: 'BOOKMARK', object: { metadata: { resourceVersion: String(this.#version) } } };
    for (const { response } of this.#watches) response.write(`${JSON.stringify(event)}\n`);
  }

  /** Ends all watches, as a server does after a time. */
  cut(): void {
    for (const { response } of this.#watches) response.end();
    this.#watches.clear();
  }

  /** Watches from before now are refused from now on. */
  forget(): void {
    this.#log = [];
    this.#version += 10;
  }

  get watches(): number {
    return this.#watches.size;
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    this.requests.push(`${request.method} ${request.url}`);
    const url = new URL(request.url!, 'http://server');
    const refuse = (code: number, message: string): void =>
      void response.writeHead(code).end(JSON.stringify({ kind: 'Status', code, message }));
    if (request.headers.authorization !== `Bearer ${TOKEN}`) return refuse(401, 'who are you?');
    const named = this.#objects.get(url.pathname);
    if (!named) return refuse(404, 'the server could not find the requested resource');
    if (url.searchParams.get('watch') === 'true') this.#watch(url, request, response, refuse);
    else this.#list([...named.values()], url, response);
  }

  #list(all: Raw[], url: URL, response: ServerResponse): void {
    const [from, limit] = [
      Number(url.searchParams.get('continue') ?? 0),
      Number(url.searchParams.get('limit') ?? all.length),
    ];
    const more = from + limit < all.length ? { continue: String(from + limit) } : {};
    // Items of a list do not say what they are.
    const items = all.slice(from, from + limit).map(({ apiVersion: _, kind: __, ...rest }) => rest);
    response
      .setHeader('content-type', 'application/json')
      .end(JSON.stringify({ kind: 'List', metadata: { resourceVersion: String(this.#version), ...more }, items }));
  }

  #watch(
    url: URL,
    request: IncomingMessage,
    response: ServerResponse,
    refuse: (code: number, message: string) => void,
  ): void {
    const since = Number(url.searchParams.get('resourceVersion'));
    const known = this.#log[0]?.version ?? this.#version + 1;
    const gone = since < known - 1;
    if (gone && this.goneAs === 'status') return refuse(410, 'too old resource version');
    response.setHeader('content-type', 'application/json');
    response.flushHeaders();
    if (gone)
      return void response.end(
        `${JSON.stringify({ type: 'ERROR', object: { kind: 'Status', code: 410, message: 'too old resource version' } })}\n`,
      );
    for (const { path, type, object, version } of this.#log)
      if (path === url.pathname && version > since) response.write(`${JSON.stringify({ type, object })}\n`);
    const watch = { path: url.pathname, response };
    this.#watches.add(watch);
    request.on('close', () => this.#watches.delete(watch));
  }
}
