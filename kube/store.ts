// Where the objects come from: one interface for the store inside this process and for a real API server. A reader
// lists a kind, remembers the list's resource version and watches from there on; so it misses nothing in between.
import type { Kind, KubeObject, ObjectOf } from './schema/index.js';

export interface ObjectList<K extends Kind> {
  items: ObjectOf<K>[];
  /** Opaque; what a watch starts from. */
  resourceVersion: string;
}

export type WatchEvent<K extends Kind = Kind> =
  | { type: 'ADDED' | 'MODIFIED' | 'DELETED'; object: ObjectOf<K>; resourceVersion: string }
  /** Nothing happened up to here. */
  | { type: 'BOOKMARK'; resourceVersion: string };

/** The resource version is older than what the store remembers: list anew (HTTP 410). */
export class GoneError extends Error {
  constructor(readonly resourceVersion: string) {
    super(`resource version ${resourceVersion} is too old: list again`);
    this.name = 'GoneError';
  }
}

/** The server does not have this kind (HTTP 404): Antrea's are there only where Antrea is. */
export class NotServedError extends Error {
  constructor(what: string) {
    super(`${what} is not served`);
    this.name = 'NotServedError';
  }
}

export interface ObjectStore {
  /** Throws NotServedError. */
  list<K extends Kind>(kind: K, options?: { signal?: AbortSignal }): Promise<ObjectList<K>>;
  /**
   * Every event after `resourceVersion`, until the signal aborts (then it ends) or the source closes the watch (then it
   * ends, too: watch again from the last version seen). Throws GoneError, NotServedError.
   */
  watch<K extends Kind>(
    kind: K,
    options: { resourceVersion: string; signal: AbortSignal },
  ): AsyncIterable<WatchEvent<K>>;
}

/** `namespace/name`, or `name` where there are no namespaces. */
export function nameOf({ metadata: { namespace, name } }: Pick<KubeObject, 'metadata'>): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}
