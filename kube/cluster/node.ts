// One node's view of a resolved cluster: its own pods, the other nodes, Services, and the policies as rules for its
// pods. Handed to a pipeline.
import { InputError } from '../../dataplane/errors.js';
import type { Family } from '../address.js';
import type { EgressState, LocalPod, NodeState, TrafficControlState } from '../node-state.js';
import { printRef, refOf } from '../objects.js';
import { antreaRules } from '../policy/antrea.js';
import { k8sRules } from '../policy/k8s.js';
import { Peers } from '../policy/peers.js';
import type { Cluster, ClusterPod } from './types.js';

/** Throws InputError when the cluster has no such node. `peers` may be shared by the nodes of one cluster. */
export function nodeState(cluster: Cluster, name: string, peers = new Peers(cluster)): NodeState {
  const node = cluster.nodes.find((n) => n.name === name);
  if (!node) {
    const known = cluster.nodes.map((n) => n.name).join(', ') || 'no Node object at all';
    throw new InputError('ENODE', `expected a node of the objects (${known}), got ${name}`);
  }
  const { config } = cluster;
  const view = peers.once(`view of ${name}`, () => {
    const pods = cluster.pods.filter((pod) => pod.node === name && !pod.hostNetwork).map(localPod);
    return {
      pods,
      local: new Map(pods.map((pod) => [printRef(pod.ref), pod])),
      node: {
        name,
        ips: node.ips,
        podCidrs: node.podCidrs,
        gateway: { ...config.gateway, mac: node.gatewayMac, ips: node.gatewayIps },
        tunnel: config.tunnel,
        labels: node.labels,
      },
      peers: cluster.nodes
        .filter((n) => n !== node)
        .map(({ name: peer, ips, podCidrs, gatewayIps }) => ({ name: peer, ips, podCidrs, gatewayIps })),
    };
  });
  const { rules, isolated } = k8sRules(peers, view.local);
  return {
    node: view.node,
    peers: view.peers,
    pods: view.pods,
    services: cluster.services,
    rules: [...rules, ...antreaRules(peers, view.local)],
    isolated,
    egresses: peers.steady(`egresses of ${name}`, egresses(peers, view.local)),
    trafficControls: peers.steady(`traffic controls of ${name}`, trafficControls(peers, view.local)),
    families: (['ipv4', 'ipv6'] as const).filter((family: Family) => config.podCidrs[family] !== undefined),
    podCidrs: config.podCidrs,
    serviceCidrs: config.serviceCidrs,
    zone: node.labels['topology.kubernetes.io/zone'],
  };
}

function localPod({ ref, port, mac, ips, labels }: ClusterPod): LocalPod {
  return { ref, port, mac, ips, labels };
}

function localOf(pods: readonly ClusterPod[], local: ReadonlyMap<string, LocalPod>): LocalPod[] {
  return pods.flatMap((pod) => local.get(printRef(pod.ref)) ?? []);
}

function egresses(peers: Peers, local: ReadonlyMap<string, LocalPod>): EgressState[] {
  return peers.cluster.objects.of('Egress').flatMap((egress) => {
    const { spec, status } = egress;
    const egressIp = spec.egressIP ?? status?.egressIP;
    if (egressIp === undefined) return [];
    const pods = localOf(peers.pods(spec.appliedTo), local);
    const bandwidth = spec.bandwidth && {
      rateKbps: kilobits(spec.bandwidth.rate),
      burstKbits: kilobits(spec.bandwidth.burst),
    };
    return [{ ref: refOf(egress), egressIp, node: status?.egressNode, pods, bandwidth }];
  });
}

/** Kubernetes quantities of bits: 500k, 10M, 1G, or a bare number. */
function kilobits(quantity: string): number {
  const m = /^(\d+(?:\.\d+)?)(k|M|G)?$/.exec(quantity);
  if (!m) throw new InputError('EQUANTITY', `expected a quantity such as 500k or 10M, got ${quantity}`);
  const factor = { k: 1, M: 1000, G: 1_000_000 }[m[2] ?? ''] ?? 0.001;
  return Math.round(Number(m[1]) * factor);
}

function trafficControls(peers: Peers, local: ReadonlyMap<string, LocalPod>): TrafficControlState[] {
  return peers.cluster.objects.of('TrafficControl').map((control) => {
    const { appliedTo, direction, action, targetPort, returnPort } = control.spec;
    return {
      ref: refOf(control),
      pods: localOf(peers.pods(appliedTo), local),
      direction,
      action,
      targetPort,
      returnPort,
    };
  });
}
