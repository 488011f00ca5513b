// The whole cluster with everything given that an object may leave open: nodes, pods with addresses and ports, Services
// with endpoints. Made by resolve.ts; node.ts makes one node's view of it.
import type { Addresses, Endpoint, LocalPod, PeerNode, ServicePort, SwitchPortRef } from '../node-state.js';
import type { ObjectSet } from '../objects.js';
import type { Labels } from '../select.js';
import type { Claims } from './claims.js';

export interface ClusterConfig {
  podCidrs: Addresses;
  serviceCidrs: Addresses;
  gateway: SwitchPortRef;
  tunnel: SwitchPortRef;
}

export interface ClusterNode extends PeerNode {
  gatewayMac: string;
  /** Of the device on the underlay; absent: not said. */
  mac?: string;
  labels: Labels;
  annotations: Labels;
  schedulable: boolean;
}

export interface NamedPort {
  name: string;
  protocol: 'tcp' | 'udp' | 'sctp';
  port: number;
}

export interface ClusterPod extends LocalPod {
  node: string;
  /** It has the node's addresses and no port on the switch. */
  hostNetwork: boolean;
  ready: boolean;
  terminating: boolean;
  namedPorts: readonly NamedPort[];
  annotations: Labels;
}

export interface HeadlessService {
  /** `namespace/name`. */
  name: string;
  ips: readonly string[];
}

export interface Cluster {
  config: ClusterConfig;
  nodes: readonly ClusterNode[];
  pods: readonly ClusterPod[];
  namespaces: ReadonlyMap<string, Labels>;
  services: readonly ServicePort[];
  headless: readonly HeadlessService[];
  objects: ObjectSet;
  claims: Claims;
  /** What the objects say that cannot be so: one sentence each. */
  complaints: readonly string[];
  /** Equal in clusters whose nodes, pods and Services come from the same objects. */
  basis: string;
}

export type { Endpoint };
