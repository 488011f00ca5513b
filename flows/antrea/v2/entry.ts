// Where packets come in: PipelineRootClassifier, the ARP tables, Classifier, SpoofGuard, IPv6, PipelineIPClassifier.
import { printRef } from '../../../kube/objects.js';
import { type Context, HIGH, LOW, of, VIRTUAL_MAC } from './context.js';
import type { FamilyWords } from './families.js';
import { fields as f } from './fields.js';
import type { TableName } from './tables.js';

const MULTICAST = '224.0.0.0/4';

export function entry(c: Context): void {
  for (const { ip } of c.families) {
    c.flow(
      { table: 'PipelineRootClassifier', match: ip, actions: c.goto('Classifier'), category: 'Default' },
      `${ip} has its own pipeline`,
    );
  }
  if (c.layout.has('ARPSpoofGuard')) arp(c);
  classifier(c);
  spoofGuard(c);
  if (c.layout.has('IPv6')) ipv6(c);
  if (c.layout.has('PipelineIPClassifier')) {
    c.flow(
      {
        table: 'PipelineIPClassifier',
        priority: HIGH,
        match: `ip,nw_dst=${MULTICAST}`,
        actions: c.resubmit('MulticastEgressRule'),
        category: 'Default',
      },
      'multicast has its own pipeline',
    );
  }
}

function arp(c: Context): void {
  const { node, pods, peers } = c.state;
  c.flow(
    { table: 'PipelineRootClassifier', match: 'arp', actions: c.goto('ARPSpoofGuard'), category: 'Default' },
    'ARP has its own pipeline',
  );
  const own = (port: number, ip: string, mac: string) =>
    ({
      table: 'ARPSpoofGuard',
      match: `arp,in_port=${port},arp_spa=${ip},arp_sha=${mac}`,
      actions: c.goto('ARPResponder'),
      category: 'PodConnectivity',
    }) as const;
  c.flow(own(node.gateway.ofport, node.gateway.ips.ipv4!, node.gateway.mac), "the gateway's own ARP");
  for (const { ref, port, ips, mac } of pods)
    if (ips.ipv4) c.flow(own(port.ofport, ips.ipv4, mac), of(ref, `${printRef(ref)}'s own ARP`));
  c.flow(
    { table: 'ARPResponder', priority: LOW, match: 'arp', actions: 'NORMAL', category: 'PodConnectivity' },
    'ARP within the node is switched',
  );
  for (const { name, gatewayIps } of peers) {
    if (!gatewayIps.ipv4) continue;
    c.flow(
      {
        table: 'ARPResponder',
        match: `arp,arp_tpa=${gatewayIps.ipv4},arp_op=1`,
        category: 'PodConnectivity',
        actions: [
          'move:NXM_OF_ETH_SRC[]->NXM_OF_ETH_DST[]',
          `set_field:${VIRTUAL_MAC}->eth_src`,
          'set_field:2->arp_op',
          'move:NXM_NX_ARP_SHA[]->NXM_NX_ARP_THA[]',
          `set_field:${VIRTUAL_MAC}->arp_sha`,
          'move:NXM_OF_ARP_SPA[]->NXM_OF_ARP_TPA[]',
          `set_field:${gatewayIps.ipv4}->arp_spa`,
          'IN_PORT',
        ],
      },
      of({ kind: 'Node', name }, `who has ${name}'s gateway: the virtual MAC`),
    );
  }
}

function classifier(c: Context): void {
  const {
    node: { gateway, tunnel },
    pods,
  } = c.state;
  const table = 'Classifier';
  const on = c.goto('SpoofGuard');
  for (const { family, ip, src } of c.families) {
    c.flow(
      {
        table,
        priority: HIGH,
        match: `${ip},in_port=${gateway.ofport},${src}=${gateway.ips[family]}`,
        actions: [
          f.source.set('gateway'),
          f.fromLocal.set('yes'),
          c.agent.gatewayWithoutMarks ? f.fromNode.set('yes') : '',
          on,
        ],
        category: 'PodConnectivity',
      },
      "from the node itself: the gateway's own address",
    );
  }
  c.flow(
    {
      table,
      match: `in_port=${gateway.ofport}`,
      actions: [f.source.set('gateway'), f.fromExternal.set('yes'), on],
      category: 'PodConnectivity',
    },
    'from outside of the cluster, through the gateway',
  );
  c.flow(
    {
      table,
      match: `in_port=${tunnel.ofport}`,
      actions: [f.source.set('tunnel'), f.rewriteMac.set('yes'), c.goto('UnSNAT')],
      category: 'PodConnectivity',
    },
    'from another node: it has checked the source',
  );
  for (const { ref, port } of pods) {
    c.flow(
      {
        table,
        priority: LOW,
        match: `in_port=${port.ofport}`,
        actions: [f.source.set('pod'), f.fromLocal.set('yes'), on],
        category: 'PodConnectivity',
      },
      of(ref, `from ${printRef(ref)}`),
    );
  }
  if (!c.layout.has('MulticastEgressRule')) return;
  c.flow(
    { table, match: 'in_port=CONTROLLER', actions: c.goto(afterSpoofGuard(c)), category: 'Multicast' },
    "the agent's own packets: IGMP reports to other nodes",
  );
  c.flow(
    {
      table,
      priority: HIGH,
      match: `ip,in_port=${tunnel.ofport},nw_dst=${MULTICAST}`,
      actions: [f.source.set('tunnel'), c.goto('MulticastEgressRule')],
      category: 'Multicast',
    },
    'multicast from another node',
  );
}

function afterSpoofGuard(c: Context): TableName {
  return c.layout.first('IPv6', 'PipelineIPClassifier', 'UnSNAT');
}

/** IPv4 has nothing to do in the table IPv6. */
function afterSpoof(c: Context, { family }: FamilyWords): TableName {
  return family === 'ipv6' ? 'IPv6' : c.layout.first('PipelineIPClassifier', 'UnSNAT');
}

function spoofGuard(c: Context): void {
  const { node, pods } = c.state;
  const table = 'SpoofGuard';
  for (const words of c.families) {
    const actions = c.goto(afterSpoof(c, words));
    if (words.family === 'ipv6') {
      c.flow(
        { table, match: 'ipv6,ipv6_src=fe80::/10', actions, category: 'PodConnectivity' },
        'link-local addresses are not known beforehand',
      );
    }
    c.flow(
      { table, match: `${words.ip},in_port=${node.gateway.ofport}`, actions, category: 'PodConnectivity' },
      'the gateway may route for anybody',
    );
    for (const { ref, port, mac, ips } of pods) {
      const ip = ips[words.family];
      if (ip === undefined) continue;
      c.flow(
        {
          table,
          match: `${words.ip},in_port=${port.ofport},dl_src=${mac},${words.src}=${ip}`,
          actions,
          category: 'PodConnectivity',
        },
        of(ref, `${printRef(ref)} with its own addresses`),
      );
    }
  }
}

function ipv6(c: Context): void {
  const normal = (match: string, why: string): void =>
    c.flow({ table: 'IPv6', match, actions: 'NORMAL', category: 'PodConnectivity' }, why);
  normal('icmp6,icmp_type=135,icmp_code=0', 'neighbour solicitations are switched');
  normal('icmp6,icmp_type=136,icmp_code=0', 'neighbour advertisements are switched');
  normal('ipv6,ipv6_dst=ff00::/8', 'IPv6 multicast is switched');
}
