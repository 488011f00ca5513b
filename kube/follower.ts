// Keeps a set of objects as a store has them: lists each kind, then watches it; begins anew from the last version seen
// when a watch ends, with a list when the store remembers no more that far, after a pause when the store does not
// answer. Who uses it is told when something has changed.
import { setTimeout as sleep } from 'node:timers/promises';
import { ObjectSet } from './objects.js';
import type { Kind } from './schema/index.js';
import { GoneError, nameOf, NotServedError, type ObjectStore } from './store.js';

export interface FollowerOptions {
  kinds: readonly Kind[];
  signal: AbortSignal;
  /** Called after changes, many at once as one. */
  onChange?: () => void;
  /** Told what went wrong before it is tried again. */
  onTrouble?: (sentence: string) => void;
  /** First pause, ms; doubled up to a hundred times that. */
  pauseMs?: number;
}

export class Follower {
  readonly objects = new ObjectSet();
  readonly #ready: Promise<unknown>;
  #told = false;

  constructor(
    private readonly store: ObjectStore,
    private readonly options: FollowerOptions,
  ) {
    this.#ready = Promise.all(
      options.kinds.map((kind) => new Promise<void>((resolve) => void this.#follow(kind, resolve))),
    );
  }

  /** Resolves when every kind has been listed, or the signal aborted. */
  async ready(): Promise<void> {
    await this.#ready;
  }

  async #follow(kind: Kind, listed: () => void): Promise<void> {
    const { signal, onTrouble = () => {}, pauseMs = 100 } = this.options;
    let version: string | undefined;
    let pause = pauseMs;
    while (!signal.aborted) {
      try {
        if (version === undefined) version = await this.#list(kind);
        listed();
        for await (const event of this.store.watch(kind, { resourceVersion: version, signal })) {
          version = event.resourceVersion;
          pause = pauseMs;
          if (event.type === 'BOOKMARK') continue;
          if (event.type === 'DELETED') this.objects.remove(kind, nameOf(event.object));
          else this.objects.put(event.object);
          this.#tell();
        }
      } catch (e) {
        if (e instanceof NotServedError) return listed();
        if (e instanceof GoneError) version = undefined;
        else if (!signal.aborted) onTrouble(e instanceof Error ? e.message : String(e));
      }
      // A store that ends every watch at once is not asked without a pause either.
      await sleep(pause, undefined, { signal }).catch(() => {});
      pause = Math.min(pause * 2, pauseMs * 100);
    }
    listed();
  }

  /** What is no more there goes. The list's version. */
  async #list(kind: Kind): Promise<string> {
    const { items, resourceVersion } = await this.store.list(kind, { signal: this.options.signal });
    const there = new Set(items.map(nameOf));
    for (const old of this.objects.of(kind)) if (!there.has(nameOf(old))) this.objects.remove(kind, nameOf(old));
    for (const item of items) this.objects.put(item);
    this.#tell();
    return resourceVersion;
  }

  #tell(): void {
    if (this.#told) return;
    this.#told = true;
    setImmediate(() => {
      this.#told = false;
      if (!this.options.signal.aborted) this.options.onChange?.();
    });
  }
}
