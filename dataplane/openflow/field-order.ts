// The order in which Open vSwitch counts its fields: a group prints and hashes the fields that it was given in this
// order. Used by the group parser.
import type { Field } from '../key/fields.js';

const numbered = (prefix: string, count: number): string[] => [...Array(count).keys()].map((i) => `${prefix}${i}`);
const endpoints = (...protocols: string[]): string[] => protocols.flatMap((p) => [`${p}_src`, `${p}_dst`]);

const ORDER = [
  ...['dp_hash', 'recirc_id', 'conj_id', 'tun_id', 'tun_src', 'tun_dst', 'tun_ipv6_src', 'tun_ipv6_dst', 'tun_flags'],
  ...['tun_gbp_id', 'tun_gbp_flags', ...numbered('tun_metadata', 64), 'metadata', 'in_port_of10', 'in_port'],
  ...['actset_output', 'pkt_mark', 'ct_state', 'ct_zone', 'ct_mark', 'ct_label', 'ct_nw_proto'],
  ...endpoints('ct_nw', 'ct_ipv6', 'ct_tp'),
  ...[...numbered('reg', 16), ...numbered('xreg', 8), ...numbered('xxreg', 4)],
  ...['dl_src', 'dl_dst', 'dl_type', 'vlan_tci', 'vlan_vid', 'vlan_pcp', 'nw_src', 'nw_dst', 'ipv6_src', 'ipv6_dst'],
  ...['ipv6_label', 'nw_proto', 'nw_tos', 'ip_dscp', 'nw_ecn', 'nw_ttl', 'nw_frag'],
  ...['arp_op', 'arp_spa', 'arp_tpa', 'arp_sha', 'arp_tha', 'tcp_src', 'tcp_dst', 'tcp_flags'],
  ...endpoints('udp', 'sctp'),
  ...['icmp_type', 'icmp_code', 'icmpv6_type', 'icmpv6_code', 'nd_target', 'nd_sll', 'nd_tll'],
];
const ranks = new Map(ORDER.map((name, rank) => [name, rank]));

/** The place of a field, or undefined when OpenFlow has no name for it (dl_vlan, tun_ttl). */
export function fieldRank(field: Field): number | undefined {
  return ranks.get(field.name);
}
