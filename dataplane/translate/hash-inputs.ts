// What of a packet is hashed to choose a bucket; all of it is looked at. From: actions/group.ts. The numbers are hash.ts's.
import { type Field, fieldByName } from '../key/fields.js';
import { getField, lookAt, setBits } from '../key/flow.js';
import { tunMetadataIndex } from '../key/tlv-map.js';
import type { GroupSelection } from '../openflow/ast.js';
import { AT, ETH, FRAG_LATER, IPPROTO, isIp, u16, VLAN_CFI, VLAN_VID_MASK } from './bytes.js';
import type { Context } from './context.js';
import { hashBytes, hashInt, hashSymmetricL4, hashU64 } from './hash.js';
import { hasField, read } from './subfields.js';

const metadataPresent = fieldByName('tun_metadata_present');
/** What OVS's hash of a truth value is made of. */
const FALSE = 0xc2b73583;
const TRUE = 0xe90f1258;

/** Addresses, protocol and ports, in one direction; of what is not IP, the Ethernet addresses. */
export function hashTuple({ flow, mask }: Context): number {
  if (!isIp(flow)) {
    mask.fill(0xff, AT.dl_dst, AT.dl_src + 6);
    return hashBytes(flow.subarray(AT.dl_dst, AT.dl_src + 6), 0);
  }
  const [from, to] = addresses(flow);
  const protocol = flow[AT.nw_proto];
  mask.fill(0xff, from, to);
  mask[AT.nw_proto] = 0xff;
  const hash = hashBytes(flow.subarray(from, to), protocol);
  const hasPorts = protocol === IPPROTO.TCP || protocol === IPPROTO.UDP || protocol === IPPROTO.SCTP;
  // Of the fragments of one packet only the first has ports: they count for none.
  if (!hasPorts || flow[AT.nw_frag] !== 0) return hash;
  mask.fill(0xff, AT.tp_src, AT.tp_dst + 2);
  return hashBytes(flow.subarray(AT.tp_src, AT.tp_dst + 2), hash);
}

/** Both directions of a connection alike. */
export function hashSymmetric({ flow, mask }: Context): number {
  mask.fill(0xff, AT.dl_dst, AT.dl_src + 6);
  for (const at of [AT.vlan_tci, AT.vlan2_tci]) {
    mask[at] |= (VLAN_CFI | VLAN_VID_MASK) >> 8;
    mask[at + 1] = 0xff;
  }
  if (isIp(flow)) {
    mask.fill(0xff, ...addresses(flow));
    mask[AT.nw_proto] = 0xff;
    const ports = flow[AT.nw_proto] !== IPPROTO.UDP && (flow[AT.nw_frag] & FRAG_LATER) === 0;
    if (ports) mask.fill(0xff, AT.tp_src, AT.tp_dst + 2);
  }
  return hashSymmetricL4(flow);
}

function addresses(flow: Uint8Array): [from: number, to: number] {
  return u16(flow, AT.dl_type) === ETH.IP ? [AT.nw_src, AT.nw_dst + 4] : [AT.ipv6_src, AT.ipv6_dst + 16];
}

/** The fields that a group names, as far as the packet has them, in the order of OVS's field numbers. */
export function hashFields(ctx: Context, { param, fields }: GroupSelection): number {
  let hash = hashU64(param);
  for (const { field, mask } of [...fields].sort((a, b) => rank(a.field) - rank(b.field))) {
    if (!hasField(ctx, field)) continue;
    const value = getField(ctx.flow, field);
    hash = hashBytes(valueBytes(field, mask === undefined ? value : value & mask), hash);
    lookAtBits(ctx, field, mask);
    const option = tunMetadataIndex(field.name);
    if (option === undefined) continue;
    hash = hashInt(read(ctx, { field: metadataPresent, start: option, count: 1 }) === 1n ? TRUE : FALSE, hash);
  }
  return hash;
}

function lookAtBits(ctx: Context, field: Field, mask: bigint | undefined): void {
  if (mask === undefined) lookAt(ctx.mask, field);
  else setBits(ctx.mask, field, 0, field.bits, getField(ctx.mask, field) | mask);
}

/** In network byte order, as many bytes as OVS's value of that field has. */
function valueBytes(field: Field, value: bigint): Uint8Array {
  const size = field.name === 'in_port' ? 2 : field.size;
  return Uint8Array.from(Buffer.from(value.toString(16).padStart(size * 2, '0').slice(-size * 2), 'hex'));
}

/** Fields are numbered from the outside in; where our table's order is another one, this is OVS's. */
const ORDER: readonly (readonly string[])[] = [
  ['dp_hash', 'recirc_id', 'conj_id'],
  ['tun_id', 'tun_src', 'tun_dst', 'tun_ipv6_src', 'tun_ipv6_dst', 'tun_flags', 'tun_ttl', 'tun_tos'],
  ['tun_gbp_id', 'tun_gbp_flags', 'tun_metadata', 'metadata', 'in_port', 'actset_output', 'pkt_mark'],
  ['ct_state', 'ct_zone', 'ct_mark', 'ct_label', 'ct_nw_proto', 'ct_nw_src', 'ct_nw_dst', 'ct_ipv6_src', 'ct_ipv6_dst'],
  ['ct_tp_src', 'ct_tp_dst', 'reg', 'xreg', 'xxreg', 'dl_src', 'dl_dst', 'dl_type', 'vlan_tci', 'dl_vlan', 'vlan_vid'],
  ['dl_vlan_pcp', 'vlan_pcp', 'nw_src', 'nw_dst', 'ipv6_src', 'ipv6_dst', 'ipv6_label', 'nw_proto', 'nw_tos'],
  ['ip_dscp', 'nw_ecn', 'nw_ttl', 'nw_frag', 'arp_op', 'arp_spa', 'arp_tpa', 'arp_sha', 'arp_tha', 'tcp_src', 'tcp_dst'],
  ['tcp_flags', 'udp_src', 'udp_dst', 'sctp_src', 'sctp_dst', 'icmp_type', 'icmp_code', 'icmpv6_type', 'icmpv6_code'],
  ['nd_target', 'nd_sll', 'nd_tll'],
];
const RANKS = new Map(ORDER.flat().map((name, i) => [name, i * 64]));

function rank({ name }: Field): number {
  const [, family = name, number = '0'] = /^(tun_metadata|x{0,2}reg)(\d+)$/.exec(name) ?? [];
  return (RANKS.get(family) ?? 0) + Number(number);
}
