// The v0.10-proxy flows for the node itself, its pods and the other nodes: everything but Services and policies.
import type { LocalPod, NodeState, PeerNode } from '../../../kube/node-state.js';
import { printRef } from '../../../kube/objects.js';
import { arpAnswer } from '../arp.js';
import type { FlowMaker } from '../maker.js';
import { fields as f } from './fields.js';
import { commit, goOn, hexIp, hexMac, HIGH, type Line, lookUp, LOW, MISS, VIRTUAL_MAC, write } from './pen.js';
import { TABLES } from './tables.js';

export function connectivity(state: NodeState, maker: FlowMaker): void {
  missFlows(maker);
  node(state, maker);
  for (const pod of state.pods) localPod(state, pod, maker);
  for (const peer of state.peers) peerNode(state, peer, maker);
}

function missFlows(maker: FlowMaker): void {
  TABLES.forEach((table, i) => {
    const { name, miss } = table;
    if (miss === 'none' || 'own' in table) return;
    // The Service tables are called, and come back: what goes on from SpoofGuard's last table is IP.
    if (miss === 'drop')
      write(maker, { table: name, priority: MISS, actions: ['drop'] }, `${name}: what no flow wants is dropped`);
    else
      write(
        maker,
        { table: name, priority: MISS, actions: [goOn(TABLES[i + 1].name)] },
        `${name}: on to ${TABLES[i + 1].name}`,
      );
  });
}

function toPort(port: number, next: 'IngressRule' | 'ConntrackCommit'): string[] {
  return [f.outputPort.load(port), f.outputFound.load('yes'), goOn(next)];
}

function node({ node: { gateway, tunnel } }: NodeState, maker: FlowMaker): void {
  const line = (draft: Line, why: string): void => write(maker, draft, why);
  const gatewayIp = gateway.ips.ipv4!;
  line(
    {
      table: 'Classification',
      match: `in_port=${gateway.ofport}`,
      actions: [f.source.load('gateway'), goOn('SpoofGuard')],
    },
    'from the gateway',
  );
  line(
    {
      table: 'Classification',
      match: `in_port=${tunnel.ofport}`,
      actions: [f.source.load('tunnel'), f.rewriteMac.load('yes'), goOn('ConntrackZone')],
    },
    'from the tunnel: no spoofing check, MACs are to be rewritten',
  );
  line(
    { table: 'SpoofGuard', match: `ip,in_port=${gateway.ofport}`, actions: [goOn('ServiceHairpin')] },
    'the gateway may route for anybody',
  );
  line(
    {
      table: 'SpoofGuard',
      match: `arp,in_port=${gateway.ofport},arp_spa=${gatewayIp},arp_sha=${gateway.mac}`,
      actions: [goOn('ARPResponder')],
    },
    "the gateway's own ARP",
  );
  line({ table: 'ARPResponder', priority: LOW, match: 'arp', actions: ['NORMAL'] }, 'ARP within the node is switched');
  line({ table: 'ConntrackZone', match: 'ip', actions: [lookUp('ConntrackState')] }, 'look the connection up');

  const known = `ct_state=-new+trk,${f.connection.match('fromGateway')},ip`;
  line(
    {
      table: 'ConntrackState',
      priority: HIGH,
      match: `${known},${f.source.match('gateway')}`,
      actions: [goOn('EndpointDNAT')],
    },
    'further packets of a connection that the gateway opened',
  );
  line(
    {
      table: 'ConntrackState',
      match: known,
      actions: [`load:${hexMac(gateway.mac)}->NXM_OF_ETH_DST[]`, goOn('EndpointDNAT')],
    },
    'replies to a connection that came from the gateway go back to it',
  );
  line(
    { table: 'ConntrackState', priority: LOW, match: 'ct_state=+inv+trk,ip', actions: ['drop'] },
    'no connection fits the packet',
  );
  line(
    { table: 'ConntrackState', priority: MISS, actions: [goOn('SessionAffinity', 'ServiceLB')] },
    'a new connection may be to a Service: two tables in order, the second goes on',
  );

  line(
    { table: 'EgressRule', priority: HIGH, match: 'ct_state=-new+est,ip', actions: [goOn('EgressMetric')] },
    'a connection that was allowed stays allowed',
  );
  line(
    {
      table: 'L3Forwarding',
      match: `ip,dl_dst=${VIRTUAL_MAC},nw_dst=${gatewayIp}`,
      actions: [`mod_dl_dst:${gateway.mac}`, goOn('L2Forwarding')],
    },
    'from the tunnel to the gateway',
  );
  line(
    { table: 'L2Forwarding', match: `dl_dst=${gateway.mac}`, actions: toPort(gateway.ofport, 'IngressRule') },
    'the gateway has this MAC',
  );
  line(
    { table: 'L2Forwarding', match: `dl_dst=${VIRTUAL_MAC}`, actions: toPort(tunnel.ofport, 'IngressRule') },
    'the virtual MAC stands for other nodes: through the tunnel',
  );
  line(
    { table: 'IngressRule', priority: HIGH, match: 'ct_state=-new+est,ip', actions: [goOn('IngressMetric')] },
    'a connection that was allowed stays allowed',
  );
  line(
    { table: 'IngressRule', priority: HIGH, match: `ip,nw_src=${gatewayIp}`, actions: [goOn('ConntrackCommit')] },
    "the node's own packets, as kubelet's probes, are not subject to policies",
  );

  line(
    {
      table: 'ConntrackCommit',
      match: `ct_state=+new+trk,ip,${f.source.match('gateway')}`,
      actions: [commit('HairpinSNAT', { exec: f.connection.load('fromGateway') })],
    },
    'a new connection from the gateway, marked so that its replies go back there',
  );
  line(
    {
      table: 'ConntrackCommit',
      priority: LOW,
      match: `ct_state=+trk,${f.connection.match('toService')},ip,${f.selection.match('selected')}`,
      actions: [goOn('HairpinSNAT')],
    },
    'to a Service: EndpointDNAT has written it down',
  );
  line(
    { table: 'ConntrackCommit', priority: LOW, match: 'ct_state=+new+trk,ip', actions: [commit('HairpinSNAT')] },
    'a new connection',
  );
  line(
    { table: 'Output', match: `ip,${f.outputFound.match('yes')}`, actions: [`output:${f.outputPort.nxm}`] },
    'out of the port that was found',
  );
}

function localPod({ node: { gateway } }: NodeState, { ref, port, mac, ips }: LocalPod, maker: FlowMaker): void {
  const line = (draft: Line, why: string): void => write(maker, { ...draft, category: 'Pod' }, { object: ref, why });
  const name = printRef(ref);
  line(
    {
      table: 'Classification',
      priority: LOW,
      match: `in_port=${port.ofport}`,
      actions: [f.source.load('pod'), goOn('SpoofGuard')],
    },
    `from ${name}`,
  );
  line(
    {
      table: 'SpoofGuard',
      match: `arp,in_port=${port.ofport},arp_spa=${ips.ipv4},arp_sha=${mac}`,
      actions: [goOn('ARPResponder')],
    },
    `${name}'s own ARP`,
  );
  line(
    {
      table: 'SpoofGuard',
      match: `ip,in_port=${port.ofport},dl_src=${mac},nw_src=${ips.ipv4}`,
      actions: [goOn('ServiceHairpin')],
    },
    `${name} with its own addresses`,
  );
  line(
    {
      table: 'L3Forwarding',
      match: `ip,${f.rewriteMac.match('yes')},nw_dst=${ips.ipv4}`,
      actions: [`mod_dl_src:${gateway.mac}`, `mod_dl_dst:${mac}`, 'dec_ttl', goOn('L2Forwarding')],
    },
    `routed to ${name}`,
  );
  line(
    { table: 'L2Forwarding', match: `dl_dst=${mac}`, actions: toPort(port.ofport, 'IngressRule') },
    `${name} has this MAC`,
  );
}

function peerNode(
  { node: { gateway, tunnel } }: NodeState,
  { name, ips, podCidrs, gatewayIps }: PeerNode,
  maker: FlowMaker,
): void {
  if (!ips.ipv4 || !podCidrs.ipv4 || !gatewayIps.ipv4) return;
  const line = (draft: Line, why: string): void =>
    write(maker, { ...draft, category: 'Node' }, { object: { kind: 'Node', name }, why });
  line(
    {
      table: 'ARPResponder',
      match: `arp,arp_tpa=${gatewayIps.ipv4},arp_op=1`,
      actions: arpAnswer(VIRTUAL_MAC, gatewayIps.ipv4),
    },
    `who has ${name}'s gateway: the virtual MAC`,
  );
  line(
    {
      table: 'L3Forwarding',
      match: `ip,nw_dst=${podCidrs.ipv4}`,
      actions: [
        'dec_ttl',
        `mod_dl_src:${gateway.mac}`,
        `mod_dl_dst:${VIRTUAL_MAC}`,
        f.outputPort.load(tunnel.ofport),
        f.outputFound.load('yes'),
        `load:${hexIp(ips.ipv4)}->NXM_NX_TUN_IPV4_DST[]`,
        goOn('ConntrackCommit'),
      ],
    },
    `to the pods of ${name}, through the tunnel`,
  );
}
