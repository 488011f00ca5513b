// Random pipelines and packets that Open vSwitch accepts: flows of five tables, each going only forward, whose matches
// and actions are drawn from few values, so that packets do meet them.
import type { Random } from './random.js';

export const PIPELINE_PORTS = {
  bridge: 'br0',
  tlv_map: '{class=0x0104,type=0x80,len=4}->tun_metadata0',
  ports: [
    { name: 'p-1', ofport: 1 },
    { name: 'p-2', ofport: 2 },
    { name: 'p-3', ofport: 3 },
    { name: 'tun-0', ofport: 10, type: 'geneve', options: { csum: 'true', key: 'flow', remote_ip: 'flow' } },
  ],
};

const LAST_TABLE = 4;
const IPS = ['192.0.2.1', '192.0.2.77', '198.51.100.7', '203.0.113.250'];
const MACS = ['02:00:00:00:00:01', '02:00:00:00:00:02', 'ff:ff:ff:ff:ff:ff'];
const PORTS = [1, 53, 80, 443];
const IP6S = ['2001:db8::1', '2001:db8:1::7', 'fe80::1'];
const PROTOCOLS = ['', 'ip', 'tcp', 'udp', 'icmp', 'arp', 'ipv6', 'tcp6', 'icmp6'] as const;
type Protocol = (typeof PROTOCOLS)[number];

const isIpv4 = (p: Protocol): boolean => ['ip', 'tcp', 'udp', 'icmp'].includes(p);
const isIpv6 = (p: Protocol): boolean => ['ipv6', 'tcp6', 'icmp6'].includes(p);
const transport = (p: Protocol): string | undefined =>
  p === 'udp' ? 'udp' : p === 'tcp' || p === 'tcp6' ? 'tcp' : undefined;

function match(r: Random, protocol: Protocol): string[] {
  const terms: string[] = protocol ? [protocol] : [];
  const prefix = (): string => `${r.pick(IPS)}/${r.pick([32, 24, 25, 8])}`;
  if (r.chance(4)) terms.push(`in_port=${r.pick([1, 2, 10])}`);
  if (r.chance(6)) terms.push(`dl_dst=${r.pick(MACS)}`);
  if (r.chance(8)) terms.push(`reg${r.below(3)}=${r.below(4)}/${1 + r.below(7)}`);
  if (r.chance(10)) terms.push(`dl_vlan=${5 + r.below(2)}`);
  if (r.chance(12)) terms.push('ct_state=+trk-new');
  if (r.chance(12)) terms.push('ct_state=+trk+new', `ct_mark=${r.below(2)}/1`);
  if (isIpv4(protocol)) {
    if (r.chance(3)) terms.push(`nw_src=${prefix()}`);
    if (r.chance(3)) terms.push(`nw_dst=${prefix()}`);
    if (r.chance(8)) terms.push(`nw_ttl=${r.pick([30, 64])}`);
  }
  // No prefixes of IPv6 addresses: Open vSwitch 3.1 has tries for IPv4 alone, and looks at more bits than packetwalk
  // does.
  if (isIpv6(protocol) && r.chance(4)) terms.push(`ipv6_label=${r.below(2)}`);
  if (transport(protocol)) {
    if (r.chance(3)) terms.push(`tp_dst=${r.chance(3) ? '0x40/0xffc0' : r.pick(PORTS)}`);
    if (r.chance(8)) terms.push(`tp_src=${r.pick(PORTS)}`);
  }
  if (protocol === 'arp') {
    if (r.chance(3)) terms.push(`arp_tpa=${prefix()}`);
    // Not arp_op or icmp_type: for OVS they are nw_proto and tp_src, so that a lookup of one looks at the other, too.
    // packetwalk keeps them apart, and looks at fewer bits.
    if (r.chance(4)) terms.push(`arp_sha=${r.pick(MACS)}`);
  }
  return terms;
}

function action(r: Random, protocol: Protocol, table: number): string {
  const choices: (() => string)[] = [
    () => `output:${r.pick([1, 2, 3])}`,
    () => `output:${r.pick([1, 2, 3])}`,
    () => 'IN_PORT',
    () => `load:${r.below(8)}->NXM_NX_REG${r.below(3)}[${r.pick(['', '0..3', '4..7'])}]`,
    () => `move:NXM_NX_REG${r.below(3)}[0..3]->NXM_NX_REG${r.below(3)}[8..11]`,
    () => `load:${1 + r.below(3)}->NXM_NX_REG2[],output:NXM_NX_REG2[]`,
    () => `mod_dl_src:${r.pick(MACS.slice(0, 2))}`,
    () => `mod_dl_dst:${r.pick(MACS.slice(0, 2))}`,
    () => 'move:NXM_OF_ETH_SRC[]->NXM_OF_ETH_DST[]',
    () => 'push:NXM_NX_REG1[0..15],push:NXM_OF_ETH_SRC[],pop:NXM_OF_ETH_DST[],pop:NXM_NX_REG0[16..31]',
    () => `mod_vlan_vid:${r.pick([5, 9])}`,
    () => 'strip_vlan',
    () => `load:${r.below(2)}->NXM_NX_PKT_MARK[]`,
    () => 'note:00.01.02',
    () => 'ct_clear',
    () => 'load:0xcb007107->NXM_NX_TUN_IPV4_DST[],output:10',
    () => `set_tunnel:${r.below(3)}`,
    () => `set_field:${r.below(3)}/0xf->tun_metadata0`,
    () => 'move:NXM_NX_TUN_METADATA0[0..3]->NXM_NX_REG1[4..7]',
    () => `clone(load:${r.below(4)}->NXM_NX_REG1[],mod_dl_dst:${r.pick(MACS)},output:${r.pick([1, 2, 3])})`,
  ];
  if (table < LAST_TABLE) {
    const next = table + 1 + r.below(LAST_TABLE - table);
    choices.push(
      () => `resubmit(,${next})`,
      () => `resubmit(,${next})`,
      () => `resubmit(,${next})`,
      () => `resubmit(2,${next})`,
    );
    if (isIpv4(protocol) || isIpv6(protocol)) {
      choices.push(
        () => `ct(table=${next},zone=${r.below(3)})`,
        () => `ct(commit,zone=7,exec(load:${r.below(3)}->NXM_NX_CT_MARK[0..3]))`,
      );
      choices.push(() => `ct(commit,table=${next},zone=NXM_NX_REG0[0..15])`);
    }
  }
  if (isIpv4(protocol)) {
    choices.push(
      () => 'dec_ttl',
      () => `mod_nw_dst:${r.pick(IPS)}`,
      () => `mod_nw_src:${r.pick(IPS)}`,
      () => `mod_nw_tos:${r.pick([32, 64])}`,
    );
    choices.push(
      () => `load:${r.below(256)}->NXM_OF_IP_DST[0..7]`,
      () => 'move:NXM_OF_IP_SRC[0..7]->NXM_NX_REG1[0..7]',
    );
  }
  if (protocol === 'tcp' || protocol === 'udp')
    choices.push(
      () => `mod_tp_dst:${r.pick(PORTS)}`,
      () => `mod_tp_src:${r.pick(PORTS)}`,
    );
  if (protocol === 'arp') {
    choices.push(
      () => `load:${1 + r.below(2)}->NXM_OF_ARP_OP[]`,
      () => 'move:NXM_NX_ARP_SHA[]->NXM_NX_ARP_THA[]',
    );
    choices.push(
      () => 'move:NXM_OF_ARP_SPA[]->NXM_OF_ARP_TPA[]',
      () => 'NORMAL',
      () => 'FLOOD',
    );
  }
  return r.pick(choices)();
}

/** Priorities differ, so that there is one answer. */
export function randomPipeline(r: Random, flowsPerTable = 12): string[] {
  const flows: string[] = [];
  for (let table = 0; table <= LAST_TABLE; table++) {
    for (let i = 0; i < flowsPerTable; i++) {
      const protocol = r.pick(PROTOCOLS);
      const terms = [`table=${table}`, `priority=${1000 - 10 * i}`, ...match(r, protocol)];
      const count = 1 + r.below(4);
      const actions = Array.from({ length: count }, () => action(r, protocol, table));
      flows.push(`${terms.join(',')} actions=${r.chance(20) ? 'drop' : actions.join(',')}`);
    }
    if (table < LAST_TABLE) flows.push(`table=${table},priority=0 actions=resubmit(,${table + 1})`);
  }
  return flows;
}

/** In ofproto/trace's syntax. */
export function randomPacket(r: Random): string {
  const protocol = r.pick(PROTOCOLS.slice(2));
  const fromTunnel = r.chance(6);
  const terms: string[] = [protocol, `in_port=${fromTunnel ? 10 : r.pick([1, 2])}`];
  if (fromTunnel) terms.push('tun_src=203.0.113.1', 'tun_dst=203.0.113.2', 'tun_id=0');
  terms.push(`dl_src=${r.pick(MACS.slice(0, 2))}`, `dl_dst=${r.pick(MACS)}`);
  if (r.chance(4)) terms.push(`dl_vlan=${r.pick([5, 6])}`, `dl_vlan_pcp=${r.below(8)}`);
  if (isIpv4(protocol))
    terms.push(`nw_src=${r.pick(IPS)}`, `nw_dst=${r.pick(IPS)}`, `nw_ttl=${r.pick([30, 64])}`, `nw_ecn=${r.below(4)}`);
  if (isIpv6(protocol)) terms.push(`ipv6_src=${r.pick(IP6S)}`, `ipv6_dst=${r.pick(IP6S)}`, 'nw_ttl=64');
  const l4 = transport(protocol);
  if (l4) terms.push(`${l4}_src=${r.pick(PORTS)}`, `${l4}_dst=${r.pick(PORTS)}`);
  if (protocol === 'icmp') terms.push(`icmp_type=${r.pick([0, 8])}`);
  if (protocol === 'arp')
    terms.push(
      `arp_op=${1 + r.below(2)}`,
      `arp_spa=${r.pick(IPS)}`,
      `arp_tpa=${r.pick(IPS)}`,
      `arp_sha=${r.pick(MACS)}`,
    );
  return terms.join(',');
}
