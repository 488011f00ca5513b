// The v0.10 flows for the node itself, its pods and the other nodes: everything but policies.
import { addressValue } from '../../../kube/address.js';
import type { NodeState } from '../../../kube/node-state.js';
import { printRef } from '../../../kube/objects.js';
import { arpAnswer } from '../arp.js';
import type { FlowMaker } from '../maker.js';
import type { Origin } from '../types.js';
import { fields as f } from './fields.js';
import { T, TABLES } from './tables.js';

/** Stands for every other node's gateway, and for the own one in packets from the tunnel. */
export const VIRTUAL_MAC = 'aa:bb:cc:dd:ee:ff';
const CT_ZONE = 65520;

const HIGH = 210;
const NORMAL = 200;
const LOW = 190;
const MISS = 0;

const hexMac = (mac: string): string => `0x${BigInt(`0x${mac.replaceAll(':', '')}`).toString(16)}`;
const hexIp = (ip: string): string => `0x${addressValue(ip).toString(16)}`;

export function connectivity(state: NodeState, maker: FlowMaker): void {
  missFlows(maker);
  nodeFlows(state, maker);
  for (const pod of state.pods) podFlows(state, pod, maker);
  for (const peer of state.peers) peerFlows(state, peer, maker);
}

function missFlows(maker: FlowMaker): void {
  TABLES.forEach(({ number, name, miss }, i) => {
    if (miss === 'none') return;
    const next = TABLES[i + 1];
    // Established packets of table 31 and others all go on in order; only output has no next.
    const why = miss === 'drop' ? `${name}: what no flow wants is dropped` : `${name}: on to ${next.name}`;
    maker.flow(
      {
        table: number,
        priority: MISS,
        actions: miss === 'drop' ? 'drop' : `resubmit(,${next.number})`,
        category: 'Default',
      },
      { why },
    );
  });
}

function nodeFlows({ node, serviceCidrs }: NodeState, maker: FlowMaker): void {
  const { gateway, tunnel } = node;
  const gwIp = gateway.ips.ipv4!;
  const flow = (
    table: number,
    priority: number,
    match: string,
    actions: string,
    why: string,
    category = 'Default',
  ): void => maker.flow({ table, priority, match, actions, category }, { why });
  const toGateway = `${f.outputPort.load(gateway.ofport)},${f.outputFound.load('yes')}`;

  flow(
    T.Classifier,
    NORMAL,
    `in_port=${gateway.ofport}`,
    `${f.source.load('gateway')},resubmit(,${T.SpoofGuard})`,
    'from the gateway',
  );
  flow(
    T.Classifier,
    NORMAL,
    `in_port=${tunnel.ofport}`,
    `move:NXM_NX_TUN_METADATA0[28..31]->${f.traceTag.nxm},${f.source.load('tunnel')},${f.rewriteMac.load('yes')},resubmit(,${T.ConntrackZone})`,
    'from the tunnel: no spoofing check, MACs are to be rewritten',
  );
  flow(
    T.SpoofGuard,
    NORMAL,
    `ip,in_port=${gateway.ofport}`,
    `resubmit(,${T.ConntrackZone})`,
    'the gateway may route for anybody',
  );
  flow(
    T.SpoofGuard,
    NORMAL,
    `arp,in_port=${gateway.ofport},arp_spa=${gwIp},arp_sha=${gateway.mac}`,
    `resubmit(,${T.ARPResponder})`,
    "the gateway's own ARP",
  );
  flow(T.ARPResponder, LOW, 'arp', 'NORMAL', 'ARP within the node is switched');
  flow(T.ConntrackZone, NORMAL, 'ip', `ct(table=${T.ConntrackState},zone=${CT_ZONE})`, 'look the connection up');
  const opened = `ct_state=-new+trk,${f.gatewayMark.match('gateway')},ip`;
  flow(
    T.ConntrackState,
    HIGH,
    `${opened},${f.source.match('gateway')}`,
    `resubmit(,${T.DNAT})`,
    'further packets of a connection that the gateway opened',
  );
  flow(
    T.ConntrackState,
    NORMAL,
    opened,
    `load:${hexMac(gateway.mac)}->NXM_OF_ETH_DST[],resubmit(,${T.DNAT})`,
    'replies to a connection that came from the gateway go back to it, where its NAT is undone',
  );
  flow(T.ConntrackState, LOW, 'ct_state=+inv+trk,ip', 'drop', 'no connection fits the packet');
  if (serviceCidrs.ipv4 !== undefined) {
    flow(
      T.DNAT,
      NORMAL,
      `ip,nw_dst=${serviceCidrs.ipv4}`,
      `mod_dl_dst:${gateway.mac},${toGateway},resubmit(,${T.ConntrackCommit})`,
      'to a Service: kube-proxy in the node chooses the endpoint',
      'Service',
    );
  }
  flow(
    T.EgressRule,
    HIGH,
    'ct_state=-new+est,ip',
    `resubmit(,${T.L3Forwarding})`,
    'a connection that was allowed stays allowed',
  );
  flow(
    T.L3Forwarding,
    NORMAL,
    `ip,dl_dst=${VIRTUAL_MAC},nw_dst=${gwIp}`,
    `mod_dl_dst:${gateway.mac},resubmit(,${T.L2ForwardingCalc})`,
    'from the tunnel to the gateway',
  );
  flow(
    T.L2ForwardingCalc,
    NORMAL,
    `dl_dst=${gateway.mac}`,
    `${toGateway},resubmit(,${T.IngressRule})`,
    'the gateway has this MAC',
  );
  flow(
    T.IngressRule,
    HIGH,
    'ct_state=-new+est,ip',
    `resubmit(,${T.ConntrackCommit})`,
    'a connection that was allowed stays allowed',
  );
  flow(
    T.IngressRule,
    HIGH,
    `ip,nw_src=${gwIp}`,
    `resubmit(,${T.ConntrackCommit})`,
    "the node's own packets, as kubelet's probes, are not subject to policies",
  );
  flow(
    T.ConntrackCommit,
    NORMAL,
    `ct_state=+new+trk,ip,${f.source.match('gateway')}`,
    `ct(commit,table=${T.L2ForwardingOut},zone=${CT_ZONE},exec(${f.gatewayMark.load('gateway')}))`,
    'a new connection from the gateway, marked so that its replies go back there',
  );
  flow(
    T.ConntrackCommit,
    LOW,
    'ct_state=+new+trk,ip',
    `ct(commit,table=${T.L2ForwardingOut},zone=${CT_ZONE})`,
    'a new connection',
  );
  flow(
    T.L2ForwardingOut,
    NORMAL,
    `ip,${f.outputFound.match('yes')}`,
    `output:${f.outputPort.nxm}`,
    'out of the port that was found',
  );
}

function podFlows({ node }: NodeState, { ref, port, mac, ips }: NodeState['pods'][number], maker: FlowMaker): void {
  const name = printRef(ref);
  const flow = (table: number, priority: number, match: string, actions: string, why: string): void =>
    maker.flow({ table, priority, match, actions, category: 'Pod' }, { object: ref, why });
  const { ipv4 } = ips;
  flow(
    T.Classifier,
    LOW,
    `in_port=${port.ofport}`,
    `${f.source.load('pod')},resubmit(,${T.SpoofGuard})`,
    `from ${name}`,
  );
  flow(
    T.SpoofGuard,
    NORMAL,
    `arp,in_port=${port.ofport},arp_spa=${ipv4},arp_sha=${mac}`,
    `resubmit(,${T.ARPResponder})`,
    `${name}'s own ARP`,
  );
  flow(
    T.SpoofGuard,
    NORMAL,
    `ip,in_port=${port.ofport},dl_src=${mac},nw_src=${ipv4}`,
    `resubmit(,${T.ConntrackZone})`,
    `${name} with its own addresses`,
  );
  flow(
    T.L3Forwarding,
    NORMAL,
    `ip,dl_dst=${VIRTUAL_MAC},nw_dst=${ipv4}`,
    `mod_dl_src:${node.gateway.mac},mod_dl_dst:${mac},dec_ttl,resubmit(,${T.L2ForwardingCalc})`,
    `from the tunnel to ${name}`,
  );
  flow(
    T.L2ForwardingCalc,
    NORMAL,
    `dl_dst=${mac}`,
    `${f.outputPort.load(port.ofport)},${f.outputFound.load('yes')},resubmit(,${T.IngressRule})`,
    `${name} has this MAC`,
  );
}

function peerFlows(
  { node }: NodeState,
  { name, ips, podCidrs, gatewayIps }: NodeState['peers'][number],
  maker: FlowMaker,
): void {
  if (!ips.ipv4 || !podCidrs.ipv4 || !gatewayIps.ipv4) return;
  const origin = (why: string): Origin => ({ object: { kind: 'Node', name }, why });
  maker.flow(
    {
      table: T.ARPResponder,
      priority: NORMAL,
      match: `arp,arp_tpa=${gatewayIps.ipv4},arp_op=1`,
      category: 'Node',
      actions: arpAnswer(VIRTUAL_MAC, gatewayIps.ipv4).join(','),
    },
    origin(`who has ${name}'s gateway: the virtual MAC`),
  );
  maker.flow(
    {
      table: T.L3Forwarding,
      priority: NORMAL,
      match: `ip,nw_dst=${podCidrs.ipv4}`,
      category: 'Node',
      actions: [
        'dec_ttl',
        `mod_dl_src:${node.gateway.mac}`,
        `mod_dl_dst:${VIRTUAL_MAC}`,
        f.outputPort.load(node.tunnel.ofport),
        f.outputFound.load('yes'),
        `load:${hexIp(ips.ipv4)}->NXM_NX_TUN_IPV4_DST[]`,
        `resubmit(,${T.ConntrackCommit})`,
      ].join(','),
    },
    origin(`to the pods of ${name}, through the tunnel`),
  );
}
