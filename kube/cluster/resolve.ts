// From a set of objects to the whole cluster: nodes with networks, pods with addresses and ports, Services with
// endpoints. What was given before stays given (Claims). Hands on to node.ts (one node's view) and to the lab.
import { isDeepStrictEqual } from 'node:util';
import { BITS, type Family, familyOf, formatCidr, nthAddress, parseCidr } from '../address.js';
import type { Addresses } from '../node-state.js';
import { type ObjectSet, printRef, refOf } from '../objects.js';
import type { ObjectOf } from '../schema/index.js';
import type { Labels } from '../select.js';
import { Claims } from './claims.js';
import { allPods, ANNOTATION, macOfAddress, PodPlacer } from './pods.js';
import { headlessServices, servicePorts } from './services.js';
import type { Cluster, ClusterConfig, ClusterNode } from './types.js';

export const DEFAULT_CONFIG: ClusterConfig = {
  podCidrs: { ipv4: '10.244.0.0/16' },
  serviceCidrs: { ipv4: '10.96.0.0/12' },
  gateway: { name: 'antrea-gw0', ofport: 2 },
  tunnel: { name: 'antrea-tun0', ofport: 1 },
};

/** What kubeadm and kube-controller-manager cut out of the cluster's networks for a node. */
const NODE_PREFIX: Record<Family, number> = { ipv4: 24, ipv6: 64 };

/** What nodes, pods and Services are made of. */
const BASIS = ['Node', 'Pod', 'Deployment', 'Service', 'Endpoints', 'EndpointSlice'] as const;

/**
 * `before`: the cluster as it was before the last changes, with the same config and claims; what did not change is
 * taken over.
 */
export function resolveCluster(
  objects: ObjectSet,
  config: ClusterConfig = DEFAULT_CONFIG,
  claims = new Claims(),
  before?: Cluster,
): Cluster {
  const basis = BASIS.map((kind) => objects.revision(kind)).join(' ');
  const spaces = namespaces(objects);
  const known = before?.basis === basis && before.config === config && before.claims === claims ? before : undefined;
  if (known)
    return { ...known, objects, namespaces: isDeepStrictEqual(spaces, known.namespaces) ? known.namespaces : spaces };
  const complaints: string[] = [];
  const complain = (sentence: string): void => {
    if (!complaints.includes(sentence)) complaints.push(sentence);
  };
  claims.begin();
  const nodes = resolveNodes(objects, config, claims, complain);
  const pods = new PodPlacer(config, nodes, claims, complain).place(allPods(objects));
  const input = { objects, pods, config, claims, complain };
  const services = servicePorts(input);
  const headless = headlessServices(input);
  claims.end();
  return { config, nodes, pods, namespaces: spaces, services, headless, objects, claims, complaints, basis };
}

function resolveNodes(
  objects: ObjectSet,
  config: ClusterConfig,
  claims: Claims,
  complain: (s: string) => void,
): ClusterNode[] {
  const nodes = objects.of('Node');
  const given = (node: ObjectOf<'Node'>): string[] =>
    node.spec?.podCIDRs ?? (node.spec?.podCIDR === undefined ? [] : [node.spec.podCIDR]);
  for (const node of nodes)
    for (const cidr of given(node))
      claims.fix(`network ${familyOf(cidr)}`, node.metadata.name, formatCidr(parseCidr(cidr)!));
  return nodes.flatMap((node) => {
    const { name, labels = {}, annotations = {} } = node.metadata;
    const podCidrs: { -readonly [family in keyof Addresses]: string } = {};
    const gatewayIps: { -readonly [family in keyof Addresses]: string } = {};
    for (const family of ['ipv4', 'ipv6'] as const) {
      const whole = config.podCidrs[family];
      if (whole === undefined) continue;
      const cidr = claims.give(`network ${family}`, name, nodeNetworks(whole));
      if (cidr === undefined) {
        complain(`${printRef(refOf(node))}: no network is left in ${whole}`);
        return [];
      }
      podCidrs[family] = cidr;
      gatewayIps[family] = nthAddress(parseCidr(cidr)!, 1);
    }
    const internal =
      node.status?.addresses?.filter(({ type }) => type === 'InternalIP').map(({ address }) => address) ?? [];
    const ip = (family: Family): string | undefined => internal.find((address) => familyOf(address) === family);
    const tainted = (node.spec?.taints ?? []).some(({ effect }) => effect === 'NoSchedule' || effect === 'NoExecute');
    return [
      {
        name,
        ips: { ...(ip('ipv4') && { ipv4: ip('ipv4') }), ...(ip('ipv6') && { ipv6: ip('ipv6') }) },
        podCidrs,
        gatewayIps,
        gatewayMac: annotations[ANNOTATION.gatewayMac] ?? macOfAddress(gatewayIps.ipv4 ?? gatewayIps.ipv6!),
        mac: annotations[ANNOTATION.mac],
        labels,
        annotations,
        schedulable: !node.spec?.unschedulable && !tainted,
      },
    ];
  });
}

function* nodeNetworks(whole: string): Generator<string> {
  const cidr = parseCidr(whole)!;
  const length = Math.max(NODE_PREFIX[cidr.family], cidr.length);
  const size = 1n << BigInt(BITS[cidr.family] - length);
  const count = 1n << BigInt(length - cidr.length);
  for (let n = 0n; n < count; n++) yield formatCidr({ ...cidr, base: cidr.base + n * size, length });
}

/** Those of Namespace objects, and those that other objects live in. */
function namespaces(objects: ObjectSet): Map<string, Labels> {
  const all = new Map<string, Labels>();
  for (const { metadata } of objects.all()) if (metadata.namespace !== undefined) all.set(metadata.namespace, {});
  for (const { metadata } of objects.of('Namespace')) all.set(metadata.name, metadata.labels ?? {});
  // The API server gives each this label.
  return new Map([...all].map(([name, labels]) => [name, { ...labels, 'kubernetes.io/metadata.name': name }]));
}
