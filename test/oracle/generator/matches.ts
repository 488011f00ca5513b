// Random matches: every field that the field table says may be matched with a protocol, with random masks where masks
// may be. To: scenario.ts, as text; packets.ts, as values that packets are made to fit.
import { type Field, fieldByName } from '../../../dataplane/key/fields.js';
import { formatIpv4, formatIpv6, formatMac, parseIpv4, parseIpv6, parseMac } from '../../../dataplane/key/numbers.js';
import { TlvMap, tunMetadataIndex } from '../../../dataplane/key/tlv-map.js';
import type { Random } from '../../helpers/random.js';
import * as u from './universe.js';

export const PROTOCOLS = [
  ...['', 'ip', 'tcp', 'udp', 'icmp', 'sctp', 'arp', 'rarp'],
  ...['ipv6', 'tcp6', 'udp6', 'icmp6', 'sctp6', 'ns', 'na'],
] as const;
export type GeneratedProtocol = (typeof PROTOCOLS)[number];

export interface Term {
  field: Field;
  value: bigint;
  mask?: bigint;
}

export interface RandomMatch {
  protocol: GeneratedProtocol;
  terms: Term[];
  /** There is a tag. */
  vlan: boolean;
  ctInvalid: boolean;
}

export const isIpv4 = (p: GeneratedProtocol): boolean => ['ip', 'tcp', 'udp', 'icmp', 'sctp'].includes(p);
export const isNd = (p: GeneratedProtocol): boolean => p === 'ns' || p === 'na';
export const isIpv6 = (p: GeneratedProtocol): boolean =>
  isNd(p) || ['ipv6', 'tcp6', 'udp6', 'icmp6', 'sctp6'].includes(p);
export const isIp = (p: GeneratedProtocol): boolean => isIpv4(p) || isIpv6(p);
export const isArp = (p: GeneratedProtocol): boolean => p === 'arp' || p === 'rarp';
export const isIcmpv6 = (p: GeneratedProtocol): boolean => p === 'icmp6' || isNd(p);
export const transport = (p: GeneratedProtocol): string | undefined => /^(tcp|udp|sctp)/.exec(p)?.[1];

/** The protocol as flow text says it. */
export function keyword(p: GeneratedProtocol): string {
  if (isNd(p)) return `icmp6,icmp_type=${p === 'ns' ? 135 : 136},icmp_code=0`;
  return p;
}

const metadata = ['metadata', 'reg0', 'reg1', 'reg2', 'reg7', 'reg8', 'xreg0', 'xreg4', 'xxreg0', 'xxreg3', 'pkt_mark'];
/**
 * What flows seldom look at: the other registers, and a tunnel's lesser fields. (`dp_hash` and `recirc_id` are the
 * datapath's own: Open vSwitch takes no flow that matches them.)
 */
const rare = [
  ...[3, 4, 5, 6, 9, 10, 11, 12, 13, 14, 15].map((n) => `reg${n}`),
  ...[1, 2, 3, 5, 6, 7].map((n) => `xreg${n}`),
  ...['xxreg1', 'xxreg2', 'tun_gbp_id', 'tun_gbp_flags', 'tun_flags'],
];
const tunnel = ['tun_id', 'tun_src', 'tun_dst', 'tun_ipv6_dst', 'tun_ipv6_src', 'tun_metadata0', 'tun_metadata1'];
const TLV_MAP = TlvMap.parse(u.GENERATOR_PORTS.tlv_map);

function fieldOf(name: string): Field {
  const option = tunMetadataIndex(name);
  return (option === undefined ? undefined : TLV_MAP.field(option)) ?? fieldByName(name);
}

/** Fields that go with the protocol, and how often each is matched: one in N. */
function candidates(p: GeneratedProtocol): [string, number][] {
  const list: [string, number][] = [
    ['in_port', 4],
    ['dl_src', 8],
    ['dl_dst', 8],
  ];
  for (const name of metadata) list.push([name, 16]);
  for (const name of tunnel) list.push([name, 40]);
  for (const name of rare) list.push([name, 120]);
  if (isIp(p)) list.push(['ct_mark', 10], ['ct_label', 20], ['ct_zone', 14], ['nw_ttl', 12], ['nw_ecn', 12]);
  if (isIp(p)) list.push(['nw_tos', 14], ['ip_dscp', 20], ['nw_frag', 12]);
  if (p === 'ip' || p === 'ipv6') list.push(['nw_proto', 4]);
  if (isIpv4(p)) list.push(['nw_src', 3], ['nw_dst', 3]);
  if (isIpv6(p)) list.push(['ipv6_src', 3], ['ipv6_dst', 3], ['ipv6_label', 10]);
  const l4 = transport(p);
  if (l4) list.push([`${l4}_src`, 4], [`${l4}_dst`, 3]);
  if (l4 === 'tcp') list.push(['tcp_flags', 5]);
  if (p === 'icmp') list.push(['icmp_type', 3], ['icmp_code', 6]);
  if (p === 'icmp6') list.push(['icmpv6_type', 3], ['icmpv6_code', 6]);
  if (isNd(p)) list.push(['nd_target', 3], [p === 'ns' ? 'nd_sll' : 'nd_tll', 4]);
  if (isArp(p)) list.push(['arp_op', 3], ['arp_spa', 3], ['arp_tpa', 3], ['arp_sha', 4], ['arp_tha', 6]);
  return list;
}

/** `nxm`: OpenFlow 1.0 with Nicira's extensions, which can say more of a VLAN tag. */
export function randomMatch(r: Random, nxm: boolean): RandomMatch {
  const protocol = r.pick(PROTOCOLS);
  const match: RandomMatch = { protocol, terms: [], vlan: false, ctInvalid: false };
  for (const [name, oneIn] of candidates(protocol)) {
    if (!r.chance(oneIn)) continue;
    const field = fieldOf(name);
    if (overlaps(match.terms, field)) continue;
    if (name === 'nw_frag') {
      match.terms.push({ field, ...r.pick(Object.values(FRAGS)) });
      continue;
    }
    if (['tun_src', 'tun_dst'].includes(name) && match.terms.some((t) => t.field.name.startsWith('tun_ipv6'))) continue;
    match.terms.push(randomTerm(r, field));
  }
  if (r.chance(6)) addVlan(r, match, nxm);
  if (isIp(protocol) && r.chance(5)) addConnection(r, match);
  return match;
}

/** nw_frag's words: bit 0 is "a fragment", bit 1 "not the first". */
const FRAGS = {
  no: { value: 0n, mask: 3n },
  yes: { value: 1n, mask: 1n },
  first: { value: 1n, mask: 3n },
  later: { value: 3n, mask: 3n },
  not_later: { value: 0n, mask: 2n },
};

function overlaps(terms: readonly Term[], field: Field): boolean {
  return terms.some(({ field: f }) => f.offset < field.offset + field.size && field.offset < f.offset + f.size);
}

/** Matched whole: OVS's dump says no mask of `tun_gbp_flags`, whatever it is. */
const WHOLE = new Set(['nw_tos', 'tun_gbp_flags']);

function randomTerm(r: Random, field: Field): Term {
  const value = usualValue(r, field);
  if (WHOLE.has(field.name) || field.maskable === 'none' || r.chance(2)) return { field, value };
  const mask = field.format === 'ipv6' ? prefix(r, 128) : randomMaskOf(r, field);
  return { field, value: value & mask, mask };
}

/** ovs-ofctl takes a Geneve option for as long as its mask is: masks have the highest bit. */
function randomMaskOf(r: Random, field: Field): bigint {
  const mask = u.randomMask(r, field.bits);
  return tunMetadataIndex(field.name) === undefined ? mask : mask | (1n << BigInt(field.bits - 1));
}

/** ovs-ofctl takes an IPv6 mask that begins with a digit for a prefix length: masks are prefixes. */
function prefix(r: Random, bits: number): bigint {
  const all = (1n << BigInt(bits)) - 1n;
  return (all >> BigInt(1 + r.below(bits))) ^ all;
}

/** A value of the universe for a field of any name. */
export function usualValue(r: Random, field: Field): bigint {
  const { name, format, bits } = field;
  if (name === 'in_port') return BigInt(r.pick([1, 1, 2, 2, 3, u.TUNNEL]));
  if (name === 'nw_ttl') return BigInt(r.pick(u.TTLS));
  if (name === 'nw_tos') return BigInt(r.pick(u.TOSES));
  if (name === 'nw_proto') return BigInt(r.pick([1, 2, 6, 17, 47, 58, 132, 253]));
  if (name === 'arp_op') return BigInt(r.pick([1, 1, 2, 3]));
  if (name === 'tcp_flags') return BigInt(r.pick(u.TCP_FLAGS));
  if (name === 'ct_zone') return BigInt(r.pick(u.ZONES));
  if (/^icmp/.test(name)) return BigInt(name.endsWith('type') ? r.pick([0, 3, 8, 128, 129]) : r.below(2));
  if (format === 'ethernet') return parseMac(r.pick(u.MACS));
  if (format === 'ipv4') return parseIpv4(u.ip4(r));
  if (format === 'ipv6') return parseIpv6(u.ip6(r));
  if (/_(src|dst)$/.test(name)) return BigInt(r.pick(u.PORTS));
  return r.chance(8) ? u.randomBits(r, bits) : BigInt(r.below(4));
}

function addVlan(r: Random, match: RandomMatch, nxm: boolean): void {
  const vid = fieldByName('dl_vlan');
  const pcp = fieldByName('dl_vlan_pcp');
  const tci = fieldByName('vlan_tci');
  match.vlan = true;
  switch (r.below(6)) {
    case 0:
      match.vlan = false;
      match.terms.push({ field: tci, value: 0n, mask: nxm ? r.pick([0xffffn, 0x1000n, 0x1fffn]) : 0x1fffn });
      break;
    case 1:
      match.terms.push({ field: tci, value: 0x1000n, mask: 0x1000n });
      break;
    case 2: {
      const mask = 0x1000n | u.randomMask(r, nxm ? 16 : 12);
      match.terms.push({ field: tci, value: (0x1000n | BigInt(r.pick(u.VIDS))) & mask, mask });
      break;
    }
    case 3:
      match.terms.push({ field: pcp, value: BigInt(r.pick(u.PCPS)) });
      break;
    default:
      match.terms.push({ field: vid, value: BigInt(r.pick(u.VIDS)) });
      if (r.chance(3)) match.terms.push({ field: pcp, value: BigInt(r.pick(u.PCPS)) });
  }
}

export const CT = { new: 1n, est: 2n, rel: 4n, rpl: 8n, inv: 16n, trk: 32n, snat: 64n, dnat: 128n } as const;
const STATES = [
  [CT.trk, CT.trk],
  [0n, CT.trk],
  [CT.trk | CT.new, CT.trk | CT.new],
  [CT.trk | CT.est, CT.trk | CT.est],
  [CT.trk | CT.est, CT.trk | CT.est | CT.rpl],
  [CT.trk | CT.rpl, CT.trk | CT.rpl],
  [CT.trk | CT.inv, CT.trk | CT.inv],
  [CT.trk, CT.trk | CT.inv],
  [CT.trk, CT.trk | CT.new],
  [CT.trk | CT.rel, CT.trk | CT.rel],
  [CT.trk | CT.snat, CT.trk | CT.snat],
  [CT.trk | CT.dnat, CT.trk | CT.dnat],
] as const;

function addConnection(r: Random, match: RandomMatch): void {
  const [value, mask] = r.pick(STATES);
  match.terms.push({ field: fieldByName('ct_state'), value, mask });
  match.ctInvalid = (value & CT.inv) !== 0n;
  const valid = (value & 0xcfn) !== 0n || ((value & CT.trk) !== 0n && (mask & CT.inv) !== 0n && !match.ctInvalid);
  if (!valid || !r.chance(3)) return;
  const names = ['ct_tp_src', 'ct_tp_dst', isIpv4(match.protocol) ? 'ct_nw_src' : 'ct_ipv6_src'];
  names.push(isIpv4(match.protocol) ? 'ct_nw_dst' : 'ct_ipv6_dst');
  match.terms.push(randomTerm(r, fieldByName(r.pick(['ct_nw_proto', 'ct_nw_proto', ...names.slice(2)]))));
  const last = match.terms.at(-1)!;
  if (last.field.name !== 'ct_nw_proto') return;
  match.terms.pop();
  match.terms.push({ field: last.field, value: BigInt(r.pick([1, 6, 17])) });
  if (last.value === 1n) return;
  const proto = match.terms.at(-1)!.value;
  if (proto !== 1n && r.chance(2)) match.terms.push(randomTerm(r, fieldByName(r.pick(names.slice(0, 2)))));
}

export function matchText({ protocol, terms }: RandomMatch): string[] {
  return [...(protocol ? [keyword(protocol)] : []), ...terms.map(termText)];
}

function termText({ field, value, mask }: Term): string {
  const { name, format } = field;
  if (name === 'nw_frag') {
    return `nw_frag=${Object.entries(FRAGS).find(([, frag]) => frag.value === value && frag.mask === mask)![0]}`;
  }
  if (name === 'ct_state') return `ct_state=${signs(value, mask!)}`;
  const print: (v: bigint) => string =
    format === 'ethernet' ? formatMac : format === 'ipv4' ? formatIpv4 : format === 'ipv6' ? formatIpv6 : plain(format);
  if (format === 'ipv6' && mask !== undefined) return `${name}=${print(value)}/${prefixLength(mask)}`;
  return `${name}=${print(value)}${mask === undefined ? '' : `/${print(mask)}`}`;
}

/** Of a port, ovs-ofctl reads only decimals. */
const plain = (format: Field['format']) => (v: bigint) =>
  format === 'port' || (format === 'decimal' && v < 10n) ? `${v}` : `0x${v.toString(16)}`;

function prefixLength(mask: bigint): number {
  return mask.toString(2).replaceAll('0', '').length;
}

function signs(value: bigint, mask: bigint): string {
  return Object.entries(CT)
    .filter(([, bit]) => (mask & bit) !== 0n)
    .map(([name, bit]) => `${(value & bit) !== 0n ? '+' : '-'}${name}`)
    .join('');
}
