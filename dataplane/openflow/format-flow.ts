// A Flow and a mask as ovs-ofctl and ofproto/trace print them: the match of a flow entry, the `Flow:` of a packet, and
// the `Megaflow:` of a translation. One order and one set of rules; only what is looked at differs.
import { fieldByName, type Field } from '../key/fields.js';
import { formatMatchValue } from '../key/format.js';
import { type Flow, getField, getNumber, newFlow, setField, ones } from '../key/flow.js';
import type { TlvMap } from '../key/tlv-map.js';
import type { Match, PortNames } from './ast.js';
import { type Masked, matchFields, presenceMatch, toMasked } from './normalize.js';
import { packetMask } from './packet-mask.js';
import { Protocol } from './protocol.js';

export interface FormatOptions {
  /** Ports are printed by name, in quotes. */
  ports?: PortNames;
  /** Which tun_metadata fields there are. */
  tlvMap?: TlvMap;
}

/** What `priority=` is when it is not said. */
export const DEFAULT_PRIORITY = 32768;

const vlanTci = fieldByName('vlan_tci');
const recircId = fieldByName('recirc_id');
const nwTos = fieldByName('nw_tos');
const dlType = fieldByName('dl_type');
const nwProto = fieldByName('nw_proto');
const tunTtl = fieldByName('tun_ttl');
const tcpSrc = fieldByName('tcp_src');
const tcpDst = fieldByName('tcp_dst');
/** Names that OVS prints for fields whose name tells the protocol as well. */
const PRINTED: Record<string, string> = {
  ...Object.fromEntries(
    ['tcp', 'udp', 'sctp'].flatMap((p) => [
      [`${p}_src`, 'tp_src'],
      [`${p}_dst`, 'tp_dst'],
    ]),
  ),
  icmpv6_type: 'icmp_type',
  icmpv6_code: 'icmp_code',
};
/** The second tag (QinQ) has no field of its own in flow text; ofproto/trace prints it with a 1. */
const vlanTci1: Field = { ...vlanTci, name: 'vlan_tci1', offset: 106 };

/** A match as ovs-ofctl prints it, `priority=` first unless it is the default. Without fields: ''. */
export function formatMatch(match: Match, priority = DEFAULT_PRIORITY, options: FormatOptions = {}): string {
  const items = formatItems(toMasked(match), options, 'match');
  return (priority === DEFAULT_PRIORITY ? items : [`priority=${priority}`, ...items]).join(',');
}

/** Without a mask: a packet, as on ofproto/trace's `Flow:` and `Final flow:` lines. With one: a megaflow. */
export function formatFlow(flow: Flow, mask?: Flow, options: FormatOptions = {}): string {
  if (mask === undefined) {
    return formatItems({ value: flow, mask: packetMask(flow, options.tlvMap) }, options, 'packet').join(',');
  }
  const value = newFlow();
  for (let i = 0; i < value.length; i++) value[i] = flow[i] & mask[i];
  const megaflow = { value, mask: Uint8Array.from(mask) };
  setField(megaflow.mask, recircId, ones(recircId.bits));
  setField(megaflow.value, recircId, getField(flow, recircId));
  return formatItems(megaflow, options, 'megaflow').join(',');
}

/** Of tunnels that packetwalk does not have: what ofproto/trace says of every packet that came through a tunnel. */
const OTHER_TUNNELS = ['tun_erspan_ver=0', 'gtpu_flags=0', 'gtpu_msgtype=0'];

function formatItems(masked: Masked, options: FormatOptions, kind: 'match' | 'packet' | 'megaflow'): string[] {
  const megaflow = kind === 'megaflow';
  const protocol = new Protocol(masked.value, masked.mask);
  const keyword = protocol.keyword;
  const items: string[] = [];
  for (const field of matchFields(protocol, options.tlvMap)) {
    if (megaflow && !field.inKey) continue;
    if (field === dlType) {
      if (printsEth(masked, megaflow)) items.push('eth');
      if (keyword) items.push(keyword.name);
    } else if (field === nwProto) {
      continue; // Stands between the addresses and nw_tos, below.
    } else if (field === vlanTci) {
      items.push(...formatVlan(masked, vlanTci, ''), ...formatVlan(masked, vlanTci1, '1'));
    } else {
      if (field === nwTos || field.name === 'arp_op') items.push(...unfoldedProtocol(masked, protocol));
      items.push(...formatField(masked, field, options));
      if (kind === 'packet' && field === tunTtl && getField(masked.mask, tunTtl) !== 0n) items.push(...OTHER_TUNNELS);
    }
    if (field.name === 'dl_dst' && !keyword) items.push(...formatField(masked, dlType, options));
  }
  return [...items, ...anonymousPorts(masked, protocol, options)];
}

/** ovs-ofctl says `eth` only of a datapath flow, known by its recirc_id. */
function printsEth({ mask }: Masked, megaflow: boolean): boolean {
  if (megaflow) return true;
  if (getNumber(mask, recircId) === 0) return false;
  return ['dl_type', 'dl_src', 'dl_dst', 'vlan_tci'].some((name) => getField(mask, fieldByName(name)) !== 0n);
}

/** nw_proto, when no keyword says it. */
function unfoldedProtocol(masked: Masked, protocol: Protocol): string[] {
  const folded = protocol.keyword?.nwProto !== undefined || protocol.arp;
  return folded ? [] : formatField(masked, nwProto, {});
}

/** Ports of which the mask does not say whose they are. */
function anonymousPorts(masked: Masked, protocol: Protocol, options: FormatOptions): string[] {
  if (!protocol.ip || protocol.transport || protocol.icmp || protocol.icmpv6) return [];
  return [tcpSrc, tcpDst].flatMap((field) => formatField(masked, field, options));
}

function formatField(masked: Masked, field: Field, options: FormatOptions): string[] {
  const presence = presenceMatch(field, masked);
  const name = PRINTED[field.name] ?? field.name;
  if (presence === 'absent') return [`${name}=NP`];
  const exact = field === nwTos ? 0xfcn : ones(field.bits);
  const mask = getField(masked.mask, field) & exact;
  if (mask === 0n) return presence ? [name] : [];
  const value = getField(masked.value, field) & mask;
  return [`${name}=${formatMatchValue(field, value, mask === exact ? ones(field.bits) : mask, options.ports)}`];
}

/** dl_vlan and dl_vlan_pcp when the match is about just these, else vlan_tci. */
function formatVlan(masked: Masked, field: Field, suffix: string): string[] {
  const mask = getNumber(masked.mask, field);
  const value = getNumber(masked.value, field);
  const [vid, pcp] = [mask & 0xfff, mask & 0xe000];
  const whole = (vid === 0 || vid === 0xfff) && (pcp === 0 || pcp === 0xe000) && (vid | pcp) !== 0;
  if ((mask & value & 0x1000) !== 0 && whole) {
    const items = vid ? [`dl_vlan${suffix}=${value & 0xfff}`] : [];
    return pcp ? [...items, `dl_vlan_pcp${suffix}=${value >> 13}`] : items;
  }
  if (mask === 0) return [];
  return [`vlan_tci${suffix}=${formatMatchValue(vlanTci, BigInt(value), BigInt(mask))}`];
}
