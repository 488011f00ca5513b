// The tables of the v2 pipeline. Their order is that of the stages that a packet goes through; numbers are given to
// those that the node needs, from 0 without gaps, as Antrea's agent does when it starts.
import type { Family } from '../../../kube/address.js';
import type { TableInfo } from '../types.js';

interface Declared extends Omit<TableInfo, 'number'> {
  /** The last table of one drops. */
  pipeline: 'Root' | 'ARP' | 'IP' | 'Multicast';
  /** Only on nodes with this family. */
  family?: Family;
  /** A stage has its own flow for a packet that no other matches. */
  own?: boolean;
}

const DECLARED = [
  {
    name: 'PipelineRootClassifier',
    pipeline: 'Root',
    stage: 'start',
    miss: 'drop',
    does: 'Splits ARP from IP; anything else is dropped',
  },
  {
    name: 'ARPSpoofGuard',
    pipeline: 'ARP',
    family: 'ipv4',
    stage: 'validation',
    miss: 'drop',
    does: 'Lets ARP pass whose sender has the addresses of its port',
  },
  {
    name: 'ARPResponder',
    pipeline: 'ARP',
    family: 'ipv4',
    stage: 'output',
    miss: 'drop',
    does: "Answers for the other nodes' gateways with the virtual MAC; other ARP is switched",
  },
  {
    name: 'Classifier',
    pipeline: 'IP',
    stage: 'classifier',
    miss: 'drop',
    does: 'Writes down where the packet came from',
  },
  {
    name: 'SpoofGuard',
    pipeline: 'IP',
    stage: 'validation',
    miss: 'drop',
    does: 'Lets pass what has the MAC and IP addresses of its port; the gateway is trusted',
  },
  {
    name: 'IPv6',
    pipeline: 'IP',
    family: 'ipv6',
    stage: 'validation',
    miss: 'next',
    does: 'Neighbour discovery and IPv6 multicast are switched',
  },
  {
    name: 'PipelineIPClassifier',
    pipeline: 'IP',
    family: 'ipv4',
    stage: 'validation',
    miss: 'next',
    does: 'Sends IPv4 multicast to its own pipeline',
  },
  {
    name: 'UnSNAT',
    pipeline: 'IP',
    stage: 'conntrack state',
    miss: 'next',
    does: 'Gives replies to an address that sources were translated to back to whom they are for',
  },
  {
    name: 'ConntrackZone',
    pipeline: 'IP',
    stage: 'conntrack state',
    miss: 'next',
    does: 'Sends IP packets through connection tracking and undoes or repeats their translation',
  },
  {
    name: 'ConntrackState',
    pipeline: 'IP',
    stage: 'conntrack state',
    miss: 'next',
    own: true,
    does: 'Drops what fits no connection; packets of known connections skip load balancing',
  },
  {
    name: 'PreRoutingClassifier',
    pipeline: 'IP',
    stage: 'pre-routing',
    miss: 'next',
    does: 'Calls the Service tables one after the other',
  },
  {
    name: 'NodePortMark',
    pipeline: 'IP',
    stage: 'pre-routing',
    miss: 'next',
    does: 'Marks packets to an address that serves node ports',
  },
  {
    name: 'SessionAffinity',
    pipeline: 'IP',
    stage: 'pre-routing',
    miss: 'none',
    does: 'Holds the choices that clients keep; who has none still has to select',
  },
  {
    name: 'ServiceLB',
    pipeline: 'IP',
    stage: 'pre-routing',
    miss: 'next',
    does: 'Finds the Service and its group, which chooses an endpoint; learns choices that are to be kept',
  },
  {
    name: 'DSRServiceMark',
    pipeline: 'IP',
    stage: 'pre-routing',
    miss: 'next',
    does: 'Marks and learns connections whose endpoint answers the client itself',
  },
  {
    name: 'EndpointDNAT',
    pipeline: 'IP',
    stage: 'pre-routing',
    miss: 'next',
    does: 'Translates the destination to the chosen endpoint',
  },
  {
    name: 'AntreaPolicyEgressRule',
    pipeline: 'IP',
    stage: 'egress security',
    miss: 'next',
    does: "Egress rules of Antrea's own policies, all tiers but Baseline",
  },
  {
    name: 'EgressRule',
    pipeline: 'IP',
    stage: 'egress security',
    miss: 'next',
    does: 'Egress rules of Kubernetes NetworkPolicies',
  },
  {
    name: 'EgressDefaultRule',
    pipeline: 'IP',
    stage: 'egress security',
    miss: 'next',
    does: 'Drops what comes from a pod that egress policies close; Baseline egress rules',
  },
  {
    name: 'EgressMetric',
    pipeline: 'IP',
    stage: 'egress security',
    miss: 'next',
    does: 'Counts by egress rule; what a rule denied ends here',
  },
  {
    name: 'L3Forwarding',
    pipeline: 'IP',
    stage: 'routing',
    miss: 'next',
    own: true,
    does: 'Routes: MAC addresses, and the tunnel for other nodes',
  },
  {
    name: 'EgressMark',
    pipeline: 'IP',
    stage: 'routing',
    miss: 'next',
    own: true,
    does: 'Chooses the address with which a packet leaves the cluster, or the node that has it',
  },
  {
    name: 'EgressQoS',
    pipeline: 'IP',
    stage: 'routing',
    miss: 'next',
    does: 'Meters what leaves by an Egress with a bandwidth',
  },
  {
    name: 'L3DecTTL',
    pipeline: 'IP',
    stage: 'routing',
    miss: 'next',
    does: 'Takes one from the TTL, unless the node routed the packet already',
  },
  {
    name: 'SNATMark',
    pipeline: 'IP',
    stage: 'post-routing',
    miss: 'next',
    does: 'Marks new Service connections whose source is to be translated',
  },
  {
    name: 'SNAT',
    pipeline: 'IP',
    stage: 'post-routing',
    miss: 'next',
    does: 'Translates the source, in a zone of its own',
  },
  {
    name: 'L2ForwardingCalc',
    pipeline: 'IP',
    stage: 'switching',
    miss: 'next',
    does: 'Finds the port of the destination MAC',
  },
  {
    name: 'TrafficControl',
    pipeline: 'IP',
    stage: 'switching',
    miss: 'next',
    does: 'Marks what is to be mirrored or redirected',
  },
  {
    name: 'IngressSecurityClassifier',
    pipeline: 'IP',
    stage: 'ingress security',
    miss: 'next',
    does: 'Lets skip the ingress rules what goes to no local pod, and what the node itself sends',
  },
  {
    name: 'AntreaPolicyIngressRule',
    pipeline: 'IP',
    stage: 'ingress security',
    miss: 'next',
    does: "Ingress rules of Antrea's own policies, all tiers but Baseline; DNS replies that rules wait for",
  },
  {
    name: 'IngressRule',
    pipeline: 'IP',
    stage: 'ingress security',
    miss: 'next',
    does: 'Ingress rules of Kubernetes NetworkPolicies',
  },
  {
    name: 'IngressDefaultRule',
    pipeline: 'IP',
    stage: 'ingress security',
    miss: 'next',
    does: 'Drops what goes to a pod that ingress policies close; Baseline ingress rules',
  },
  {
    name: 'IngressMetric',
    pipeline: 'IP',
    stage: 'ingress security',
    miss: 'next',
    does: 'Counts by ingress rule; what a rule denied ends here',
  },
  {
    name: 'ConntrackCommit',
    pipeline: 'IP',
    stage: 'conntrack',
    miss: 'next',
    does: 'Writes new connections down, with where they came from',
  },
  {
    name: 'Output',
    pipeline: 'IP',
    stage: 'output',
    miss: 'drop',
    does: 'Sends the packet out, back, to a mirror, or to the agent',
  },
  {
    name: 'MulticastEgressRule',
    pipeline: 'Multicast',
    family: 'ipv4',
    stage: 'egress security',
    miss: 'next',
    does: "Egress rules of Antrea's own policies for multicast",
  },
  {
    name: 'MulticastEgressMetric',
    pipeline: 'Multicast',
    family: 'ipv4',
    stage: 'egress security',
    miss: 'next',
    does: 'Counts by those rules',
  },
  {
    name: 'MulticastEgressPodMetric',
    pipeline: 'Multicast',
    family: 'ipv4',
    stage: 'egress security',
    miss: 'next',
    does: 'Counts by sending pod',
  },
  {
    name: 'MulticastRouting',
    pipeline: 'Multicast',
    family: 'ipv4',
    stage: 'routing',
    miss: 'next',
    does: 'IGMP to the agent; data to the group of its receivers',
  },
  {
    name: 'MulticastIngressRule',
    pipeline: 'Multicast',
    family: 'ipv4',
    stage: 'ingress security',
    miss: 'next',
    does: "Ingress rules of Antrea's own policies for multicast",
  },
  {
    name: 'MulticastIngressMetric',
    pipeline: 'Multicast',
    family: 'ipv4',
    stage: 'ingress security',
    miss: 'next',
    does: 'Counts by those rules',
  },
  {
    name: 'MulticastIngressPodMetric',
    pipeline: 'Multicast',
    family: 'ipv4',
    stage: 'ingress security',
    miss: 'next',
    does: 'Counts by receiving pod',
  },
  {
    name: 'MulticastOutput',
    pipeline: 'Multicast',
    family: 'ipv4',
    stage: 'output',
    miss: 'drop',
    does: 'Sends it out, but not from the tunnel to the gateway or back',
  },
] as const satisfies readonly Declared[];

export type TableName = (typeof DECLARED)[number]['name'];

/** The tables of a node with these families. */
export class Layout {
  readonly tables: readonly (Omit<Declared, 'family'> & TableInfo & { name: TableName })[];

  constructor(families: readonly Family[]) {
    const all: readonly (Declared & { name: TableName })[] = DECLARED;
    this.tables = all
      .filter(({ family }) => family === undefined || families.includes(family))
      .map(({ family: _, ...table }, number) => ({ ...table, number }));
  }

  has(name: TableName): boolean {
    return this.tables.some((table) => table.name === name);
  }

  number(name: TableName): number {
    const found = this.tables.find((table) => table.name === name);
    if (!found) throw new RangeError(`the node has no table ${name}`);
    return found.number;
  }

  /** The first of these that is there. */
  first(...names: readonly TableName[]): TableName {
    const name = names.find((n) => this.has(n));
    if (name === undefined) throw new RangeError(`the node has none of the tables ${names.join(', ')}`);
    return name;
  }

  /** The table after this one in its pipeline. */
  next(name: TableName): TableName {
    const at = this.number(name);
    const next = this.tables[at + 1];
    if (next?.pipeline !== this.tables[at].pipeline) throw new RangeError(`${name} is the last table of its pipeline`);
    return next.name;
  }
}
