// The mask with which a packet's Flow is printed: every field that such a packet has, and of the metadata what is not
// zero. Used by format-flow.ts for ofproto/trace's `Flow:` and `Final flow:` lines.
import { FIELDS, fieldByName, type Field } from '../key/fields.js';
import { type Flow, getBits, getField, getNumber, lookAt, newFlow, setField } from '../key/flow.js';
import type { TlvMap } from '../key/tlv-map.js';
import { Protocol } from './protocol.js';

const fields = (...names: string[]): Field[] => names.map(fieldByName);
const ALWAYS = fields('in_port', 'vlan_tci', 'dl_src', 'dl_dst', 'dl_type');
const UNLESS_ZERO = [
  ...fields('recirc_id', 'pkt_mark', 'dp_hash', 'ct_state', 'ct_zone', 'ct_mark', 'ct_label', 'tun_id', 'metadata'),
  ...FIELDS.filter((f) => /^reg[0-9]+$/.test(f.name)),
];
const TUNNEL = [
  ...fields('tun_src', 'tun_dst', 'tun_ipv6_src', 'tun_ipv6_dst', 'tun_gbp_id', 'tun_gbp_flags'),
  ...fields('tun_tos', 'tun_ttl', 'tun_flags'),
];
const TUNNEL_KEY_FLAG = 8;
const ctState = fieldByName('ct_state');
const ctNwProto = fieldByName('ct_nw_proto');

export function packetMask(flow: Flow, tlvMap?: TlvMap): Flow {
  const mask = newFlow();
  for (const field of ALWAYS) lookAt(mask, field);
  for (const field of UNLESS_ZERO) if (getField(flow, field) !== 0n) lookAt(mask, field);
  if (getNumber(flow, fieldByName('vlan_tci')) !== 0) mask.fill(0xff, 106, 108);
  lookAtTunnel(flow, mask, tlvMap);
  lookAtConnection(flow, mask);
  lookAtNetwork(flow, mask);
  lookAtTransport(flow, mask);
  return mask;
}

function lookAtTunnel(flow: Flow, mask: Flow, tlvMap?: TlvMap): void {
  const tunnelled = fields('tun_dst', 'tun_ipv6_dst').some((f) => getField(flow, f) !== 0n);
  if (!tunnelled) return;
  for (const field of TUNNEL) lookAt(mask, field);
  // A tunnel without a key has no tun_id; a packet that came through none has the one that was set for later.
  const tunId = fieldByName('tun_id');
  if (getNumber(flow, fieldByName('tun_flags')) & TUNNEL_KEY_FLAG) lookAt(mask, tunId);
  else setField(mask, tunId, 0n);
  const present = fieldByName('tun_metadata_present');
  for (const { index } of tlvMap?.mappings ?? []) {
    const field = tlvMap?.field(index);
    if (!field || getBits(flow, present, index, 1) === 0n) continue;
    lookAt(mask, present, index, 1);
    lookAt(mask, field);
  }
}

/** The tuple in the original direction, of a packet that conntrack has seen and knows the protocol of. */
function lookAtConnection(flow: Flow, mask: Flow): void {
  if (getNumber(flow, ctState) === 0 || getNumber(flow, ctNwProto) === 0) return;
  const protocol = new Protocol(flow, mask);
  if (!protocol.ip) return;
  const addresses = protocol.ipv4 ? fields('ct_nw_src', 'ct_nw_dst') : fields('ct_ipv6_src', 'ct_ipv6_dst');
  for (const field of [...addresses, ctNwProto, ...fields('ct_tp_src', 'ct_tp_dst')]) lookAt(mask, field);
}

function lookAtNetwork(flow: Flow, mask: Flow): void {
  const protocol = new Protocol(flow, mask);
  const names = protocol.arp
    ? ['arp_spa', 'arp_tpa', 'arp_op', 'arp_sha', 'arp_tha']
    : protocol.ipv4
      ? ['nw_src', 'nw_dst']
      : protocol.ipv6
        ? ['ipv6_src', 'ipv6_dst', 'ipv6_label']
        : [];
  for (const field of fields(...names)) lookAt(mask, field);
  if (protocol.ip) for (const field of fields('nw_proto', 'nw_tos', 'nw_ecn', 'nw_ttl', 'nw_frag')) lookAt(mask, field);
}

function lookAtTransport(flow: Flow, mask: Flow): void {
  if (new Protocol(flow, mask).laterFragment) return;
  const { transport, igmp, icmp, icmpv6 } = new Protocol(flow, mask);
  if (transport || igmp) for (const field of fields('tcp_src', 'tcp_dst')) lookAt(mask, field);
  if (transport === 'tcp') lookAt(mask, fieldByName('tcp_flags'));
  if (icmp || icmpv6) for (const field of fields('icmp_type', 'icmp_code')) lookAt(mask, field);
  if (!new Protocol(flow, mask).meets('nd')) return;
  for (const field of fields('nd_target', 'nd_sll', 'nd_tll')) lookAt(mask, field);
}
