// A real API server as the store, over @kubernetes/client-node: its kubeconfigs and credentials, its watches. Objects
// are checked as those from files are; fields that packetwalk does not know are cut off without a word, since a
// server's objects have many. Used by follower.ts.
import { get as httpGet } from 'node:http';
import { type RequestOptions, get as httpsGet } from 'node:https';
import type { KubeConfig } from '@kubernetes/client-node';
import { InputError, SystemError } from '../dataplane/errors.js';
import { checkObject } from './read.js';
import { type Kind, kindInfo, type KindInfo, type ObjectOf } from './schema/index.js';
import { GoneError, NotServedError, type ObjectList, type ObjectStore, type WatchEvent } from './store.js';

type Library = typeof import('@kubernetes/client-node');

export interface ApiStoreOptions {
  /** Told of objects that are left out, and why. */
  onRefused?: (sentence: string) => void;
  /** Objects a page. */
  limit?: number;
}

interface RawList {
  metadata?: { resourceVersion?: string; continue?: string };
  items?: Record<string, unknown>[];
}

const GONE = 410;
const NOT_FOUND = 404;

/** The optional package, or how to get it. */
async function library(): Promise<Library> {
  try {
    return await import('@kubernetes/client-node');
  } catch {
    throw new SystemError(
      'import',
      '@kubernetes/client-node',
      'ENOENT',
      'it is an optional package: npm install @kubernetes/client-node',
    );
  }
}

export class ApiStore implements ObjectStore {
  private constructor(
    private readonly lib: Library,
    private readonly config: KubeConfig,
    private readonly options: ApiStoreOptions,
  ) {}

  /** Of a kubeconfig file, or of what kubectl would take. Throws InputError for one that cannot be read. */
  static async open(kubeconfig?: string, options: ApiStoreOptions & { context?: string } = {}): Promise<ApiStore> {
    const lib = await library();
    const config = new lib.KubeConfig();
    try {
      if (kubeconfig === undefined) config.loadFromDefault();
      else config.loadFromFile(kubeconfig);
      if (options.context !== undefined) config.setCurrentContext(options.context);
    } catch (e) {
      throw new InputError('EKUBECONFIG', `${kubeconfig ?? 'kubeconfig'}: ${(e as Error).message}`);
    }
    if (!config.getCurrentCluster())
      throw new InputError(
        'EKUBECONFIG',
        `${kubeconfig ?? 'kubeconfig'}: expected a current context with a cluster, got ${config.getCurrentContext() || 'none'}`,
      );
    return new ApiStore(lib, config, options);
  }

  async list<K extends Kind>(kind: K, { signal }: { signal?: AbortSignal } = {}): Promise<ObjectList<K>> {
    const info = kindInfo(kind);
    const items: ObjectOf<K>[] = [];
    for (let more: string | undefined = ''; ;) {
      const query = new URLSearchParams({ limit: String(this.options.limit ?? 500), ...(more && { continue: more }) });
      const list: RawList = (await this.#get(`${pathOf(info)}?${query}`, signal)) as RawList;
      items.push(...(list.items ?? []).flatMap((item) => this.#read<K>(item, info)));
      more = list.metadata?.continue;
      if (!more) return { items, resourceVersion: list.metadata?.resourceVersion ?? '0' };
    }
  }

  async *watch<K extends Kind>(
    kind: K,
    { resourceVersion, signal }: { resourceVersion: string; signal: AbortSignal },
  ): AsyncGenerator<WatchEvent<K>> {
    const info = kindInfo(kind);
    const queue: WatchEvent<K>[] = [];
    let wake = (): void => {};
    let ended: { error?: unknown } | undefined;
    const end = (error?: unknown): void => {
      ended ??= { error };
      wake();
    };
    const onEvent = (type: string, object: Record<string, unknown>): void => {
      const version = (object.metadata as { resourceVersion?: string } | undefined)?.resourceVersion ?? '0';
      if (type === 'ERROR')
        return end(
          object.code === GONE
            ? new GoneError(resourceVersion)
            : new Error(`watching ${info.plural}: ${String(object.message ?? object.code)}`),
        );
      if (type === 'BOOKMARK') queue.push({ type, resourceVersion: version });
      else
        for (const read of this.#read<K>(object, info))
          queue.push({ type: type as 'ADDED', object: read, resourceVersion: version });
      wake();
    };
    const query = { resourceVersion, allowWatchBookmarks: true };
    const request = await new this.lib.Watch(this.config).watch(pathOf(info), query, onEvent, (e: unknown) => {
      const status = (e as { statusCode?: number } | null)?.statusCode;
      end(
        status === GONE
          ? new GoneError(resourceVersion)
          : status === NOT_FOUND
            ? new NotServedError(info.plural)
            : (e ?? undefined),
      );
    });
    const abort = (): void => {
      request.abort();
      end();
    };
    signal.addEventListener('abort', abort, { once: true });
    try {
      if (signal.aborted) abort();
      for (;;) {
        while (queue.length > 0 && !signal.aborted) yield queue.shift()!;
        if (ended) {
          if (ended.error !== undefined && !signal.aborted) throw ended.error;
          return;
        }
        await new Promise<void>((resolve) => (wake = resolve));
      }
    } finally {
      signal.removeEventListener('abort', abort);
      request.abort();
    }
  }

  /** None when packetwalk cannot make sense of it. In lists, objects do not say what they are. */
  #read<K extends Kind>(raw: Record<string, unknown>, info: KindInfo): ObjectOf<K>[] {
    const { object, refused } = checkObject(
      { ...raw, apiVersion: raw.apiVersion ?? info.apiVersions[0], kind: raw.kind ?? info.kind },
      info,
    );
    if (object) return [object as ObjectOf<K>];
    const { namespace, name } = (raw.metadata ?? {}) as { namespace?: string; name?: string };
    this.options.onRefused?.(
      `${info.kind} ${namespace === undefined ? '' : `${namespace}/`}${name} is left out: ${refused!.path.join('.')}: ${refused!.message}`,
    );
    return [];
  }

  async #get(path: string, signal?: AbortSignal): Promise<unknown> {
    const url = new URL(this.config.getCurrentCluster()!.server + path);
    const options: RequestOptions = { signal };
    await this.config.applyToHTTPSOptions(options);
    return new Promise((resolve, reject) => {
      const failed = (e: NodeJS.ErrnoException): void =>
        reject(
          signal?.aborted
            ? signal.reason
            : new SystemError(e.syscall ?? 'connect', url.host, e.code ?? 'EUNKNOWN', 'is this the API server?'),
        );
      const request = (url.protocol === 'http:' ? httpGet : httpsGet)(url, options, (response) => {
        let body = '';
        response
          .setEncoding('utf8')
          .on('data', (text: string) => (body += text))
          .on('error', failed)
          .on('end', () => {
            if (response.statusCode === GONE) return reject(new GoneError(path));
            if (response.statusCode === NOT_FOUND) return reject(new NotServedError(path));
            if (response.statusCode !== 200)
              return reject(
                new Error(`GET ${path}: ${response.statusCode} ${response.statusMessage}: ${body.slice(0, 200)}`),
              );
            try {
              resolve(JSON.parse(body));
            } catch {
              reject(new Error(`GET ${path}: expected JSON, got ${JSON.stringify(body.slice(0, 60))}`));
            }
          });
      });
      request.on('error', failed);
    });
  }
}

/** All namespaces'. */
export function pathOf({ apiVersions: [version], kind, plural }: KindInfo): string {
  // Two kinds are called NetworkPolicy; only one of them is called so here.
  const resource = kind === 'NetworkPolicy' ? 'networkpolicies' : plural;
  return `${version.includes('/') ? '/apis' : '/api'}/${version}/${resource}`;
}
