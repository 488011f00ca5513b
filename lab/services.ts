// Services as kube-proxy sees them: one list of service ports with their endpoints. Made from a topology; read by check.ts
// (names), rules/nat.ts (chains) and dns.ts (addresses of names).
import type { Topology, TopologyNode, TopologyPod, TopologyService } from './schema.js';

export interface ServicePort {
  /** `namespace/name:port`, as Kubernetes 1.18 writes it: the colon stays when the port has no name. */
  name: string;
  clusterIp: string;
  protocol: 'tcp' | 'udp' | 'sctp';
  port: number;
  nodePort?: number;
  /** `ip:port`, in the order of the file. */
  endpoints: string[];
}

export function servicePortName(service: TopologyService, port: TopologyService['ports'][number]): string {
  return `${service.name}:${port.name ?? ''}`;
}

/** The pods that a service selects. */
export function podsOf(nodes: TopologyNode[], service: TopologyService): TopologyPod[] {
  const namespace = service.name.split('/')[0];
  const wanted = Object.entries(service.selector ?? {});
  return nodes.flatMap((n) => n.pods).filter((pod) => pod.namespace === namespace && wanted.every(([key, value]) => pod.labels[key] === value));
}

export function servicePorts({ services, nodes }: Topology): ServicePort[] {
  return services.flatMap((service) =>
    service.ports.map((port) => {
      const addresses = service.endpoints ?? podsOf(nodes, service).map((pod) => pod.ip);
      return {
        name: servicePortName(service, port),
        clusterIp: service.cluster_ip,
        protocol: port.protocol.toLowerCase() as ServicePort['protocol'],
        port: port.port,
        nodePort: port.node_port,
        endpoints: addresses.map((ip) => `${ip}:${port.target_port ?? port.port}`),
      };
    }),
  );
}

/** The named ones first, in that order, then the rest. */
export function inOrder(ports: ServicePort[], order: string[]): ServicePort[] {
  const rank = (p: ServicePort): number => (order.includes(p.name) ? order.indexOf(p.name) : order.length);
  return [...ports].sort((a, b) => rank(a) - rank(b));
}
