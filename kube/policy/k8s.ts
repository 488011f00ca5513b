// Kubernetes NetworkPolicies as rules for one node's pods. A policy that lists a direction closes its pods in that
// direction; each of its rules opens something.
import type { ClusterPod } from '../cluster/types.js';
import type { Direction, Isolation, LocalPod, ObjectRef, PolicyRule } from '../node-state.js';
import { printRef, refOf } from '../objects.js';
import type { ObjectOf } from '../schema/index.js';
import { addresses, blockNetworks, normal, type Peers } from './peers.js';
import { type ForPods, resolvePorts } from './ports.js';

type Policy = ObjectOf<'NetworkPolicy'>;
type Peer = NonNullable<NonNullable<NonNullable<Policy['spec']['ingress']>[number]['from']>[number]>;
type Port = NonNullable<NonNullable<Policy['spec']['ingress']>[number]['ports']>[number];

export interface K8sRules {
  rules: PolicyRule[];
  isolated: Isolation[];
}

/** What one policy means for a node. */
interface OfPolicy {
  ref: ObjectRef;
  rules: PolicyRule[];
  /** Pods that it closes. */
  closed: { key: string; pod: LocalPod; direction: Direction }[];
}

/** `local`: the node's own pods, by name. A policy that was read before with these pods is not read again. */
export function k8sRules(peers: Peers, local: ReadonlyMap<string, LocalPod>): K8sRules {
  const known = peers.once('policies', () => new WeakMap<ReadonlyMap<string, LocalPod>, WeakMap<Policy, OfPolicy>>());
  let read = known.get(local);
  if (!read) known.set(local, (read = new WeakMap()));
  const rules: PolicyRule[] = [];
  const isolated = new Map<string, { pod: LocalPod; direction: Direction; policies: ObjectRef[] }>();
  for (const policy of peers.cluster.objects.of('NetworkPolicy')) {
    let made = read.get(policy);
    if (!made) read.set(policy, (made = readPolicy(policy, peers, local)));
    rules.push(...made.rules);
    for (const { key, pod, direction } of made.closed) {
      const one = isolated.get(key);
      if (one) one.policies.push(made.ref);
      else isolated.set(key, { pod, direction, policies: [made.ref] });
    }
  }
  return { rules, isolated: [...isolated.values()] };
}

function readPolicy(policy: Policy, peers: Peers, local: ReadonlyMap<string, LocalPod>): OfPolicy {
  const made: OfPolicy = { ref: refOf(policy), rules: [], closed: [] };
  const selected = peers.pods({ namespace: policy.metadata.namespace, podSelector: policy.spec.podSelector });
  const pods = selected.flatMap((pod) => local.get(printRef(pod.ref)) ?? []);
  if (pods.length === 0) return made;
  for (const direction of directionsOf(policy)) {
    made.rules.push(...directionRules(policy, direction, selected, pods, peers, local));
    made.closed.push(...pods.map((pod) => ({ key: `${direction} ${printRef(pod.ref)}`, pod, direction })));
  }
  return made;
}

/** Unless it says otherwise: ingress always, egress if there are egress rules. */
function directionsOf({ spec }: Policy): Direction[] {
  const types = spec.policyTypes ?? ['Ingress', ...(spec.egress && spec.egress.length > 0 ? ['Egress'] : [])];
  return (['ingress', 'egress'] as const).filter((d) => types.some((type) => type.toLowerCase() === d));
}

function directionRules(
  policy: Policy,
  direction: Direction,
  selected: readonly ClusterPod[],
  pods: LocalPod[],
  peers: Peers,
  local: ReadonlyMap<string, LocalPod>,
): PolicyRule[] {
  const ref = refOf(policy);
  const base = { policy: ref, source: 'k8s', direction, action: 'Allow', log: false } as const;
  const list: { peers?: Peer[]; ports?: Port[] }[] =
    direction === 'ingress'
      ? (policy.spec.ingress ?? []).map(({ from, ports }) => ({ peers: from, ports }))
      : (policy.spec.egress ?? []).map(({ to, ports }) => ({ peers: to, ports }));
  const rules = list.flatMap((rule, index) => {
    const name = `${direction}[${index}]`;
    const id = `${printRef(ref)} ${name}`;
    const who = peerPods(rule.peers, policy, peers);
    const made: PolicyRule[] = [];
    const add = (rulePeers: 'any' | string[], rulePods: LocalPod[], ports: ForPods['ports']): void => {
      const suffix = made.length === 0 ? '' : ` #${made.length + 1}`;
      made.push({ ...base, id: `${id}${suffix}`, name, index, peers: rulePeers, pods: rulePods, ports });
    };
    const networks = (rule.peers ?? []).flatMap(({ ipBlock }) => (ipBlock ? blockNetworks(ipBlock) : []));
    if (direction === 'ingress') {
      const from = who === undefined ? 'any' : normal([...addresses(who), ...networks]);
      for (const set of resolvePorts(rule.ports, selected, () => selected)) {
        const there = set.pods === selected ? pods : set.pods!.flatMap((pod) => local.get(printRef(pod.ref)) ?? []);
        if (there.length > 0) add(from, there, set.ports);
      }
    } else {
      for (const set of resolvePorts(rule.ports, who, () => peers.pods({}))) {
        // A network has no named ports: it is meant only where the ports are numbers.
        const blocks = set.pods === who ? networks : [];
        add(set.pods === undefined ? 'any' : normal([...addresses(set.pods), ...blocks]), pods, set.ports);
      }
    }
    return made;
  });
  if (rules.length > 0) return rules;
  // Nothing is allowed. Antrea still makes a rule of it, one that never matches, to know who is closed.
  return [
    {
      ...base,
      id: `${printRef(ref)} ${direction} none`,
      name: `${direction} (no rule)`,
      index: 0,
      peers: [],
      pods,
      ports: 'any',
    },
  ];
}

/** The pods that are meant; undefined: anybody. */
function peerPods(list: Peer[] | undefined, { metadata }: Policy, peers: Peers): readonly ClusterPod[] | undefined {
  if (list === undefined || list.length === 0) return undefined;
  return list.flatMap(({ ipBlock, podSelector, namespaceSelector }) => {
    if (ipBlock) return [];
    return peers.pods(
      namespaceSelector ? { namespaceSelector, podSelector } : { namespace: metadata.namespace, podSelector },
    );
  });
}
