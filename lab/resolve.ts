// From what a topology says to what is to be made: namespaces, devices, addresses, routes, programs, all by name. A plain
// value: it goes into the state file, and everything that deploys, shows or removes a lab works from it alone.
import { join } from 'node:path';
import { networkOf, prefixLength } from './addresses.js';
import { besideTopology, type LoadedTopology } from './load.js';
import type { TopologyNode, TopologyPod } from './schema.js';
import { type ServicePort, servicePorts } from './services.js';

export const RUN_FOLDER = '/run/packetwalk';

export type PortKind = 'tap' | 'veth';

export interface Device {
  name: string;
  mac: string;
  mtu: number;
  /** With its prefix length; absent: none. */
  address?: string;
}

export interface LabNode {
  name: string;
  netns: string;
  /** Folder of the switch's files. */
  rundir: string;
  ip: string;
  underlay: Device;
  gateway: Device & { ofport: number };
  docker?: Device & { network: string };
  podCidr: string;
  /** As `ip route replace` takes them; those through the gateway exist only while the switch runs. */
  routes: { underlay: string[]; gateway: string[] };
  flows: string;
  serviceOrder: string[];
}

export interface LabPod {
  name: string;
  /** The Kubernetes namespace. */
  namespace: string;
  netns: string;
  node: string;
  ip: string;
  device: Device;
  route: string;
  port: string;
  ofport: number;
  serve?: 'http' | 'dns';
  /** What /etc/resolv.conf says in the pod. */
  resolvConf: string;
}

export interface LabHost {
  name: string;
  netns: string;
  devices: Device[];
  routes: string[];
}

export interface Lab {
  name: string;
  /** The file that it was made from. */
  topology: string;
  ports: PortKind;
  rundir: string;
  underlay: { netns: string; bridge: string; mtu: number };
  /** Devices: the segment's, then the client's. */
  router: LabHost;
  client: LabHost;
  nodes: LabNode[];
  pods: LabPod[];
  podCidr: string;
  services: ServicePort[];
  domain: string;
  switches: {
    bridge: string;
    mtu: number;
    tunnel: { name: string; ofport: number };
    tlvMap?: string;
    tableNames?: string;
  };
}

export function resolveLab(loaded: LoadedTopology, options: { name?: string; ports?: PortKind } = {}): Lab {
  const { topology } = loaded;
  const { cluster, underlay, switches } = topology;
  const name = options.name ?? topology.name;
  const rundir = join(RUN_FOLDER, name);
  const netns = (of: string): string => `${name}-${of}`;
  const underlayLength = prefixLength(underlay.subnet);

  const node = (n: TopologyNode): LabNode => {
    const length = prefixLength(n.pod_cidr);
    const gw = switches.gateway.name;
    return {
      name: n.name,
      netns: netns(n.name),
      rundir: join(rundir, n.name),
      ip: n.ip,
      underlay: { name: underlay.device, mac: n.mac, mtu: underlay.mtu, address: `${n.ip}/${underlayLength}` },
      gateway: { name: gw, mac: n.gateway.mac, mtu: switches.mtu, address: `${n.gateway.ip}/${length}`, ofport: switches.gateway.ofport },
      docker: n.docker && {
        name: n.docker.device, mac: n.docker.mac, mtu: 1500, address: n.docker.address,
        network: networkOf(n.docker.address),
      },
      podCidr: n.pod_cidr,
      routes: {
        underlay: [`default via ${underlay.router.ip} dev ${underlay.device} proto static`],
        // The other nodes' gateways are no neighbours of ours; the switch answers ARP for them.
        gateway: topology.nodes.filter((o) => o !== n).map((o) => `${o.pod_cidr} via ${o.gateway.ip} dev ${gw} onlink`),
      },
      flows: besideTopology(loaded, n.flows),
      serviceOrder: n.service_order,
    };
  };

  const pod = (n: TopologyNode, p: TopologyPod): LabPod => ({
    name: p.name,
    namespace: p.namespace,
    netns: netns(p.netns ?? p.name),
    node: n.name,
    ip: p.ip,
    device: { name: 'eth0', mac: p.mac, mtu: switches.mtu, address: `${p.ip}/${prefixLength(n.pod_cidr)}` },
    route: `default via ${n.gateway.ip} dev eth0`,
    port: p.port,
    ofport: p.ofport,
    serve: p.serve,
    resolvConf: resolvConf(cluster.dns, cluster.domain, p.namespace),
  });

  const { router, client } = underlay;
  return {
    name,
    topology: loaded.file,
    ports: options.ports ?? 'tap',
    rundir,
    underlay: { netns: netns('underlay'), bridge: 'br0', mtu: underlay.mtu },
    router: {
      name: router.name,
      netns: netns(router.name),
      devices: [
        { name: 'eth0', mac: router.mac, mtu: underlay.mtu, address: `${router.ip}/${underlayLength}` },
        { name: 'eth1', mac: '02:00:5e:10:00:01', mtu: underlay.mtu, address: `${client.gateway}/${prefixLength(client.address)}` },
      ],
      routes: [],
    },
    client: {
      name: client.name,
      netns: netns(client.name),
      devices: [{ name: 'eth0', mac: '02:00:5e:10:00:02', mtu: underlay.mtu, address: client.address }],
      routes: [`default via ${client.gateway} dev eth0`],
    },
    nodes: topology.nodes.map(node),
    pods: topology.nodes.flatMap((n) => n.pods.map((p) => pod(n, p))),
    podCidr: cluster.pod_cidr,
    services: servicePorts(topology),
    domain: cluster.domain,
    switches: {
      bridge: switches.bridge,
      mtu: switches.mtu,
      tunnel: switches.tunnel,
      tlvMap: switches.tlv_map,
      tableNames: switches.table_names && besideTopology(loaded, switches.table_names),
    },
  };
}

/** Every namespace of a lab. */
export function namespacesOf(lab: Lab): string[] {
  return [lab.underlay, lab.router, lab.client, ...lab.nodes, ...lab.pods].map((place) => place.netns);
}

/** As Kubernetes writes it for a pod. */
function resolvConf(dns: string, domain: string, namespace: string): string {
  return `nameserver ${dns}\nsearch ${namespace}.svc.${domain} svc.${domain} ${domain}\noptions ndots:5\n`;
}
