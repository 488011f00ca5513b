// Who a policy's selectors mean: pods by labels, namespaces by labels, networks with holes. One Peers per resolution of
// a node's state; the same selector is worked out once, however many policies use it.
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
  readonly #byNamespace = new Map<string, ClusterPod[]>();
  readonly #found = new Map<string, readonly ClusterPod[]>();

  constructor(readonly cluster: Cluster) {
    for (const pod of cluster.pods) {
      // Antrea leaves out what has the node's address: it has no port of its own.
      if (pod.hostNetwork) continue;
      const namespace = pod.ref.namespace!;
      const list = this.#byNamespace.get(namespace);
      if (list) list.push(pod);
      else this.#byNamespace.set(namespace, [pod]);
    }
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
    return namespaces.flatMap((name) => (this.#byNamespace.get(name) ?? []).filter((pod) => selects(podSelector, pod.labels)));
  }
}

/** Every address of the pods. */
export function addresses(pods: readonly ClusterPod[]): string[] {
  return pods.flatMap((pod) => Object.values(pod.ips));
}

/** The networks that an ipBlock leaves. */
export function blockNetworks({ cidr, except = [] }: IpBlock): string[] {
  return subtract(parseCidr(cidr)!, except.map((text) => parseCidr(text)!)).map(formatCidr);
}

/** Sorted, each once, and none that lies in another: the same peers are always the same list. */
export function normal(peers: readonly string[]): string[] {
  const all = [...new Set(peers)].map((text) => ({ text, cidr: asCidr(text) }));
  const networks = all.filter(({ text }) => text.includes('/'));
  const kept = networks.length === 0 ? all : all.filter((a) => !networks.some((b) => a !== b && contains(b.cidr, a.cidr)));
  return kept.map(({ text }) => text).sort();
}
