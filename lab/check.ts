// What must hold between the parts of a topology: names and addresses used once, addresses where they belong, Services
// with endpoints. Each finding carries the path of the part that is wrong, from which load.ts gets line and column.
import { inPrefix, overlap } from './addresses.js';
import { type Topology, topologyShape } from './schema.js';
import type { TopologyNode, TopologyPod, TopologyService } from './schema.js';

type Path = (string | number)[];
type Report = (path: Path, message: string) => void;

export const topologySchema = topologyShape.superRefine((topology, context) => {
  const report: Report = (path, message) => context.addIssue({ code: 'custom', path, message });
  checkNames(topology, report);
  checkUnderlay(topology, report);
  checkNodes(topology, report);
  checkServices(topology, report);
  checkFamilies(topology, report);
});

/** Only today's pipeline knows IPv6. */
function checkFamilies({ cluster, switches }: Topology, report: Report): void {
  const { pod_cidr6, service_cidr6 } = cluster;
  if ((pod_cidr6 === undefined) !== (service_cidr6 === undefined))
    report(
      ['cluster', pod_cidr6 ? 'pod_cidr6' : 'service_cidr6'],
      'expected pod_cidr6 and service_cidr6, got one of them',
    );
  if (pod_cidr6 !== undefined && switches.pipeline !== 'v2')
    report(['cluster', 'pod_cidr6'], `expected switches: { pipeline: v2 } for IPv6, got ${switches.pipeline}`);
}

/** Refuses the second use of a value. */
class Once {
  readonly #seen = new Map<string | number, string>();

  constructor(private readonly report: Report) {}

  add(value: string | number, who: string, path: Path): void {
    const other = this.#seen.get(value);
    if (other) this.report(path, `expected a value of its own for ${who}, got ${value}, which ${other} has`);
    else this.#seen.set(value, who);
  }
}

function checkNames({ nodes, underlay }: Topology, report: Report): void {
  const names = new Once(report);
  for (const reserved of ['underlay', 'br0', 'lo']) names.add(reserved, 'the segment', []);
  names.add(underlay.router.name, 'the router', ['underlay', 'router', 'name']);
  names.add(underlay.client.name, 'the client', ['underlay', 'client', 'name']);
  nodes.forEach((node, n) => {
    names.add(node.name, `node ${node.name}`, ['nodes', n, 'name']);
    node.pods.forEach((pod, p) => {
      names.add(pod.name, `pod ${pod.name}`, ['nodes', n, 'pods', p, 'name']);
      if (pod.netns && pod.netns !== pod.name)
        names.add(pod.netns, `pod ${pod.name}`, ['nodes', n, 'pods', p, 'netns']);
    });
  });
}

function checkUnderlay({ nodes, underlay }: Topology, report: Report): void {
  const addresses = new Once(report);
  const macs = new Once(report);
  const member = (ip: string, mac: string, who: string, path: Path): void => {
    if (!inPrefix(ip, underlay.subnet))
      report([...path, 'ip'], `expected an address in the underlay ${underlay.subnet}, got ${ip}`);
    addresses.add(ip, who, [...path, 'ip']);
    macs.add(mac, who, [...path, 'mac']);
  };
  member(underlay.router.ip, underlay.router.mac, 'the router', ['underlay', 'router']);
  nodes.forEach((node, n) => {
    if (node.ip && node.mac) member(node.ip, node.mac, `node ${node.name}`, ['nodes', n]);
  });
  const { address, gateway } = underlay.client;
  if (!inPrefix(gateway, address))
    report(['underlay', 'client', 'gateway'], `expected an address in the client's network ${address}, got ${gateway}`);
  if (overlap(address, underlay.subnet))
    report(
      ['underlay', 'client', 'address'],
      `expected a network outside the underlay ${underlay.subnet}, got ${address}`,
    );
}

function checkNodes({ nodes, cluster, underlay, switches }: Topology, report: Report): void {
  const cidrs: { name: string; cidr: string }[] = [];
  nodes.forEach((node, n) => {
    const at: Path = ['nodes', n];
    const { pod_cidr } = node;
    if (pod_cidr === undefined) {
      if (node.pods.length > 0 || node.gateway)
        report(at, 'expected pod_cidr, because the node has pods or a gateway of its own here, got none');
      return;
    }
    if (!inPrefix(pod_cidr.split('/')[0], cluster.pod_cidr)) {
      report([...at, 'pod_cidr'], `expected a network in the cluster's ${cluster.pod_cidr}, got ${pod_cidr}`);
    }
    for (const { name, cidr } of [...cidrs, { name: 'the underlay', cidr: underlay.subnet }]) {
      if (overlap(cidr, pod_cidr))
        report(
          [...at, 'pod_cidr'],
          `expected a network of its own, got ${pod_cidr}, which overlaps ${cidr} of ${name}`,
        );
    }
    cidrs.push({ name: node.name, cidr: pod_cidr });

    const addresses = new Once(report);
    const macs = new Once(report);
    const ports = new Once(report);
    const numbers = new Once(report);
    const member = (ip: string, mac: string, who: string, path: Path): void => {
      if (!inPrefix(ip, pod_cidr))
        report([...path, 'ip'], `expected an address in ${node.name}'s pod network ${pod_cidr}, got ${ip}`);
      addresses.add(ip, who, [...path, 'ip']);
      macs.add(mac, who, [...path, 'mac']);
    };
    for (const [what, port] of [
      ['tunnel', switches.tunnel],
      ['gateway', switches.gateway],
    ] as const) {
      ports.add(port.name, `the ${what}`, ['switches', what, 'name']);
      numbers.add(port.ofport, `the ${what}`, ['switches', what, 'ofport']);
    }
    for (const device of [underlay.device, 'lo', ...(node.docker ? [node.docker.device] : [])])
      ports.add(device, `the node's ${device}`, at);
    if (node.gateway) member(node.gateway.ip, node.gateway.mac, `${node.name}'s gateway`, [...at, 'gateway']);
    node.pods.forEach((pod, p) => {
      const path = [...at, 'pods', p];
      member(pod.ip, pod.mac, `pod ${pod.name}`, path);
      ports.add(pod.port, `pod ${pod.name}`, [...path, 'port']);
      numbers.add(pod.ofport, `pod ${pod.name}`, [...path, 'ofport']);
    });
  });
}

function checkServices({ nodes, services, cluster, manifests }: Topology, report: Report): void {
  const known = new Set(services.flatMap((service) => service.ports.map((port) => servicePortName(service, port))));
  const names = new Once(report);
  const nodePorts = new Once(report);
  services.forEach((service, s) => {
    const at: Path = ['services', s];
    names.add(service.name, `service ${service.name}`, [...at, 'name']);
    if (!inPrefix(service.cluster_ip, cluster.service_cidr)) {
      report(
        [...at, 'cluster_ip'],
        `expected an address in the cluster's ${cluster.service_cidr}, got ${service.cluster_ip}`,
      );
    }
    if ((service.selector === undefined) === (service.endpoints === undefined)) {
      report(at, `expected either a selector or endpoints, got ${service.selector ? 'both' : 'neither'}`);
    } else if (service.selector && podsOf(nodes, service).length === 0) {
      const namespace = service.name.split('/')[0];
      report(
        [...at, 'selector'],
        `expected labels of at least one pod in namespace ${namespace}, got ${JSON.stringify(service.selector)}`,
      );
    }
    const ports = new Once(report);
    service.ports.forEach((port, p) => {
      const path = [...at, 'ports', p];
      if (service.ports.length > 1 && !port.name)
        report(path, 'expected a name, because the service has several ports');
      ports.add(port.name ?? '', `port ${port.name ?? port.port} of ${service.name}`, [...path, 'name']);
      if (port.node_port) nodePorts.add(port.node_port, `${port.protocol} of ${service.name}`, [...path, 'node_port']);
    });
  });
  nodes.forEach((node, n) => {
    // Those of the manifests are not known here.
    if (manifests.length === 0)
      node.service_order.forEach((name, i) => {
        if (!known.has(name))
          report(
            ['nodes', n, 'service_order', i],
            `expected a service port such as ${[...known][0] ?? 'default/web:'}, got ${JSON.stringify(name)}`,
          );
      });
  });
}

function servicePortName(service: TopologyService, port: TopologyService['ports'][number]): string {
  return `${service.name}:${port.name ?? ''}`;
}

/** The pods that a service selects. */
function podsOf(nodes: TopologyNode[], service: TopologyService): TopologyPod[] {
  const namespace = service.name.split('/')[0];
  const wanted = Object.entries(service.selector ?? {});
  return nodes
    .flatMap((n) => n.pods)
    .filter((pod) => pod.namespace === namespace && wanted.every(([key, value]) => pod.labels[key] === value));
}
