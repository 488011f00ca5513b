// The lab as a picture needs it: nodes with their switches' ports, pods, Services, what is outside. From: the lab and
// its switches. To: the page's topology, and its lists to choose from.
import type { PortStatus } from '../../dataplane/datapath/ports.js';
import type { LabNode } from '../../lab/index.js';
import type { Names } from '../../lab/watch/names.js';
import type { Topology, TopologyNode, TopologyPort } from '../schema/lab.js';
import type { Switches } from './switches.js';

const bare = (address: string | undefined): string => address?.split('/')[0] ?? '';

export async function topologyOf(switches: Switches, names: Names): Promise<Topology> {
  const { lab } = switches;
  return {
    lab: lab.name,
    underlay: { mtu: lab.underlay.mtu, device: lab.nodes[0]?.underlay.name ?? '' },
    tunnel: lab.switches.tunnel.name,
    podMtu: lab.switches.mtu,
    nodes: await Promise.all(lab.nodes.map((node) => nodeOf(switches, node, names))),
    pods: lab.pods.map((p) => ({
      name: names.shortName(p),
      fullName: `${p.namespace}/${p.name}`,
      node: p.node,
      ip: p.ip,
      netns: p.netns,
      port: p.port,
      ...(p.serve ? { serve: p.serve } : {}),
    })),
    outside: [lab.router, lab.client].map((h) => ({ name: h.name, netns: h.netns, ip: bare(h.devices[0]?.address) })),
    services: lab.services.map((s) => ({
      name: s.name,
      address: `${s.clusterIp}:${s.port}`,
      protocol: s.protocol,
      ...(s.nodePort ? { nodePort: s.nodePort } : {}),
      endpoints: s.endpoints.map((e) => `${e.ip}:${e.port}`),
    })),
  };
}

async function nodeOf(switches: Switches, node: LabNode, names: Names): Promise<TopologyNode> {
  const { lab } = switches;
  const ports = await switches.json<PortStatus[]>(node, 'packetwalk/ports').catch(() => undefined);
  const of = (port: string): string | undefined => {
    if (port === node.gateway.name) return 'gateway';
    if (port === lab.switches.tunnel.name) return 'tunnel';
    const pod = lab.pods.find((p) => p.node === node.name && p.port === port);
    return pod && names.shortName(pod);
  };
  return {
    name: node.name,
    netns: node.netns,
    ip: node.ip,
    gateway: { name: node.gateway.name, ip: bare(node.gateway.address) },
    podCidr: node.podCidr,
    up: ports !== undefined,
    ports: (ports ?? []).map((p): TopologyPort => {
      const owner = of(p.name);
      return {
        name: p.name,
        ofport: p.no,
        kind: p.kind,
        up: p.state === 'up',
        ...(owner ? { of: owner } : {}),
        rxPackets: p.rxPackets,
        txPackets: p.txPackets,
        dropped: p.rxDropped + p.txDropped + p.rxErrors + p.txErrors + p.txTooBig,
      };
    }),
  };
}
