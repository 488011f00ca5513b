// The store inside this process: objects by kind and name, every change numbered, and watches that begin at any number
// that is still remembered. For tests and for those who bring their objects themselves; api-store.ts is the same over
// an API server.
import { kindNameOf } from './objects.js';
import type { Kind, KubeObject, ObjectOf } from './schema/index.js';
import { GoneError, nameOf, type ObjectList, type ObjectStore, type WatchEvent } from './store.js';

interface Change {
  kind: Kind;
  event: Exclude<WatchEvent, { type: 'BOOKMARK' }>;
}

export class MemoryStore implements ObjectStore {
  readonly #kinds = new Map<Kind, Map<string, KubeObject>>();
  #version = 0;
  /** The last ones, in order; the first has the version `#version - length + 1`. */
  #changes: Change[] = [];
  #waiting: (() => void)[] = [];

  /** `history`: how many changes are remembered for watches. */
  constructor(private readonly options: { history?: number } = {}) {}

  /** Adds it, or puts it in the place of the one with its name. */
  put(object: KubeObject): void {
    const kind = kindNameOf(object);
    const named = this.#kinds.get(kind) ?? new Map<string, KubeObject>();
    this.#kinds.set(kind, named);
    const type = named.has(nameOf(object)) ? 'MODIFIED' : 'ADDED';
    named.set(nameOf(object), object);
    this.#record(kind, type, object);
  }

  /** False when there is none. `name`: `namespace/name`, or `name` where there are no namespaces. */
  remove(kind: Kind, name: string): boolean {
    const object = this.#kinds.get(kind)?.get(name);
    if (!object) return false;
    this.#kinds.get(kind)!.delete(name);
    this.#record(kind, 'DELETED', object);
    return true;
  }

  #record(kind: Kind, type: Change['event']['type'], object: KubeObject): void {
    this.#version++;
    this.#changes.push({ kind, event: { type, object, resourceVersion: String(this.#version) } });
    const { history = 1000 } = this.options;
    if (this.#changes.length > history) this.#changes = this.#changes.slice(-history);
    for (const wake of this.#waiting.splice(0)) wake();
  }

  async list<K extends Kind>(kind: K): Promise<ObjectList<K>> {
    return {
      items: [...(this.#kinds.get(kind)?.values() ?? [])] as ObjectOf<K>[],
      resourceVersion: String(this.#version),
    };
  }

  async *watch<K extends Kind>(
    kind: K,
    { resourceVersion, signal }: { resourceVersion: string; signal: AbortSignal },
  ): AsyncGenerator<WatchEvent<K>> {
    let seen = Number(resourceVersion);
    while (!signal.aborted) {
      const first = this.#version - this.#changes.length + 1;
      if (seen < first - 1) throw new GoneError(String(seen));
      const news = this.#changes.slice(seen - first + 1);
      seen = this.#version;
      for (const change of news) {
        if (signal.aborted) return;
        if (change.kind === kind) yield change.event as WatchEvent<K>;
      }
      if (seen === this.#version) await this.#change(signal);
    }
  }

  #change(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        signal.removeEventListener('abort', wake);
        resolve();
      };
      this.#waiting.push(wake);
      signal.addEventListener('abort', wake);
    });
  }
}
