// From what a topology and its objects say to what is to be made: namespaces, devices, addresses, routes, programs, all
// by name. A plain value: it goes into the state file, and everything that deploys, shows or removes a lab works from
// it alone.
import { join } from 'node:path';
import { InputError } from '../dataplane/errors.js';
import { startTraceflows } from '../flows/antrea/agent/trace-request.js';
import { pipelineByName, type PipelineName } from '../flows/antrea/index.js';
import { VIRTUAL_MAC } from '../flows/antrea/v2/context.js';
import { FAMILIES } from '../flows/antrea/v2/families.js';
import {
  ANNOTATION,
  Claims,
  type Cluster,
  type ClusterNode,
  type ClusterPod,
  type HeadlessService,
  type ObjectSet,
  printRef,
  resolveCluster,
  type ServicePort,
} from '../kube/index.js';
import { familyOf } from '../kube/address.js';
import { type ControlPort, controlPorts, type EgressAddress, egressAddresses } from './agent-devices.js';
import { networkOf, prefixLength } from './addresses.js';
import { besideTopology, type LoadedTopology } from './load.js';
import { labObjects } from './objects.js';
import { externalIps } from './rules/antrea-proxy.js';

export const RUN_FOLDER = '/run/packetwalk';

export type PortKind = 'tap' | 'veth';

const FAMILY_NAMES = ['ipv4', 'ipv6'] as const;
/** Bytes around a pod's packet in a tunnel over IPv6: Ethernet, Geneve, UDP, IPv6. */
const GENEVE_IPV6 = 14 + 8 + 8 + 40;

export interface Device {
  name: string;
  mac: string;
  mtu: number;
  /** With its prefix length; absent: none. */
  address?: string;
  address6?: string;
}

export interface LabNode {
  name: string;
  netns: string;
  /** Folder of the switch's files. */
  rundir: string;
  ip: string;
  ip6?: string;
  underlay: Device;
  gateway: Device & { ofport: number };
  docker?: Device & { network: string };
  podCidr: string;
  podCidr6?: string;
  /** As `ip route replace` takes them; those through the gateway exist only while the switch runs. */
  routes: { underlay: string[]; gateway: string[] };
  /** Of the gateway, as `ip neighbour replace` takes them. */
  neighbours: string[];
  /** File of the switch's flows; of groups and meters, when they are generated and there may be some. */
  flows: string;
  groups?: string;
  meters?: string;
  serviceOrder: string[];
  ruleOrder: string[];
}

export interface LabPod {
  /** Its Kubernetes name, or with the namespace behind when that is taken. */
  name: string;
  /** The Kubernetes namespace. */
  namespace: string;
  netns: string;
  node: string;
  ip: string;
  device: Device;
  route: string;
  ip6?: string;
  route6?: string;
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
  serviceCidr: string;
  serviceCidr6?: string;
  services: ServicePort[];
  headless: HeadlessService[];
  egressAddresses: EgressAddress[];
  controlPorts: ControlPort[];
  domain: string;
  /** Who writes the flows; absent: they are files. */
  pipeline?: PipelineName;
  switches: {
    bridge: string;
    mtu: number;
    tunnel: { name: string; ofport: number };
    tlvMap?: string;
    tableNames?: string;
  };
}

export interface ResolveOptions {
  name?: string;
  ports?: PortKind;
  /** Flows are generated, whatever flow files the nodes have. */
  pipeline?: PipelineName;
  /** In place of the topology's own. */
  objects?: ObjectSet;
  /** What was given to the cluster's objects before. */
  claims?: Claims;
}

export function resolveLab(loaded: LoadedTopology, options: ResolveOptions = {}): Lab {
  return planLab(loaded, options).lab;
}

/** The lab, and the cluster that runs in it. Throws InputError for objects that cannot be. */
export function planLab(
  loaded: LoadedTopology,
  options: ResolveOptions = {},
): { lab: Lab; cluster: Cluster; warnings: string[] } {
  const { topology } = loaded;
  const { cluster: about, underlay, switches } = topology;
  const name = options.name ?? topology.name;
  const rundir = join(RUN_FOLDER, name);
  const netns = (of: string): string => `${name}-${of}`;
  const underlayLength = prefixLength(underlay.subnet);
  const mtu = about.pod_cidr6 === undefined ? switches.mtu : Math.min(switches.mtu, underlay.mtu - GENEVE_IPV6);
  const pipeline = options.pipeline ?? (topology.nodes.every((node) => node.flows) ? undefined : switches.pipeline);
  const ports = pipeline === undefined ? undefined : pipelineByName(pipeline).ofports;
  // The switch is the Services' proxy; the node's kernel only sends them there.
  const proxied = pipeline !== undefined && pipelineByName(pipeline).kubeProxy === 'none';
  const virtual = !proxied ? [] : about.pod_cidr6 === undefined ? [FAMILIES.ipv4] : [FAMILIES.ipv4, FAMILIES.ipv6];
  const gateway = { name: switches.gateway.name, ofport: ports?.gateway ?? switches.gateway.ofport };
  const tunnel = { name: switches.tunnel.name, ofport: ports?.tunnel ?? switches.tunnel.ofport };
  const read = options.objects ? { objects: options.objects, warnings: [] } : labObjects(loaded);
  const claims = options.claims ?? new Claims();
  if (pipeline !== undefined && pipelineByName(pipeline).hasAgent) startTraceflows(read.objects);
  const podCidrs = { ipv4: about.pod_cidr, ...(about.pod_cidr6 && { ipv6: about.pod_cidr6 }) };
  const serviceCidrs = { ipv4: about.service_cidr, ...(about.service_cidr6 && { ipv6: about.service_cidr6 }) };
  const cluster = resolveCluster(read.objects, { podCidrs, serviceCidrs, gateway, tunnel }, claims);
  if (cluster.complaints.length > 0) throw new InputError('EOBJECTS', cluster.complaints.join('\n'));

  const others = (n: ClusterNode): ClusterNode[] => nodes.filter((o) => o !== n);
  const node = (n: ClusterNode): LabNode => {
    const said = topology.nodes.find((t) => t.name === n.name)!;
    const own = join(rundir, n.name);
    const podCidr = n.podCidrs.ipv4!;
    const gatewayIp = said.gateway?.ip ?? n.gatewayIps.ipv4!;
    return {
      name: n.name,
      netns: netns(n.name),
      rundir: own,
      ip: n.ips.ipv4!,
      ...(n.ips.ipv6 && { ip6: n.ips.ipv6 }),
      underlay: {
        name: underlay.device,
        mac: n.mac!,
        mtu: underlay.mtu,
        address: `${n.ips.ipv4}/${underlayLength}`,
        ...(n.ips.ipv6 && { address6: `${n.ips.ipv6}/${underlay.subnet6.split('/')[1]}` }),
      },
      gateway: {
        ...gateway,
        mac: n.gatewayMac,
        mtu,
        address: `${gatewayIp}/${prefixLength(podCidr)}`,
        ...(n.gatewayIps.ipv6 && { address6: `${n.gatewayIps.ipv6}/${n.podCidrs.ipv6!.split('/')[1]}` }),
      },
      docker: said.docker && {
        name: said.docker.device,
        mac: said.docker.mac,
        mtu: 1500,
        address: said.docker.address,
        network: networkOf(said.docker.address),
      },
      podCidr,
      ...(n.podCidrs.ipv6 && { podCidr6: n.podCidrs.ipv6 }),
      routes: {
        underlay: [`default via ${underlay.router.ip} dev ${underlay.device} proto static`],
        // The other nodes' gateways are no neighbours of ours; the switch answers ARP for them.
        gateway: [
          ...others(n).flatMap((o) =>
            FAMILY_NAMES.flatMap((family) =>
              o.podCidrs[family]
                ? [`${o.podCidrs[family]} via ${o.gatewayIps[family]} dev ${gateway.name} onlink`]
                : [],
            ),
          ),
          ...virtual.flatMap(({ virtualServiceIp, virtualNodePortIp }) => [
            `${virtualServiceIp} dev ${gateway.name}`,
            `${virtualNodePortIp} via ${virtualServiceIp} dev ${gateway.name} onlink`,
          ]),
        ],
      },
      // Nobody answers neighbour solicitations for them, as the switch does ARP.
      neighbours: [
        ...virtual.map(({ virtualServiceIp }) => virtualServiceIp),
        ...others(n).flatMap((o) => o.gatewayIps.ipv6 ?? []),
      ].map((ip) => `${ip} lladdr ${VIRTUAL_MAC} dev ${gateway.name} nud permanent`),
      flows: pipeline === undefined ? besideTopology(loaded, said.flows!) : join(own, 'generated.flows'),
      ...(pipeline === undefined
        ? {}
        : { groups: join(own, 'generated.groups'), meters: join(own, 'generated.meters') }),
      serviceOrder: said.service_order,
      ruleOrder: said.rule_order,
    };
  };

  const pod = (p: ClusterPod): LabPod => {
    const n = nodes.find((other) => other.name === p.node)!;
    const { namespace = 'default', name: kubeName } = p.ref;
    const short = claims.give('place', printRef(p.ref), [kubeName, `${kubeName}-${namespace}`])!;
    const serve = p.annotations[ANNOTATION.serve];
    return {
      name: short,
      namespace,
      netns: netns(p.annotations[ANNOTATION.netns] ?? short),
      node: p.node,
      ip: p.ips.ipv4!,
      device: {
        name: 'eth0',
        mac: p.mac,
        mtu,
        address: `${p.ips.ipv4}/${prefixLength(n.podCidrs.ipv4!)}`,
        ...(p.ips.ipv6 && { address6: `${p.ips.ipv6}/${n.podCidrs.ipv6!.split('/')[1]}` }),
      },
      route: `default via ${n.gatewayIps.ipv4} dev eth0`,
      ...(p.ips.ipv6 && { ip6: p.ips.ipv6, route6: `::/0 via ${n.gatewayIps.ipv6} dev eth0` }),
      port: p.port.name,
      ofport: p.port.ofport,
      ...(serve === 'http' || serve === 'dns' ? { serve } : {}),
      resolvConf: resolvConf(about.dns, about.domain, namespace),
    };
  };

  // In the order of the file; of a cluster, in that of their names.
  const order = new Map(topology.nodes.map(({ name: n }, i) => [n, i]));
  const nodes = [...cluster.nodes].sort((a, b) => order.get(a.name)! - order.get(b.name)!);
  const pods = nodes.flatMap((n) =>
    cluster.pods.filter((p) => p.node === n.name && !p.hostNetwork).sort((a, b) => a.port.ofport - b.port.ofport),
  );
  const { router, client } = underlay;
  const lab: Lab = {
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
        {
          name: 'eth1',
          mac: '02:00:5e:10:00:01',
          mtu: underlay.mtu,
          address: `${client.gateway}/${prefixLength(client.address)}`,
        },
      ],
      routes: outsideRoutes(cluster.services, nodes),
    },
    client: {
      name: client.name,
      netns: netns(client.name),
      devices: [{ name: 'eth0', mac: '02:00:5e:10:00:02', mtu: underlay.mtu, address: client.address }],
      routes: [`default via ${client.gateway} dev eth0`],
    },
    nodes: nodes.map(node),
    pods: pods.map(pod),
    podCidr: about.pod_cidr,
    serviceCidr: about.service_cidr,
    ...(about.service_cidr6 && { serviceCidr6: about.service_cidr6 }),
    services: [...cluster.services],
    headless: [...cluster.headless],
    egressAddresses: proxied ? egressAddresses(cluster) : [],
    controlPorts: proxied ? controlPorts(cluster) : [],
    domain: about.domain,
    pipeline,
    switches: {
      bridge: switches.bridge,
      mtu,
      tunnel,
      tlvMap: pipeline === undefined ? switches.tlv_map : pipelineByName(pipeline).tlvMap,
      tableNames:
        pipeline === undefined
          ? switches.table_names && besideTopology(loaded, switches.table_names)
          : join(rundir, 'generated.tables.json'),
    },
  };
  return { lab, cluster, warnings: read.warnings };
}

/** Every namespace of a lab. */
export function namespacesOf(lab: Lab): string[] {
  return [lab.underlay, lab.router, lab.client, ...lab.nodes, ...lab.pods].map((place) => place.netns);
}

/**
 * The world outside finds external and load balancer addresses at the nodes: at all of them, or at those with endpoints
 * when only these answer (externalTrafficPolicy Local). As a load balancer, or BGP, would do.
 */
function outsideRoutes(services: readonly ServicePort[], nodes: readonly ClusterNode[]): string[] {
  return externalIps(services).flatMap((ip) => {
    const ports = services.filter((port) => [...port.externalIps, ...port.loadBalancerIps].includes(ip));
    const answers = ({ name }: ClusterNode): boolean =>
      ports.some(
        ({ externalTrafficPolicy, endpoints }) =>
          externalTrafficPolicy === 'Cluster' || endpoints.some((e) => e.ready && e.node === name),
      );
    const hops = nodes
      .filter(answers)
      .map(({ ips }) => ips[familyOf(ip)])
      .filter((hop) => hop !== undefined);
    return hops.length === 0
      ? []
      : [
          `${ip}${familyOf(ip) === 'ipv4' ? '/32' : '/128'} ${hops.map((hop) => `nexthop via ${hop} dev eth0`).join(' ')}`,
        ];
  });
}

/** As Kubernetes writes it for a pod. */
function resolvConf(dns: string, domain: string, namespace: string): string {
  return `nameserver ${dns}\nsearch ${namespace}.svc.${domain} svc.${domain} ${domain}\noptions ndots:5\n`;
}
