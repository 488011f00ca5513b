// Pods and the pods of Deployments: each gets a node, addresses, a MAC and a port on the node's switch, those that it
// names itself first. Used by resolve.ts.
import { createHash } from 'node:crypto';
import { type Family, familyOf, nthAddress, parseCidr, BITS } from '../address.js';
import type { Addresses } from '../node-state.js';
import { type ObjectSet, printRef, refOf } from '../objects.js';
import type { ObjectOf } from '../schema/index.js';
import { nameOf } from '../store.js';
import type { Claims } from './claims.js';
import type { ClusterConfig, ClusterNode, ClusterPod, NamedPort } from './types.js';

type Pod = ObjectOf<'Pod'>;

/** Annotations by which an object says what Kubernetes has no field for. */
export const ANNOTATION = {
  mac: 'packetwalk/mac',
  port: 'packetwalk/port',
  ofport: 'packetwalk/ofport',
  gatewayMac: 'packetwalk/gateway-mac',
  netns: 'packetwalk/netns',
  serve: 'packetwalk/serve',
} as const;

/** Written by the objects, and made of Deployments. Pods that have ended have no address any more. */
export function allPods(objects: ObjectSet): Pod[] {
  const written = objects.of('Pod').filter((pod) => !['Succeeded', 'Failed'].includes(pod.status?.phase ?? ''));
  return [...written, ...objects.of('Deployment').flatMap(replicas)];
}

/** Like those of a real ReplicaSet, but with numbers for the random part of the name, so that it stays the same. */
function replicas(deployment: ObjectOf<'Deployment'>): Pod[] {
  const { name, namespace } = deployment.metadata;
  const { replicas: count, template } = deployment.spec;
  return [...Array(count).keys()].map((i) => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: `${name}-${i + 1}`,
      namespace,
      labels: template.metadata?.labels,
      annotations: template.metadata?.annotations,
    },
    spec: template.spec,
  }));
}

/** As Antrea names a pod's device: eight characters of the pod's name, six of a hash. */
export function portName(namespace: string, name: string): string {
  return `${name.slice(0, 8)}-${createHash('sha1').update(`${namespace}/${name}`).digest('hex').slice(0, 6)}`;
}

/** A MAC address made of an IPv4 address, as the CNI plugins make it. */
export function macOfAddress(ip: string): string {
  const bytes =
    familyOf(ip) === 'ipv4' ? ip.split('.').map(Number) : [...createHash('sha1').update(ip).digest().subarray(0, 4)];
  return ['0a', '58', ...bytes.map((byte) => byte.toString(16).padStart(2, '0'))].join(':');
}

export class PodPlacer {
  readonly #load = new Map<string, number>();

  constructor(
    private readonly config: ClusterConfig,
    private readonly nodes: readonly ClusterNode[],
    private readonly claims: Claims,
    private readonly complain: (sentence: string) => void,
  ) {}

  place(pods: readonly Pod[]): ClusterPod[] {
    const known = new Map(this.nodes.map((node) => [node.name, node]));
    const seated = pods.flatMap((pod) => {
      const node = known.get(pod.spec?.nodeName ?? '');
      if (!node && pod.spec?.nodeName) {
        this.complain(`${printRef(refOf(pod))} is to run on node ${pod.spec.nodeName}, which is not there`);
        return [];
      }
      if (node) this.#count(node.name);
      return [{ pod, node }];
    });
    const placed = seated.map(({ pod, node }) => ({ pod, node: node ?? this.#schedule(pod) }));
    // Those that name their addresses and ports first, so that nobody else gets them.
    for (const { pod, node } of placed) if (node) this.#fixed(pod, node);
    return placed.flatMap(({ pod, node }) => (node ? (this.#settle(pod, node) ?? []) : []));
  }

  #count(node: string): void {
    this.#load.set(node, (this.#load.get(node) ?? 0) + 1);
  }

  /** The node with the fewest pods. */
  #schedule(pod: Pod): ClusterNode | undefined {
    const owner = nameOf(pod);
    const remembered = this.claims.give('node', owner, []);
    const free = this.nodes.filter((node) => node.schedulable);
    const before = this.nodes.find((node) => `${node.name} ${owner}` === remembered);
    const best = before ?? [...free].sort((a, b) => (this.#load.get(a.name) ?? 0) - (this.#load.get(b.name) ?? 0))[0];
    if (!best) {
      this.complain(`${printRef(refOf(pod))} has no node to run on`);
      return undefined;
    }
    this.claims.fix('node', owner, `${best.name} ${owner}`);
    this.#count(best.name);
    return best;
  }

  #fixed(pod: Pod, node: ClusterNode): void {
    if (pod.spec?.hostNetwork) return;
    const owner = nameOf(pod);
    for (const ip of addressesOf(pod)) this.claims.fix(`${familyOf(ip)} of ${node.name}`, owner, ip);
    const ofport = pod.metadata.annotations?.[ANNOTATION.ofport];
    if (ofport !== undefined) this.claims.fix(`ofport of ${node.name}`, owner, ofport);
  }

  #settle(pod: Pod, node: ClusterNode): ClusterPod | undefined {
    const owner = nameOf(pod);
    const { labels = {}, annotations = {}, name } = pod.metadata;
    const namespace = pod.metadata.namespace!;
    const common = {
      ref: refOf(pod),
      node: node.name,
      labels,
      annotations,
      ready: isReady(pod),
      terminating: pod.metadata.deletionTimestamp !== undefined,
      namedPorts: namedPorts(pod),
    };
    if (pod.spec?.hostNetwork) {
      return { ...common, hostNetwork: true, ips: node.ips, mac: '', port: { name: '', ofport: 0 } };
    }
    const ips: { -readonly [family in keyof Addresses]: Addresses[family] } = {};
    for (const family of ['ipv4', 'ipv6'] as const) {
      const cidr = node.podCidrs[family];
      if (cidr === undefined) continue;
      const ip = this.claims.give(`${family} of ${node.name}`, owner, hosts(cidr, node.gatewayIps[family]));
      if (ip === undefined) {
        this.complain(`${printRef(common.ref)}: the network ${cidr} of node ${node.name} has no address left`);
        return undefined;
      }
      ips[family] = ip;
    }
    const ofport = Number(this.claims.give(`ofport of ${node.name}`, owner, ofports(this.config)));
    return {
      ...common,
      hostNetwork: false,
      ips,
      mac: annotations[ANNOTATION.mac] ?? macOfAddress(ips.ipv4 ?? ips.ipv6!),
      port: { name: annotations[ANNOTATION.port] ?? portName(namespace, name), ofport },
    };
  }
}

function addressesOf({ status }: Pod): string[] {
  return status?.podIPs?.map(({ ip }) => ip) ?? (status?.podIP === undefined ? [] : [status.podIP]);
}

/** One without conditions is: a manifest rarely says. */
function isReady({ status }: Pod): boolean {
  return (status?.conditions?.find(({ type }) => type === 'Ready')?.status ?? 'True') === 'True';
}

function namedPorts({ spec }: Pod): NamedPort[] {
  return (spec?.containers ?? []).flatMap(({ ports = [] }) =>
    ports.flatMap(({ name, protocol, containerPort }) =>
      name === undefined
        ? []
        : [{ name, protocol: protocol.toLowerCase() as NamedPort['protocol'], port: containerPort }],
    ),
  );
}

/** Every address of a node's network but the network's, the gateway's and the broadcast's. */
function* hosts(text: string, gateway: string | undefined): Generator<string> {
  const cidr = parseCidr(text)!;
  const size = 1n << BigInt(BITS[cidr.family as Family] - cidr.length);
  for (let n = 1n; n < size - 1n; n++) {
    const ip = nthAddress(cidr, n);
    if (ip !== gateway) yield ip;
  }
}

const MAX_OFPORT = 0xfeff;

/** After the tunnel's and the gateway's when these are low, as in old Antrea; from 1 when they are high. */
function* ofports({ tunnel, gateway }: ClusterConfig): Generator<string> {
  for (let n = 1; n <= MAX_OFPORT; n++) if (n !== tunnel.ofport && n !== gateway.ofport) yield String(n);
}
