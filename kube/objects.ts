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

export class ObjectSet {
  readonly #kinds = new Map<Kind, Map<string, KubeObject>>();

  constructor(objects: Iterable<KubeObject> = []) {
    for (const object of objects) this.put(object);
  }

  /** Takes the place of the one with the same name. True when there was none. */
  put(object: KubeObject): boolean {
    const kind = kindNameOf(object);
    let named = this.#kinds.get(kind);
    if (!named) this.#kinds.set(kind, (named = new Map()));
    const name = nameOf(object);
    const fresh = !named.has(name);
    named.set(name, object);
    return fresh;
  }

  /** False when it is not there. */
  remove(kind: Kind, name: string): boolean {
    return this.#kinds.get(kind)?.delete(name) ?? false;
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
