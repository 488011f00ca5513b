// Match <-> Flow and mask. toMasked gives the classifier its two byte arrays; toFields makes the one canonical list of
// fields from them, each bit said once and in ovs-ofctl's order, so that equal matches are equal lists.
import { FIELDS, fieldByName, type Field } from '../key/fields.js';
import { type Flow, getBits, getField, newFlow, ones, setBits, setField } from '../key/flow.js';
import { TUN_METADATA_FIELDS, type TlvMap, tunMetadataIndex } from '../key/tlv-map.js';
import type { FieldMatch, Match, Subfield } from './ast.js';
import { Protocol } from './protocol.js';

export interface Masked {
  value: Flow;
  /** 1-bits are matched. A bit of value outside of the mask is 0. */
  mask: Flow;
}

const CFI = 0x1000n;
const vlanTci = fieldByName('vlan_tci');
const nwTos = fieldByName('nw_tos');
const nwProto = fieldByName('nw_proto');
const [ndSll, ndTll] = [fieldByName('nd_sll'), fieldByName('nd_tll')];
const metadataPresent = fieldByName('tun_metadata_present');

function put(masked: Masked, field: Field, start: number, count: number, value: bigint, mask: bigint): void {
  setBits(masked.value, field, start, count, value & mask);
  setBits(masked.mask, field, start, count, mask);
}

/** Adds one field to a match; what was said of the same bits before is replaced. */
export function setMatch(masked: Masked, field: Field, value: bigint, mask = ones(field.bits)): void {
  const index = tunMetadataIndex(field.name);
  if (index !== undefined) put(masked, metadataPresent, index, 1, 1n, 1n);
  switch (field.name) {
    case 'dl_vlan':
      return put(masked, vlanTci, 0, 13, CFI | value, CFI | ones(12));
    case 'dl_vlan_pcp':
    case 'vlan_pcp':
      return put(masked, vlanTci, 12, 4, (value << 1n) | 1n, 0xfn);
    case 'nw_tos':
      return put(masked, nwTos, 2, 6, value >> 2n, mask >> 2n);
    case 'tun_metadata_present':
      for (let i = 0; i < TUN_METADATA_FIELDS; i++) {
        if ((mask >> BigInt(i)) & 1n) put(masked, field, i, 1, value >> BigInt(i), 1n);
      }
      return;
    default:
      return put(masked, field, 0, field.bits, value, mask);
  }
}

/** Adds a part of a field to a match, as learn() matches; what was said of the field's other bits stays. */
export function setSubfieldMatch(masked: Masked, { field, start, count }: Subfield, value: bigint): void {
  if (count === field.bits) return setMatch(masked, field, value);
  const index = tunMetadataIndex(field.name);
  if (index !== undefined) put(masked, metadataPresent, index, 1, 1n, 1n);
  put(masked, field, start, count, value, ones(count));
}

/** The match as a Flow and its mask. */
export function toMasked(match: Match): Masked {
  const masked = { value: newFlow(), mask: newFlow() };
  for (const { field, value, mask } of match.fields) setMatch(masked, field, value, mask);
  return masked;
}

const named = (...names: string[]): Field[] => names.map(fieldByName);
const BEFORE_TUNNEL = [
  ...named(
    'pkt_mark',
    'recirc_id',
    'dp_hash',
    'conj_id',
    'actset_output',
    'ct_state',
    'ct_zone',
    'ct_mark',
    'ct_label',
  ),
  ...named('ct_nw_src', 'ct_ipv6_src', 'ct_nw_dst', 'ct_ipv6_dst', 'ct_nw_proto', 'ct_tp_src', 'ct_tp_dst'),
  ...named('dl_type', 'nw_proto'),
  ...FIELDS.filter((f) => /^reg[0-9]+$/.test(f.name)),
  ...named('tun_id', 'tun_src', 'tun_dst', 'tun_ipv6_src', 'tun_ipv6_dst', 'tun_gbp_id', 'tun_gbp_flags'),
  ...named('tun_tos', 'tun_ttl', 'tun_flags'),
];
const AFTER_TUNNEL = named('metadata', 'in_port', 'vlan_tci', 'dl_src', 'dl_dst');
const IP_FIELDS = named('nw_tos', 'nw_ecn', 'nw_ttl', 'nw_frag');

/** The fields of the headers that this protocol has, in the order of printing. */
function headerFields(protocol: Protocol): Field[] {
  if (protocol.arp) return named('arp_spa', 'arp_tpa', 'arp_op', 'arp_sha', 'arp_tha');
  if (!protocol.ip) return [];
  const address = protocol.ipv4 ? named('nw_src', 'nw_dst') : named('ipv6_src', 'ipv6_dst', 'ipv6_label');
  return [...address, ...IP_FIELDS, ...transportFields(protocol)];
}

function transportFields(protocol: Protocol): Field[] {
  if (protocol.icmp) return named('icmp_type', 'icmp_code');
  if (protocol.icmpv6) {
    if (protocol.nd === undefined) return named('icmpv6_type', 'icmpv6_code');
    return named('icmpv6_type', 'icmpv6_code', 'nd_target', 'nd_sll', 'nd_tll');
  }
  const transport = protocol.transport;
  if (transport === undefined) return [];
  return [...named(`${transport}_src`, `${transport}_dst`), ...(transport === 'tcp' ? named('tcp_flags') : [])];
}

/** The mapped tun_metadata fields, by number. */
function metadataFields(tlvMap: TlvMap | undefined): Field[] {
  if (!tlvMap) return [];
  return [...Array(TUN_METADATA_FIELDS).keys()].map((i) => tlvMap.field(i)).filter((f) => f !== undefined);
}

/** Every field that a match on this Flow may have, in the order of printing. */
export function matchFields(protocol: Protocol, tlvMap?: TlvMap): Field[] {
  // ARP's operation is arp_op, and without a network protocol there is nothing for nw_proto to be about.
  const before = protocol.ip ? BEFORE_TUNNEL : BEFORE_TUNNEL.filter((field) => field !== nwProto);
  return [...before, ...metadataFields(tlvMap), ...AFTER_TUNNEL, ...headerFields(protocol)];
}

/** The canonical match of a Flow and its mask. Header fields that the matched protocol does not have are left out. */
export function toFields({ value, mask }: Masked, tlvMap?: TlvMap): FieldMatch[] {
  const fields: FieldMatch[] = [];
  const protocol = new Protocol(value, mask);
  for (const field of matchFields(protocol, tlvMap)) {
    if (field === (protocol.nd === 135 ? ndTll : ndSll)) continue;
    const exact = field === nwTos ? 0xfcn : ones(field.bits);
    const m = getField(mask, field) & exact;
    const presence = presenceMatch(field, { value, mask });
    if (presence === 'absent') fields.push(absent(field));
    if (presence === 'absent' || (m === 0n && presence === undefined)) continue;
    const v = getField(value, field) & m;
    fields.push(m === exact ? { field, value: v } : { field, value: v, mask: m });
  }
  return fields;
}

/** Whether a match wants the option of a tun_metadata field to be there, or not to be; undefined when it does not look.
 *  A match on the field's value wants it to be there. */
export function presenceMatch(field: Field, { value, mask }: Masked): 'present' | 'absent' | undefined {
  const index = tunMetadataIndex(field.name);
  if (index === undefined || getBits(mask, metadataPresent, index, 1) === 0n) return undefined;
  return getBits(value, metadataPresent, index, 1) === 0n ? 'absent' : 'present';
}

/** The match that a tun_metadata field's option is not there (tun_metadata0=NP). */
export function absent(field: Field): FieldMatch {
  return { field: metadataPresent, value: 0n, mask: 1n << BigInt(tunMetadataIndex(field.name) ?? 0) };
}

/** Forgets what was said of a field. */
export function clearMatch(masked: Masked, field: Field): void {
  setField(masked.value, field, 0n);
  setField(masked.mask, field, 0n);
}
