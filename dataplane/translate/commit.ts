// Turns what the pipeline changed in the packet's headers into datapath actions. That is put off until the packet
// leaves (output, ct, recirculation, controller): what the pipeline changes and changes back costs nothing, and what it
// changes twice is written once. From: actions/ that send the packet; to: the datapath's `set`, push_vlan and pop_vlan.
//
// Order and masks are those of OVS's commit_odp_actions: a field that differs is written with the bits that were read
// or written (the others are as they were), Ethernet before IP before ports before VLAN tags.
import { KEY_FIELDS, type FieldName } from '../datapath/key-fields.js';
import { AT, ETH, IPPROTO, isIp, sameBytes, u16, VLAN_CFI } from './bytes.js';
import type { Context } from './context.js';

const VLAN_TPID = 0x8100;
const ECN_MASK = 3;

const ETHERNET: readonly FieldName[] = ['dl_src', 'dl_dst'];
const ARP: readonly FieldName[] = ['nw_src', 'nw_dst', 'arp_op', 'arp_sha', 'arp_tha'];
const IPV4: readonly FieldName[] = ['nw_src', 'nw_dst', 'nw_tos', 'nw_ttl'];
const IPV6: readonly FieldName[] = ['ipv6_src', 'ipv6_dst', 'ipv6_label', 'nw_tos', 'nw_ttl'];
const PORTS: readonly FieldName[] = ['tp_src', 'tp_dst'];
const ICMP: readonly FieldName[] = ['icmp_type', 'icmp_code'];
const ND: readonly FieldName[] = ['nd_target', 'arp_sha', 'arp_tha'];
const NOTHING: readonly FieldName[] = [];

export function commit(ctx: Context): void {
  commitFields(ctx, ETHERNET);
  const type = u16(ctx.base, AT.dl_type);
  // Not RARP: what the pipeline writes there stays in the pipeline, in OVS too.
  if (type === ETH.ARP) commitNetwork(ctx, ARP, 'arp_op');
  else if (isIp(ctx.base)) {
    commitNetwork(ctx, type === ETH.IP ? IPV4 : IPV6, 'nw_proto');
    // Of a later fragment, too: as in OVS its ICMP type may be written, and the datapath leaves it alone.
    commitFields(ctx, transportFields(ctx.base[AT.nw_proto], type));
  }
  commitVlans(ctx);
  commitFields(ctx, ['pkt_mark']);
}

/** Nothing is written where there is no such header, since it is damaged or cut off: then it has no protocol. */
function commitNetwork(ctx: Context, fields: readonly FieldName[], protocol: 'arp_op' | 'nw_proto'): void {
  const { flow, base, mask } = ctx;
  const differs = fields.some((field) => {
    const [offset, size] = KEY_FIELDS[field];
    return !sameBytes(flow, base, offset, offset + size);
  });
  if (!differs) return;
  const [offset, size] = KEY_FIELDS[protocol];
  mask.fill(0xff, offset, offset + size);
  if (flow.subarray(offset, offset + size).some((byte) => byte !== 0)) commitFields(ctx, fields);
}

function transportFields(protocol: number, type: number): readonly FieldName[] {
  switch (protocol) {
    case IPPROTO.TCP:
    case IPPROTO.UDP:
    case IPPROTO.SCTP:
      return PORTS;
    case IPPROTO.ICMP:
      return type === ETH.IP ? ICMP : NOTHING;
    case IPPROTO.ICMPV6:
      return type === ETH.IPV6 ? [...ICMP, ...ND] : NOTHING;
    default:
      return NOTHING;
  }
}

function commitFields(ctx: Context, fields: readonly FieldName[]): void {
  const { flow, base, mask, actions } = ctx;
  for (const field of fields) {
    const [offset, size] = KEY_FIELDS[field];
    const end = offset + size;
    if (sameBytes(flow, base, offset, end)) continue;
    const value = flow.slice(offset, end);
    const bits = mask.slice(offset, end);
    // Under an outer header, ECN is written only where it is changed: it was read to make that header (RFC 6040).
    if (field === 'nw_tos' && ctx.tunnel && ((flow[offset] ^ base[offset]) & ECN_MASK) === 0) bits[0] &= ~ECN_MASK;
    // OVS takes the pipeline's 8 bits for those of a mask when they are all ones, and writes 16.
    if (field === 'arp_op' && value[1] === 0xff) value.fill(0xff);
    for (let i = 0; i < size; i++) value[i] &= bits[i];
    actions.push({ type: 'set', field, value, mask: bits });
    base.set(flow.subarray(offset, end), offset);
  }
}

/** Tags are taken off down to the first that differs, and the new ones put on. */
function commitVlans(ctx: Context): void {
  const { flow, base, mask, actions } = ctx;
  if (sameBytes(flow, base, AT.vlan_tci, AT.vlan2_tpid + 2)) return;
  const had = tags(base);
  const wanted = tags(flow);
  if (had.length > 0) mask[AT.vlan2_tci] |= VLAN_CFI >> 8;
  // Compared from the innermost, which stays when it is the same.
  let same = 0;
  while (
    same < had.length &&
    same < wanted.length &&
    sameTag(had[had.length - 1 - same], wanted[wanted.length - 1 - same])
  )
    same++;
  for (let i = same; i < had.length; i++) {
    actions.push({ type: 'pop_vlan' });
    const outer = AT.vlan_tci + 4 * (i - same);
    mask.fill(0xff, outer, outer + 4);
  }
  for (const tag of wanted.slice(0, wanted.length - same).reverse()) actions.push({ type: 'push_vlan', ...tag });
  base.set(flow.subarray(AT.vlan_tci, AT.vlan2_tpid + 2), AT.vlan_tci);
}

interface Tag {
  tpid: number;
  tci: number;
}

function sameTag(a: Tag, b: Tag): boolean {
  return a.tpid === b.tpid && a.tci === b.tci;
}

/** The tags of a packet, outermost first. */
function tags(flow: Uint8Array): Tag[] {
  const found: Tag[] = [];
  for (const at of [AT.vlan_tci, AT.vlan2_tci]) {
    const tci = u16(flow, at);
    if ((tci & VLAN_CFI) === 0) break;
    found.push({ tpid: u16(flow, at + 2) || VLAN_TPID, tci });
  }
  return found;
}
