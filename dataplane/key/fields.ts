// THE field table: every field that a flow can match on or an action can write, declared once.
//
// A field is a run of bits in the Flow, a byte array of FLOW_SIZE bytes in network byte order whose first KEY_SIZE
// bytes are the datapath's key (native/fields.def) and whose rest only the pipeline knows. The parser, the printer, the
// classifier, the translator and the documentation all read this table; nothing about a field is said anywhere else.
//
// Names, widths, masks and prerequisites follow ovs-fields(7).
import { KEY_SIZE } from '../datapath/native.js';

/** Bytes of a Flow: the datapath key, then metadata, reg0..reg15, conj_id, actset_output. */
export const FLOW_SIZE = KEY_SIZE + 80;

/** How a value is read and printed. */
export type Format =
  | 'decimal'
  | 'hex'
  | 'ethernet'
  | 'ipv4'
  | 'ipv6'
  | 'port' // OpenFlow port: a name in quotes, a number, or LOCAL and the like
  | 'ct_state' // +new-est, or a number
  | 'tcp_flags' // +syn-ack, or a number
  | 'frag' // no, yes, first, later, not_later
  | 'tun_flags';

/** ovs-fields(7) "Masking": none (exact only), bitwise. */
export type Maskable = 'none' | 'bitwise';

/** ovs-fields(7) "Prerequisites". */
export type Prerequisite =
  | 'none'
  | 'ethernet'
  | 'arp'
  | 'vlan'
  | 'ipv4'
  | 'ipv6'
  | 'ip' // IPv4 or IPv6
  | 'tcp'
  | 'udp'
  | 'sctp'
  | 'icmp'
  | 'icmpv6'
  | 'nd' // ICMPv6 type 135 or 136, code 0
  | 'nd_sll' // 135
  | 'nd_tll' // 136
  | 'tunnel'
  | 'ct';

export interface Field {
  /** Canonical name, the one that is printed. */
  name: string;
  /** Other names that are read: ovs-ofctl aliases and NXM_/OXM_ names. */
  aliases: readonly string[];
  /** Byte offset of the containing run in the Flow. */
  offset: number;
  /** Bytes of the containing run. */
  size: number;
  /** Bits of the field. */
  bits: number;
  /** Least significant bit of the field within the run, counted from the run's least significant bit. */
  shift: number;
  maskable: Maskable;
  format: Format;
  prerequisite: Prerequisite;
  /** An action may write it (ct_mark and ct_label: inside ct(exec()) only). */
  writable: boolean;
  /** Belongs to the datapath key, so that looking at it costs a mask bit. */
  inKey: boolean;
  /** Part of the key that flow text cannot name. */
  internal?: boolean;
}

interface Extra {
  aliases?: string[];
  bits?: number;
  shift?: number;
  mask?: Maskable;
  pre?: Prerequisite;
  ro?: boolean;
  internal?: boolean;
}

const table: Field[] = [];

function field(name: string, offset: number, size: number, format: Format, extra: Extra = {}): void {
  const bits = extra.bits ?? size * 8 - (extra.shift ?? 0);
  table.push({
    name,
    aliases: extra.aliases ?? [],
    offset,
    size,
    bits,
    shift: extra.shift ?? 0,
    maskable: extra.mask ?? 'bitwise',
    format,
    prerequisite: extra.pre ?? 'none',
    writable: !extra.ro,
    inKey: offset < KEY_SIZE,
    internal: extra.internal,
  });
}

// --- metadata ------------------------------------------------------------------------------------------------
field('recirc_id', 0, 4, 'hex', { aliases: ['NXM_NX_RECIRC_ID'], mask: 'none', ro: true });
field('in_port', 4, 4, 'port', { aliases: ['in_port_oxm', 'OXM_OF_IN_PORT'], mask: 'none' });
// In_port in an action.
field('in_port_of10', 4, 4, 'port', { aliases: ['NXM_OF_IN_PORT'], bits: 16, mask: 'none', internal: true });
field('pkt_mark', 8, 4, 'hex', { aliases: ['NXM_NX_PKT_MARK'] });
field('dp_hash', 12, 4, 'hex', { aliases: ['NXM_NX_DP_HASH', 'NXOXM_ET_DP_HASH'], ro: true });
field('ct_state', 16, 4, 'ct_state', { aliases: ['NXM_NX_CT_STATE'], ro: true });
field('ct_mark', 20, 4, 'hex', { aliases: ['NXM_NX_CT_MARK'] });
field('ct_label', 24, 16, 'hex', { aliases: ['NXM_NX_CT_LABEL'] });
field('ct_zone', 40, 2, 'decimal', { aliases: ['NXM_NX_CT_ZONE'], mask: 'none', ro: true });
field('ct_nw_proto', 42, 1, 'decimal', { aliases: ['NXM_NX_CT_NW_PROTO'], mask: 'none', pre: 'ct', ro: true });
field('ct_tp_src', 44, 2, 'decimal', { aliases: ['NXM_NX_CT_TP_SRC'], pre: 'ct', ro: true });
field('ct_tp_dst', 46, 2, 'decimal', { aliases: ['NXM_NX_CT_TP_DST'], pre: 'ct', ro: true });
field('ct_nw_src', 48, 4, 'ipv4', { aliases: ['NXM_NX_CT_NW_SRC'], pre: 'ct', ro: true });
field('ct_nw_dst', 52, 4, 'ipv4', { aliases: ['NXM_NX_CT_NW_DST'], pre: 'ct', ro: true });
field('ct_ipv6_src', 56, 16, 'ipv6', { aliases: ['NXM_NX_CT_IPV6_SRC'], pre: 'ct', ro: true });
field('ct_ipv6_dst', 72, 16, 'ipv6', { aliases: ['NXM_NX_CT_IPV6_DST'], pre: 'ct', ro: true });

// --- Ethernet ------------------------------------------------------------------------------------------------
field('dl_dst', 88, 6, 'ethernet', { aliases: ['eth_dst', 'NXM_OF_ETH_DST', 'OXM_OF_ETH_DST'], pre: 'ethernet' });
field('dl_src', 94, 6, 'ethernet', { aliases: ['eth_src', 'NXM_OF_ETH_SRC', 'OXM_OF_ETH_SRC'], pre: 'ethernet' });
field('dl_type', 100, 2, 'hex', {
  aliases: ['eth_type', 'NXM_OF_ETH_TYPE', 'OXM_OF_ETH_TYPE'],
  mask: 'none',
  pre: 'ethernet',
  ro: true,
});
field('vlan_tci', 102, 2, 'hex', { aliases: ['NXM_OF_VLAN_TCI'], pre: 'ethernet' });
// Bit 12: a tag is present. Its other bits are there without one, too; only set_field and load want a tag.
field('vlan_vid', 102, 2, 'decimal', { aliases: ['OXM_OF_VLAN_VID'], bits: 13, pre: 'ethernet' });
field('vlan_pcp', 102, 2, 'decimal', { aliases: ['OXM_OF_VLAN_PCP'], bits: 3, shift: 13, mask: 'none', pre: 'vlan' });
field('dl_vlan', 102, 2, 'decimal', { bits: 12, mask: 'none', pre: 'ethernet', ro: true });
field('dl_vlan_pcp', 102, 2, 'decimal', { bits: 3, shift: 13, mask: 'none', pre: 'ethernet', ro: true });
field('vlan_tpid', 104, 2, 'hex', { mask: 'none', pre: 'ethernet', ro: true, internal: true });

// --- L3 ------------------------------------------------------------------------------------------------------
field('nw_proto', 110, 1, 'decimal', {
  aliases: ['ip_proto', 'NXM_OF_IP_PROTO', 'OXM_OF_IP_PROTO'],
  mask: 'none',
  pre: 'ip',
  ro: true,
});
// Value keeps the DSCP in its 6 high bits.
field('nw_tos', 111, 1, 'decimal', { aliases: ['NXM_OF_IP_TOS'], bits: 8, mask: 'none', pre: 'ip' });
field('ip_dscp', 111, 1, 'decimal', { aliases: ['OXM_OF_IP_DSCP'], bits: 6, shift: 2, mask: 'none', pre: 'ip' });
field('nw_ecn', 111, 1, 'decimal', {
  aliases: ['ip_ecn', 'NXM_NX_IP_ECN', 'OXM_OF_IP_ECN'],
  bits: 2,
  mask: 'none',
  pre: 'ip',
});
field('nw_ttl', 112, 1, 'decimal', { aliases: ['NXM_NX_IP_TTL'], mask: 'none', pre: 'ip' });
field('nw_frag', 113, 1, 'frag', { aliases: ['ip_frag', 'NXM_NX_IP_FRAG'], bits: 2, pre: 'ip', ro: true });
field('arp_op', 114, 2, 'decimal', { aliases: ['NXM_OF_ARP_OP', 'OXM_OF_ARP_OP'], mask: 'none', pre: 'arp' });
field('nw_src', 116, 4, 'ipv4', { aliases: ['ip_src', 'NXM_OF_IP_SRC', 'OXM_OF_IPV4_SRC'], pre: 'ipv4' });
field('nw_dst', 120, 4, 'ipv4', { aliases: ['ip_dst', 'NXM_OF_IP_DST', 'OXM_OF_IPV4_DST'], pre: 'ipv4' });
field('arp_spa', 116, 4, 'ipv4', { aliases: ['NXM_OF_ARP_SPA', 'OXM_OF_ARP_SPA'], pre: 'arp' });
field('arp_tpa', 120, 4, 'ipv4', { aliases: ['NXM_OF_ARP_TPA', 'OXM_OF_ARP_TPA'], pre: 'arp' });
field('arp_sha', 184, 6, 'ethernet', { aliases: ['NXM_NX_ARP_SHA', 'OXM_OF_ARP_SHA'], pre: 'arp' });
field('arp_tha', 190, 6, 'ethernet', { aliases: ['NXM_NX_ARP_THA', 'OXM_OF_ARP_THA'], pre: 'arp' });
field('ipv6_label', 132, 4, 'hex', { aliases: ['NXM_NX_IPV6_LABEL', 'OXM_OF_IPV6_FLABEL'], bits: 20, pre: 'ipv6' });
field('ipv6_src', 136, 16, 'ipv6', { aliases: ['NXM_NX_IPV6_SRC', 'OXM_OF_IPV6_SRC'], pre: 'ipv6' });
field('ipv6_dst', 152, 16, 'ipv6', { aliases: ['NXM_NX_IPV6_DST', 'OXM_OF_IPV6_DST'], pre: 'ipv6' });

// --- L4. One pair of bytes for the ports of TCP, UDP and SCTP; the prerequisite tells them apart. --------------
field('tcp_src', 128, 2, 'decimal', { aliases: ['tp_src', 'NXM_OF_TCP_SRC', 'OXM_OF_TCP_SRC'], pre: 'tcp' });
field('tcp_dst', 130, 2, 'decimal', { aliases: ['tp_dst', 'NXM_OF_TCP_DST', 'OXM_OF_TCP_DST'], pre: 'tcp' });
field('tcp_flags', 124, 2, 'tcp_flags', {
  aliases: ['NXM_NX_TCP_FLAGS', 'ONFOXM_ET_TCP_FLAGS', 'OXM_OF_TCP_FLAGS'],
  bits: 12,
  pre: 'tcp',
  ro: true,
});
field('udp_src', 128, 2, 'decimal', { aliases: ['NXM_OF_UDP_SRC', 'OXM_OF_UDP_SRC'], pre: 'udp' });
field('udp_dst', 130, 2, 'decimal', { aliases: ['NXM_OF_UDP_DST', 'OXM_OF_UDP_DST'], pre: 'udp' });
field('sctp_src', 128, 2, 'decimal', { aliases: ['OXM_OF_SCTP_SRC'], pre: 'sctp' });
field('sctp_dst', 130, 2, 'decimal', { aliases: ['OXM_OF_SCTP_DST'], pre: 'sctp' });
field('icmp_type', 126, 1, 'decimal', {
  aliases: ['NXM_OF_ICMP_TYPE', 'OXM_OF_ICMPV4_TYPE'],
  mask: 'none',
  pre: 'icmp',
});
field('icmp_code', 127, 1, 'decimal', {
  aliases: ['NXM_OF_ICMP_CODE', 'OXM_OF_ICMPV4_CODE'],
  mask: 'none',
  pre: 'icmp',
});
field('icmpv6_type', 126, 1, 'decimal', {
  aliases: ['NXM_NX_ICMPV6_TYPE', 'OXM_OF_ICMPV6_TYPE'],
  mask: 'none',
  pre: 'icmpv6',
});
field('icmpv6_code', 127, 1, 'decimal', {
  aliases: ['NXM_NX_ICMPV6_CODE', 'OXM_OF_ICMPV6_CODE'],
  mask: 'none',
  pre: 'icmpv6',
});
field('nd_target', 168, 16, 'ipv6', { aliases: ['NXM_NX_ND_TARGET', 'OXM_OF_IPV6_ND_TARGET'], pre: 'nd' });
field('nd_sll', 184, 6, 'ethernet', { aliases: ['NXM_NX_ND_SLL', 'OXM_OF_IPV6_ND_SLL'], pre: 'nd_sll' });
field('nd_tll', 190, 6, 'ethernet', { aliases: ['NXM_NX_ND_TLL', 'OXM_OF_IPV6_ND_TLL'], pre: 'nd_tll' });

// --- tunnel --------------------------------------------------------------------------------------------------
field('tun_id', 200, 8, 'hex', { aliases: ['tunnel_id', 'NXM_NX_TUN_ID', 'OXM_OF_TUNNEL_ID'] });
field('tun_src', 208, 4, 'ipv4', { aliases: ['NXM_NX_TUN_IPV4_SRC'] });
field('tun_dst', 212, 4, 'ipv4', { aliases: ['NXM_NX_TUN_IPV4_DST'] });
field('tun_ipv6_src', 216, 16, 'ipv6', { aliases: ['NXM_NX_TUN_IPV6_SRC'] });
field('tun_ipv6_dst', 232, 16, 'ipv6', { aliases: ['NXM_NX_TUN_IPV6_DST'] });
field('tun_flags', 248, 2, 'tun_flags', { aliases: ['NXM_NX_TUN_FLAGS'] });
field('tun_tos', 250, 1, 'decimal', { mask: 'none', ro: true });
field('tun_ttl', 251, 1, 'decimal', { mask: 'none', ro: true });
field('tun_gbp_id', 256, 2, 'decimal', { aliases: ['NXM_NX_TUN_GBP_ID'] });
field('tun_gbp_flags', 258, 1, 'hex', { aliases: ['NXM_NX_TUN_GBP_FLAGS'] });
field('tun_metadata_present', 264, 8, 'hex', { ro: true, internal: true });
// tun_metadata0..63 get their place from the TLV map: tlv-map.ts.

// --- what only the pipeline knows ------------------------------------------------------------------------------
const PIPELINE = KEY_SIZE;
field('metadata', PIPELINE, 8, 'hex', { aliases: ['OXM_OF_METADATA'] });
const REGS = PIPELINE + 8;
for (let i = 0; i < 16; i++) field(`reg${i}`, REGS + 4 * i, 4, 'hex', { aliases: [`NXM_NX_REG${i}`] });
for (let i = 0; i < 8; i++) field(`xreg${i}`, REGS + 8 * i, 8, 'hex', { aliases: [`OXM_OF_PKT_REG${i}`] });
for (let i = 0; i < 4; i++) field(`xxreg${i}`, REGS + 16 * i, 16, 'hex', { aliases: [`NXM_NX_XXREG${i}`] });
field('conj_id', PIPELINE + 72, 4, 'decimal', { aliases: ['NXM_NX_CONJ_ID'], mask: 'none', ro: true });
field('actset_output', PIPELINE + 76, 4, 'port', {
  aliases: ['ONFOXM_ET_ACTSET_OUTPUT', 'OXM_OF_ACTSET_OUTPUT'],
  mask: 'none',
  ro: true,
});

/** Every field, in declaration order. */
export const FIELDS: readonly Field[] = table;

const byName = new Map<string, Field>();
for (const f of table) for (const n of [f.name, ...f.aliases]) byName.set(n.toLowerCase(), f);

/** The field of that name or alias, in any case; undefined when there is none. tun_metadata<N> is the TLV map's. */
export function lookupField(name: string): Field | undefined {
  return byName.get(name.toLowerCase());
}

/** The field of that canonical name. Throws on a programming error. */
export function fieldByName(name: string): Field {
  const f = byName.get(name.toLowerCase());
  if (!f) throw new Error(`no field ${name} in the field table`);
  return f;
}
