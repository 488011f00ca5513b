// Who a policy's selectors mean: pods by labels, namespaces by labels, networks with holes. One Peers per resolution of
// a cluster; the same selector is worked out once, however many policies use it, and not again as long as pods and
// namespaces stay what they are.
import { isDeepStrictEqual } from 'node:util';
import { asCidr, contains, formatCidr, parseCidr, subtract } from '../address.js';
import type { Cluster, ClusterPod } from '../cluster/types.js';
import type { LabelSelector } from '../schema/meta.js';
import { selects } from '../select.js';

export interface IpBlock {
  cidr: string;
  except?: string[];
}

/** Pods of some namespaces: all, one by name, or those that a selector finds. */
export interface PodSelection {
  namespace?: string;
  namespaceSelector?: LabelSelector;
  podSelector?: LabelSelector;
}

export class Peers {
  readonly #byNamespace: Map<string, ClusterPod[]>;
  readonly #found: Map<string, readonly ClusterPod[]>;
  /** What was worked out from these pods and namespaces, by what it is for: others' to fill. */
  readonly memo: Map<string, unknown>;

  /** `before`: those of the cluster as it was. */
  constructor(
    readonly cluster: Cluster,
    before?: Peers,
  ) {
    if (
      before &&
      before.cluster.pods === cluster.pods &&
      before.cluster.nodes === cluster.nodes &&
      before.cluster.namespaces === cluster.namespaces
    ) {
      [this.#byNamespace, this.#found, this.memo] = [before.#byNamespace, before.#found, before.memo];
      return;
    }
    [this.#byNamespace, this.#found, this.memo] = [new Map(), new Map(), new Map()];
    for (const pod of cluster.pods) {
      // Antrea leaves out what has the node's address: it has no port of its own.
      if (pod.hostNetwork) continue;
      const namespace = pod.ref.namespace!;
      const list = this.#byNamespace.get(namespace);
      if (list) list.push(pod);
      else this.#byNamespace.set(namespace, [pod]);
    }
  }

  /** `make`'s value, made once. */
  once<T>(key: string, make: () => T): T {
    if (!this.memo.has(key)) this.memo.set(key, make());
    return this.memo.get(key) as T;
  }

  /** `value`, or the one that was given here before when it is equal: who compares by identity sees no change. */
  steady<T>(key: string, value: T): T {
    const old = this.memo.get(key) as T | undefined;
    if (old !== undefined && isDeepStrictEqual(old, value)) return old;
    this.memo.set(key, value);
    return value;
  }

  /** An absent podSelector is all pods of the namespaces. */
  pods(selection: PodSelection): readonly ClusterPod[] {
    const key = JSON.stringify(selection);
    let found = this.#found.get(key);
    if (!found) this.#found.set(key, (found = this.#select(selection)));
    return found;
  }

  #select({ namespace, namespaceSelector, podSelector = {} }: PodSelection): ClusterPod[] {
    const namespaces = namespaceSelector
      ? [...this.cluster.namespaces].filter(([, labels]) => selects(namespaceSelector, labels)).map(([name]) => name)
      : namespace === undefined
        ? [...this.#byNamespace.keys()]
        : [namespace];
    return namespaces.flatMap((name) =>
      (this.#byNamespace.get(name) ?? []).filter((pod) => selects(podSelector, pod.labels)),
    );
  }
}

/** Every address of the pods. */
export function addresses(pods: readonly ClusterPod[]): string[] {
  return pods.flatMap((pod) => Object.values(pod.ips));
}

/** The networks that an ipBlock leaves. */
export function blockNetworks({ cidr, except = [] }: IpBlock): string[] {
  return subtract(
    parseCidr(cidr)!,
    except.map((text) => parseCidr(text)!),
  ).map(formatCidr);
}

/** Sorted, each once, and none that lies in another: the same peers are always the same list. */
export function normal(peers: readonly string[]): string[] {
  const all = [...new Set(peers)].map((text) => ({ text, cidr: asCidr(text) }));
  const networks = all.filter(({ text }) => text.includes('/'));
  const kept =
    networks.length === 0 ? all : all.filter((a) => !networks.some((b) => a !== b && contains(b.cidr, a.cidr)));
  return kept.map(({ text }) => text).sort();
}
