// Antrea's own policies as rules for one node's pods: tiers, priorities, actions, groups. Which of them a pipeline can
// do is the pipeline's to say.
import type { ClusterPod } from '../cluster/types.js';
import type { Direction, LocalPod, ObjectRef, PolicyRule, PortMatch } from '../node-state.js';
import { printRef, refOf } from '../objects.js';
import type { AntreaPeer, AppliedTo } from '../schema/antrea.js';
import type { ObjectOf } from '../schema/index.js';
import { addresses, blockNetworks, normal, type Peers, type PodSelection } from './peers.js';
import { resolvePorts } from './ports.js';
import { selects } from '../select.js';

type Policy = ObjectOf<'ClusterNetworkPolicy'> | ObjectOf<'AntreaNetworkPolicy'>;
type Rule = NonNullable<Policy['spec']['ingress']>[number] | NonNullable<Policy['spec']['egress']>[number];

/** Antrea's static tiers. */
export const TIERS: Readonly<Record<string, number>> = {
  emergency: 50,
  securityops: 100,
  networkops: 150,
  platform: 200,
  application: 250,
  baseline: 253,
};
const DEFAULT_TIER = 'application';

export function antreaRules(peers: Peers, local: ReadonlyMap<string, LocalPod>): PolicyRule[] {
  const { objects } = peers.cluster;
  const policies = [...objects.of('ClusterNetworkPolicy'), ...objects.of('AntreaNetworkPolicy')];
  return policies.flatMap((policy) => new PolicyReader(policy, peers, local).rules());
}

class PolicyReader {
  readonly #ref: ObjectRef;
  readonly #namespace: string | undefined;

  constructor(
    private readonly policy: Policy,
    private readonly peers: Peers,
    private readonly local: ReadonlyMap<string, LocalPod>,
  ) {
    this.#ref = refOf(policy);
    this.#namespace = policy.metadata.namespace;
  }

  rules(): PolicyRule[] {
    const { spec } = this.policy;
    return [
      ...(spec.ingress ?? []).flatMap((rule, i) => this.#rule(rule, rule.from, 'ingress', i)),
      ...(spec.egress ?? []).flatMap((rule, i) => this.#rule(rule, rule.to, 'egress', i)),
    ];
  }

  #rule(rule: Rule, list: AntreaPeer[] | undefined, direction: Direction, index: number): PolicyRule[] {
    const { spec } = this.policy;
    const appliedTo = rule.appliedTo ?? spec.appliedTo ?? [];
    const services = appliedTo.flatMap(({ service }) => (service ? [this.#service(service)] : []));
    const selected = this.#appliedPods(appliedTo);
    const name = rule.name ?? `${direction}[${index}]`;
    const made: PolicyRule[] = [];
    // `namespaces: {match: Self}` means another set of peers for the pods of each namespace.
    for (const [namespace, pods] of this.#byNamespace(selected, list)) {
      const who = list?.flatMap((peer) => this.#peerPods(peer, namespace));
      const networks = (list ?? []).flatMap((peer) => this.#networks(peer));
      const fqdns = (list ?? []).flatMap(({ fqdn }) => fqdn ?? []);
      const toServices = 'toServices' in rule ? rule.toServices?.map((s) => this.#service(s)) : undefined;
      const sets =
        direction === 'ingress'
          ? resolvePorts(rule.ports, pods, () => pods)
          : resolvePorts(rule.ports, who, () => this.peers.pods({}));
      for (const set of sets) {
        const there = this.#local(direction === 'ingress' ? set.pods! : pods);
        if (there.length === 0 && services.length === 0) continue;
        const peerPods = direction === 'ingress' ? who : set.pods;
        const meant =
          list === undefined && peerPods === undefined ? 'any' : normal([...addresses(peerPods ?? []), ...networks]);
        made.push({
          id: `${printRef(this.#ref)} ${direction}[${index}]${made.length === 0 ? '' : ` #${made.length + 1}`}`,
          policy: this.#ref,
          name,
          source: 'antrea',
          direction,
          action: rule.action,
          tier: this.#tier(),
          priority: spec.priority,
          index,
          peers: meant,
          ...(toServices && { toServices }),
          ...(fqdns.length > 0 && { fqdns }),
          pods: there,
          ...(services.length > 0 && { appliedToServices: services }),
          ports: this.#ports(rule, set.ports),
          log: rule.enableLogging ?? false,
          logLabel: rule.logLabel,
        });
      }
    }
    return made;
  }

  #ports(rule: Rule, ports: 'any' | readonly PortMatch[]): 'any' | readonly PortMatch[] {
    const more = (rule.protocols ?? []).flatMap(({ icmp, igmp }): PortMatch[] => {
      if (icmp) return [{ protocol: 'icmp', type: icmp.icmpType, code: icmp.icmpCode }];
      return igmp ? [{ protocol: 'igmp' }] : [];
    });
    if (more.length === 0) return ports;
    return ports === 'any' ? more : [...ports, ...more];
  }

  #tier(): { name: string; priority: number } {
    const name = this.policy.spec.tier ?? DEFAULT_TIER;
    const own = this.peers.cluster.objects.get('Tier', name)?.spec.priority;
    const priority = own ?? TIERS[name.toLowerCase()] ?? TIERS[DEFAULT_TIER];
    return { name, priority };
  }

  #service({ name, namespace }: { name: string; namespace?: string }): ObjectRef {
    return { kind: 'Service', namespace: namespace ?? this.#namespace ?? 'default', name };
  }

  #appliedPods(list: readonly AppliedTo[]): readonly ClusterPod[] {
    const all = list.flatMap(({ podSelector, namespaceSelector, group, service }) => {
      if (service) return [];
      if (group !== undefined) return this.#groupPods(group);
      return this.peers.pods(this.#selection({ podSelector, namespaceSelector }));
    });
    return [...new Set(all)];
  }

  /** A policy that lives in a namespace means its own pods unless it says more. */
  #selection({ podSelector, namespaceSelector }: PodSelection): PodSelection {
    if (namespaceSelector) return { namespaceSelector, podSelector };
    return this.#namespace === undefined ? { podSelector } : { namespace: this.#namespace, podSelector };
  }

  #byNamespace(
    pods: readonly ClusterPod[],
    list: AntreaPeer[] | undefined,
  ): [string | undefined, readonly ClusterPod[]][] {
    if (!list?.some(({ namespaces }) => namespaces)) return [[undefined, pods]];
    const sets = new Map<string, ClusterPod[]>();
    for (const pod of pods) sets.set(pod.ref.namespace!, [...(sets.get(pod.ref.namespace!) ?? []), pod]);
    return [...sets];
  }

  #peerPods(peer: AntreaPeer, namespace: string | undefined): readonly ClusterPod[] {
    if (peer.group !== undefined) return this.#groupPods(peer.group);
    if (peer.namespaces)
      return this.#namespacesLike(peer.namespaces, namespace!).flatMap((n) =>
        this.peers.pods({ namespace: n, podSelector: peer.podSelector }),
      );
    if (peer.podSelector || peer.namespaceSelector) return this.peers.pods(this.#selection(peer));
    return [];
  }

  /** Self, or those that have the same values of these labels. */
  #namespacesLike({ match, sameLabels = [] }: NonNullable<AntreaPeer['namespaces']>, own: string): string[] {
    if (match === 'Self') return [own];
    const { namespaces } = this.peers.cluster;
    const labels = namespaces.get(own) ?? {};
    return [...namespaces]
      .filter(([, other]) => sameLabels.every((key) => labels[key] !== undefined && labels[key] === other[key]))
      .map(([name]) => name);
  }

  #networks(peer: AntreaPeer): string[] {
    const ofNodes = this.peers.cluster.nodes
      .filter((node) => peer.nodeSelector && selects(peer.nodeSelector, node.labels))
      .flatMap((node) => [...Object.values(node.ips), ...Object.values(node.gatewayIps)]);
    const ofGroup = peer.group === undefined ? [] : this.#groupNetworks(peer.group);
    return [...(peer.ipBlock ? blockNetworks(peer.ipBlock) : []), ...ofNodes, ...ofGroup];
  }

  #groups(name: string, seen = new Set<string>()): ObjectOf<'ClusterGroup'>['spec'][] {
    const group = this.peers.cluster.objects.get('ClusterGroup', name);
    if (!group || seen.has(name)) return [];
    seen.add(name);
    return [group.spec, ...(group.spec.childGroups ?? []).flatMap((child) => this.#groups(child, seen))];
  }

  #groupPods(name: string): readonly ClusterPod[] {
    return this.#groups(name).flatMap(({ podSelector, namespaceSelector, serviceReference }) => {
      if (serviceReference) {
        const ref = this.#service(serviceReference);
        const selector = this.peers.cluster.objects.get('Service', `${ref.namespace}/${ref.name}`)?.spec.selector;
        return selector ? this.peers.pods({ namespace: ref.namespace, podSelector: { matchLabels: selector } }) : [];
      }
      return podSelector || namespaceSelector ? this.peers.pods({ podSelector, namespaceSelector }) : [];
    });
  }

  #groupNetworks(name: string): string[] {
    return this.#groups(name).flatMap(({ ipBlocks = [], ipBlock }) =>
      [...ipBlocks, ...(ipBlock ? [ipBlock] : [])].flatMap(blockNetworks),
    );
  }

  #local(pods: readonly ClusterPod[]): LocalPod[] {
    return pods.flatMap((pod) => this.local.get(printRef(pod.ref)) ?? []);
  }
}
