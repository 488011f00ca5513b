// What one node's agent knows, computed from the cluster's objects: the value that a pipeline turns into flows. Plain
// data in a stable order, without selectors or templates left to resolve. Made by cluster/; read by flows/antrea/*.
import type { Family } from './address.js';
import type { Kind } from './schema/index.js';

/** An object, for the question where a flow comes from. */
export interface ObjectRef {
  kind: Kind;
  namespace?: string;
  name: string;
}

/** At least one family is there. */
export type Addresses = { readonly [family in Family]?: string };

export interface SwitchPortRef {
  name: string;
  ofport: number;
}

export interface LocalNode {
  name: string;
  /** Of the node on the underlay. */
  ips: Addresses;
  podCidrs: Addresses;
  gateway: SwitchPortRef & { mac: string; ips: Addresses };
  tunnel: SwitchPortRef;
  labels: Readonly<Record<string, string>>;
}

/** Another node, reached through the tunnel. */
export interface PeerNode {
  name: string;
  ips: Addresses;
  podCidrs: Addresses;
  gatewayIps: Addresses;
}

/** A pod with a port on this node's switch. */
export interface LocalPod {
  ref: ObjectRef;
  port: SwitchPortRef;
  mac: string;
  ips: Addresses;
  labels: Readonly<Record<string, string>>;
}

export type L4Protocol = 'tcp' | 'udp' | 'sctp';

export interface Endpoint {
  ip: string;
  port: number;
  /** Where it runs, if that is known. */
  node?: string;
  pod?: ObjectRef;
  ready: boolean;
  /** Still answers while it goes away. */
  serving: boolean;
  terminating: boolean;
  /** Topology hints: zones that it is for. */
  forZones?: readonly string[];
}

/** One port of a Service in one address family. Headless Services and ExternalName have none. */
export interface ServicePort {
  ref: ObjectRef;
  /** `namespace/name:port`; the colon stays when the port has no name. */
  name: string;
  portName?: string;
  family: Family;
  protocol: L4Protocol;
  type: 'ClusterIP' | 'NodePort' | 'LoadBalancer';
  clusterIp: string;
  port: number;
  nodePort?: number;
  externalIps: readonly string[];
  loadBalancerIps: readonly string[];
  loadBalancerSourceRanges: readonly string[];
  externalTrafficPolicy: 'Cluster' | 'Local';
  internalTrafficPolicy: 'Cluster' | 'Local';
  /** Seconds; absent: no session affinity. */
  affinitySeconds?: number;
  annotations: Readonly<Record<string, string>>;
  /** In the order of the endpoints' lists; ready or not. usableEndpoints() chooses. */
  endpoints: readonly Endpoint[];
}

/** What a rule's port list says, one entry each. */
export type PortMatch =
  | { protocol: L4Protocol; from?: number; to?: number; sourceFrom?: number; sourceTo?: number }
  | { protocol: 'icmp'; type?: number; code?: number }
  | { protocol: 'igmp' };

export type RuleAction = 'Allow' | 'Drop' | 'Reject' | 'Pass';
export type Direction = 'ingress' | 'egress';

/**
 * One rule of a policy, resolved for this node. A K8s direction without rules is one with no peers, which never
 * matches.
 */
export interface PolicyRule {
  /** The same after every change that leaves the rule what it is. */
  id: string;
  policy: ObjectRef;
  /** As the user may know it: Antrea's rule name, or `ingress[0]`. */
  name: string;
  source: 'k8s' | 'antrea';
  direction: Direction;
  action: RuleAction;
  /** Antrea's only: lower wins. */
  tier?: { name: string; priority: number };
  priority?: number;
  /** Position in the policy's list for this direction; lower wins among Antrea's. */
  index: number;
  /** Addresses and networks in text, sorted; both families. `any`: no clause needed. */
  peers: 'any' | readonly string[];
  /** Antrea's egress toServices: the ports of these Services, in place of `peers`. */
  toServices?: readonly ObjectRef[];
  /** Names whose addresses are learnt from DNS replies. */
  fqdns?: readonly string[];
  /** Local pods that it applies to. */
  pods: readonly LocalPod[];
  /** Antrea's: applied to these Services (NodePort) in place of pods. */
  appliedToServices?: readonly ObjectRef[];
  ports: 'any' | readonly PortMatch[];
  log: boolean;
  logLabel?: string;
}

/** A local pod that K8s policies close in a direction: what no rule allows is dropped. */
export interface Isolation {
  pod: LocalPod;
  direction: Direction;
  policies: readonly ObjectRef[];
}

export interface EgressState {
  ref: ObjectRef;
  egressIp: string;
  /** The node that has the address, if one has. */
  node?: string;
  pods: readonly LocalPod[];
  /** Every pod of the cluster that it applies to: on the address's own node they come through the tunnel. */
  bandwidth?: { rateKbps: number; burstKbits: number };
}

export interface TrafficControlState {
  ref: ObjectRef;
  pods: readonly LocalPod[];
  direction: 'Ingress' | 'Egress' | 'Both';
  action: 'Mirror' | 'Redirect';
  targetPort: unknown;
  returnPort?: unknown;
}

export interface NodeState {
  node: LocalNode;
  /** In the order of their names. */
  peers: readonly PeerNode[];
  pods: readonly LocalPod[];
  services: readonly ServicePort[];
  rules: readonly PolicyRule[];
  isolated: readonly Isolation[];
  egresses: readonly EgressState[];
  trafficControls: readonly TrafficControlState[];
  families: readonly Family[];
  podCidrs: Addresses;
  serviceCidrs: Addresses;
  /** This node's topology zone (label topology.kubernetes.io/zone). */
  zone?: string;
}
