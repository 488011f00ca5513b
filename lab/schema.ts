// What a topology file may say: the shape of each part, as zod. check.ts adds what concerns several parts at once;
// load.ts reads a file against both. resolve.ts turns the result into what is to be made.
import { isIPv4 } from 'node:net';
import { z } from 'zod';
import { parseCidr } from '../kube/address.js';
import { isNetwork, parsePrefix } from './addresses.js';

/** A string that `accept` takes; the refusal says what was expected and what was got. */
function text(expected: string, accept: (value: string) => boolean) {
  return z.string().refine(accept, { error: (issue) => `expected ${expected}, got ${JSON.stringify(issue.input)}` });
}

function whole(min: number, max: number) {
  return z
    .number({
      error: (issue) =>
        `expected a whole number from ${min} to ${max}, got ${JSON.stringify(issue.input) ?? 'nothing'}`,
    })
    .refine((n) => Number.isInteger(n) && n >= min && n <= max, {
      error: (issue) => `expected a whole number from ${min} to ${max}, got ${issue.input}`,
    });
}

const NAME = /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/;
const MAX_INTERFACE_NAME = 15;

// Namespaces are called <lab>-<name>: without a dash in the lab's name no two labs can mean the same one.
export const labName = text('a name of at most 12 small letters and digits', (s) => /^[a-z][a-z0-9]{0,11}$/.test(s));
const name = text('a name of small letters, digits, "-" and "."', (s) => NAME.test(s) && s.length <= 63);
const interfaceName = text(
  `an interface name of at most ${MAX_INTERFACE_NAME} characters`,
  (s) => s.length <= MAX_INTERFACE_NAME && /^[A-Za-z0-9][^\s/:]*$/.test(s),
);
/** A node's name is also the name of its cable in the underlay. */
const nodeName = text(`a node name of at most ${MAX_INTERFACE_NAME} small letters, digits and "-"`, (s) =>
  /^[a-z0-9]([-a-z0-9]{0,13}[a-z0-9])?$/.test(s),
);
const mac = text('a unicast MAC address such as 02:00:00:00:00:01', (s) =>
  /^[0-9a-f][02468ace](:[0-9a-f]{2}){5}$/i.test(s),
).transform((s) => s.toLowerCase());
const ip = text('an IPv4 address such as 192.0.2.1', isIPv4);
const interfaceAddress = text(
  'an IPv4 address with its prefix length such as 192.0.2.1/24',
  (s) => parsePrefix(s) !== undefined,
);
const network = text('an IPv4 network such as 192.0.2.0/24 (no host bits)', isNetwork);
const network6 = text('an IPv6 network such as fd00:10::/48', (s) => parseCidr(s)?.family === 'ipv6');
const ofport = whole(1, 0xfeff);
const l4Port = whole(1, 65535);
const mtu = whole(576, 65521);
const labels = z.record(z.string(), z.string());

const pod = z.strictObject({
  name,
  /** The Kubernetes namespace. */
  namespace: name.default('default'),
  /** Short name for the network namespace, when the pod's own is unwieldy. */
  netns: name.optional(),
  labels: labels.default({}),
  ip,
  mac,
  /** Its port on the node's switch. */
  port: interfaceName,
  ofport,
  /** What runs in it: an HTTP server on port 80 that says who it is, or the cluster's DNS server. */
  serve: z.enum(['http', 'dns']).optional(),
});

const node = z.strictObject({
  name: nodeName,
  /** What is not said here comes from the manifests' Node, or is given. */
  ip: ip.optional(),
  mac: mac.optional(),
  pod_cidr: network.optional(),
  gateway: z.strictObject({ ip, mac }).optional(),
  /** Flow file of the node's switch, relative to the topology file; absent: the flows are generated (`pipeline`). */
  flows: z.string().min(1).optional(),
  /** A container bridge beside the cluster's network, as an installed Docker leaves one: unused, but in the rules. */
  docker: z.strictObject({ device: interfaceName.default('docker0'), address: interfaceAddress, mac }).optional(),
  /** The order in which kube-proxy wrote the Services' rules here (it has none of its own): `namespace/name:port`. */
  service_order: z.array(z.string()).default([]),
  /** The order in which Antrea's agent met the rules of policies here, which gave them their conjunction ids: as
   *  `NetworkPolicy default/web ingress[0]`. */
  rule_order: z.array(z.string()).default([]),
  pods: z.array(pod).default([]),
});

const servicePort = z.strictObject({
  name: name.optional(),
  protocol: z.enum(['TCP', 'UDP', 'SCTP']).default('TCP'),
  port: l4Port,
  /** Default: `port`. */
  target_port: l4Port.optional(),
  node_port: l4Port.optional(),
});

const service = z.strictObject({
  name: text('namespace/name', (s) => s.split('/').length === 2 && s.split('/').every((part) => NAME.test(part))),
  cluster_ip: ip,
  ports: z.array(servicePort).min(1),
  /** The pods of its namespace with these labels; or */
  selector: labels.optional(),
  /** addresses, for what does not run in a pod. */
  endpoints: z.array(ip).min(1).optional(),
});

const underlay = z.strictObject({
  subnet: network,
  /** The segment's other network, when pods have IPv6 addresses. */
  subnet6: network6.default('fd00:192:0:2::/64'),
  mtu: mtu.default(1500),
  /** The device of each node on the segment. */
  device: interfaceName.default('ens160'),
  router: z.strictObject({ name: nodeName.default('router'), ip, mac }),
  /** A host outside the cluster, behind the router. */
  client: z.strictObject({ name: nodeName.default('client'), address: interfaceAddress, gateway: ip }),
});

const switches = z.strictObject({
  bridge: name.default('br-int'),
  mtu: mtu.default(1450),
  /** Which generation of Antrea writes the flows, where nodes have no flow file. */
  pipeline: z.enum(['v0.10', 'v0.10-proxy', 'v2']).default('v0.10'),
  gateway: z
    .strictObject({ name: interfaceName.default('antrea-gw0'), ofport })
    .default({ name: 'antrea-gw0', ofport: 2 }),
  tunnel: z
    .strictObject({ name: interfaceName.default('antrea-tun0'), ofport })
    .default({ name: 'antrea-tun0', ofport: 1 }),
  /** As `ovs-ofctl add-tlv-map` takes it. */
  tlv_map: z.string().optional(),
  /** JSON file of table numbers and names, relative to the topology file. */
  table_names: z.string().optional(),
});

const cluster = z.strictObject({
  pod_cidr: network,
  service_cidr: network,
  /** Both or none: pods and Services have IPv6 addresses, too (pipeline v2). */
  pod_cidr6: network6.optional(),
  service_cidr6: network6.optional(),
  domain: name.default('cluster.local'),
  /** Address of the DNS Service: the pods' nameserver. */
  dns: ip,
});

export const topologyShape = z.strictObject({
  version: z.literal(1),
  /** The lab's name unless --name says another. */
  name: labName.default('pw'),
  /** Files and folders of Kubernetes objects, relative to the topology file. */
  manifests: z.array(z.string().min(1)).default([]),
  cluster: cluster.default({
    pod_cidr: '10.244.0.0/16',
    service_cidr: '10.96.0.0/12',
    dns: '10.96.0.10',
    domain: 'cluster.local',
  }),
  underlay: underlay.default({
    subnet: '192.0.2.0/24',
    subnet6: 'fd00:192:0:2::/64',
    mtu: 1500,
    device: 'ens160',
    router: { name: 'router', ip: '192.0.2.1', mac: '02:00:5e:00:00:01' },
    client: { name: 'client', address: '198.51.100.2/24', gateway: '198.51.100.1' },
  }),
  switches: switches.default({
    bridge: 'br-int',
    mtu: 1450,
    pipeline: 'v0.10',
    gateway: { name: 'antrea-gw0', ofport: 2 },
    tunnel: { name: 'antrea-tun0', ofport: 1 },
  }),
  nodes: z.array(node).min(1),
  services: z.array(service).default([]),
});

export type Topology = z.output<typeof topologyShape>;
export type TopologyNode = Topology['nodes'][number];
export type TopologyPod = TopologyNode['pods'][number];
export type TopologyService = Topology['services'][number];
