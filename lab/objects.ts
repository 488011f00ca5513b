// A topology as Kubernetes objects: what its manifests hold, and what it says itself in its own short form (nodes,
// pods, services). From here on there is one way to a cluster, kube/.
import { ANNOTATION, type KubeObject, ObjectSet, readManifests } from '../kube/index.js';
import { service as serviceSchema } from '../kube/schema/core.js';
import { besideTopology, type LoadedTopology } from './load.js';
import { type Family, familyOf, nthAddress, parseCidr } from '../kube/address.js';
import type { Topology, TopologyNode, TopologyPod, TopologyService } from './schema.js';

export interface LabObjects {
  objects: ObjectSet;
  /** Of the manifests. */
  warnings: string[];
}

export function labObjects(loaded: LoadedTopology): LabObjects {
  const { topology } = loaded;
  const { objects: read, warnings } = readManifests(topology.manifests.map((name) => besideTopology(loaded, name)));
  const objects = new ObjectSet(read);
  topology.nodes.forEach((node, i) => {
    objects.put(nodeObject(node, objects.get('Node', node.name), nthNode(topology, i)));
    for (const pod of node.pods) objects.put(podObject(node, pod));
  });
  // A lab has the nodes that its file names.
  for (const { metadata } of objects.of('Node')) {
    if (!topology.nodes.some(({ name }) => name === metadata.name)) objects.remove('Node', metadata.name);
  }
  for (const object of topology.services.flatMap(serviceObjects)) objects.put(object);
  return { objects, warnings };
}

/** Addresses that a node gets which has none: the eleventh of the segment and so on. */
function nthNode({ underlay, cluster }: Topology, i: number): { ip: string; ip6?: string; mac: string } {
  const n = 11 + i;
  const ip6 = cluster.pod_cidr6 === undefined ? {} : { ip6: nthAddress(parseCidr(underlay.subnet6)!, n) };
  return {
    ip: nthAddress(parseCidr(underlay.subnet)!, n),
    ...ip6,
    mac: `02:00:5e:00:01:${n.toString(16).padStart(2, '0')}`,
  };
}

function nodeObject(
  node: TopologyNode,
  read: Extract<KubeObject, { kind: 'Node' }> | undefined,
  given: { ip: string; ip6?: string; mac: string },
): KubeObject {
  const { labels, annotations } = read?.metadata ?? {};
  const internal = (family: Family): string | undefined =>
    read?.status?.addresses?.find(({ type, address }) => type === 'InternalIP' && familyOf(address) === family)
      ?.address;
  const addresses = [node.ip ?? internal('ipv4') ?? given.ip, given.ip6 && (internal('ipv6') ?? given.ip6)].filter(
    (address) => address !== undefined,
  );
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name: node.name,
      labels: { 'kubernetes.io/hostname': node.name, ...labels },
      annotations: {
        [ANNOTATION.mac]: given.mac,
        ...annotations,
        ...(node.mac && { [ANNOTATION.mac]: node.mac }),
        ...(node.gateway && { [ANNOTATION.gatewayMac]: node.gateway.mac }),
      },
    },
    spec: { ...read?.spec, ...(node.pod_cidr && { podCIDR: node.pod_cidr }) },
    status: { addresses: addresses.map((address) => ({ type: 'InternalIP', address })) },
  };
}

function podObject(node: TopologyNode, pod: TopologyPod): KubeObject {
  const annotations = {
    [ANNOTATION.mac]: pod.mac,
    [ANNOTATION.port]: pod.port,
    [ANNOTATION.ofport]: String(pod.ofport),
    ...(pod.netns && { [ANNOTATION.netns]: pod.netns }),
    ...(pod.serve && { [ANNOTATION.serve]: pod.serve }),
  };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: pod.name, namespace: pod.namespace, labels: pod.labels, annotations },
    spec: { nodeName: node.name },
    status: { podIP: pod.ip },
  };
}

/** With what Kubernetes fills in. */
const makeService = (value: Parameters<typeof serviceSchema.parse>[0]): KubeObject => serviceSchema.parse(value);

function serviceObjects({ name: full, cluster_ip, ports, selector, endpoints }: TopologyService): KubeObject[] {
  const [namespace, name] = full.split('/');
  const service = makeService({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace },
    spec: {
      type: ports.some(({ node_port }) => node_port !== undefined) ? 'NodePort' : 'ClusterIP',
      clusterIP: cluster_ip,
      selector,
      ports: ports.map((p) => ({
        name: p.name,
        protocol: p.protocol,
        port: p.port,
        targetPort: p.target_port,
        nodePort: p.node_port,
      })),
    },
  });
  if (!endpoints) return [service];
  const subset = {
    addresses: endpoints.map((ip) => ({ ip })),
    ports: ports.map((p) => ({ name: p.name, protocol: p.protocol, port: p.target_port ?? p.port })),
  };
  return [service, { apiVersion: 'v1', kind: 'Endpoints', metadata: { name, namespace }, subsets: [subset] }];
}
