// A set of objects with at most one of each kind and name: what a list of manifests, or a store's lists, amount to.
import { kindOf, type Kind, type KubeObject, type ObjectOf } from './schema/index.js';
import type { ObjectRef } from './node-state.js';
import { nameOf } from './store.js';

export function kindNameOf(object: KubeObject): Kind {
  return kindOf(object.apiVersion, object.kind)!.name;
}

export function refOf(object: KubeObject): ObjectRef {
  const { name, namespace } = object.metadata;
  return { kind: kindNameOf(object), ...(namespace === undefined ? {} : { namespace }), name };
}

/** `Pod default/frontend`. */
export function printRef(ref: ObjectRef): string {
  return `${ref.kind} ${ref.namespace === undefined ? '' : `${ref.namespace}/`}${ref.name}`;
}

/** Of all sets, so that equal numbers are the same objects whichever set they are in. */
let lastRevision = 0;

export class ObjectSet {
  readonly #kinds = new Map<Kind, Map<string, KubeObject>>();
  readonly #revisions = new Map<Kind, number>();

  constructor(objects: Iterable<KubeObject> = []) {
    for (const object of objects) this.put(object);
  }

  /** Takes the place of the one with the same name. True when there was none. */
  put(object: KubeObject): boolean {
    const kind = kindNameOf(object);
    let named = this.#kinds.get(kind);
    if (!named) this.#kinds.set(kind, (named = new Map()));
    const name = nameOf(object);
    const old = named.get(name);
    if (old !== object) this.#revisions.set(kind, ++lastRevision);
    named.set(name, object);
    return old === undefined;
  }

  /** False when it is not there. */
  remove(kind: Kind, name: string): boolean {
    const removed = this.#kinds.get(kind)?.delete(name) ?? false;
    if (removed) this.#revisions.set(kind, ++lastRevision);
    return removed;
  }

  /** Another number after every change of an object of this kind; 0 when there never was one. */
  revision(kind: Kind): number {
    return this.#revisions.get(kind) ?? 0;
  }

  get<K extends Kind>(kind: K, name: string): ObjectOf<K> | undefined {
    return this.#kinds.get(kind)?.get(name) as ObjectOf<K> | undefined;
  }

  /** In the order of their names. */
  of<K extends Kind>(kind: K): ObjectOf<K>[] {
    const named = [...(this.#kinds.get(kind) ?? [])];
    return named.sort(([a], [b]) => (a < b ? -1 : 1)).map(([, object]) => object as ObjectOf<K>);
  }

  all(): KubeObject[] {
    return [...this.#kinds.values()].flatMap((named) => [...named.values()]);
  }
}
