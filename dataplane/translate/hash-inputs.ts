// What of a packet is hashed to choose a bucket; all of it is looked at. From: actions/group.ts. The numbers are
// hash.ts's.
import { type Field, fieldByName } from '../key/fields.js';
import { getField, lookAt, setBits } from '../key/flow.js';
import { tunMetadataIndex } from '../key/tlv-map.js';
import type { GroupSelection, HashFields } from '../openflow/ast.js';
import { AT, ETH, FRAG_LATER, IPPROTO, isIp, u16, VLAN_CFI, VLAN_VID_MASK } from './bytes.js';
import type { Context } from './context.js';
import { hashBytes, hashInt, hashRange, hashSymmetricL3, hashSymmetricL3L4, hashSymmetricL4, hashU64 } from './hash.js';
import { hasField, read } from './subfields.js';

const metadataPresent = fieldByName('tun_metadata_present');
/** What OVS's hash of a truth value is made of. */
const FALSE = 0xc2b73583;
const TRUE = 0xe90f1258;

/** As OVS's datapath hashes for dp_hash. Both directions of a connection alike. */
export function hashForDatapath(ctx: Context): number {
  const { flow, mask } = ctx;
  if (isIp(flow)) lookAtIp(ctx);
  else lookAtEthernet(mask);
  return hashSymmetricL3L4(flow);
}

/** Both directions of a connection alike. */
export function hashSymmetric(ctx: Pick<Context, 'flow' | 'mask'>): number {
  lookAtEthernet(ctx.mask);
  if (isIp(ctx.flow)) lookAtIp(ctx);
  return hashSymmetricL4(ctx.flow);
}

function lookAtEthernet(mask: Uint8Array): void {
  mask.fill(0xff, AT.dl_dst, AT.dl_src + 6);
  for (const at of [AT.vlan_tci, AT.vlan2_tci]) {
    mask[at] |= (VLAN_CFI | VLAN_VID_MASK) >> 8;
    mask[at + 1] = 0xff;
  }
}

function lookAtIp({ flow, mask }: Pick<Context, 'flow' | 'mask'>): void {
  mask.fill(0xff, ...addresses(flow));
  mask[AT.nw_proto] = 0xff;
  // Ports count for TCP and SCTP alone, but OVS looks at what stands in their place in all but UDP.
  const protocol = flow[AT.nw_proto];
  const isIcmp = protocol === IPPROTO.ICMP || protocol === IPPROTO.ICMPV6;
  if (protocol !== IPPROTO.UDP && (flow[AT.nw_frag] & FRAG_LATER) === 0) {
    mask.fill(0xff, isIcmp ? AT.icmp_type : AT.tp_src, isIcmp ? AT.icmp_code + 1 : AT.tp_dst + 2);
  }
}

function addresses(flow: Uint8Array): [from: number, to: number] {
  return u16(flow, AT.dl_type) === ETH.IP ? [AT.nw_src, AT.nw_dst + 4] : [AT.ipv6_src, AT.ipv6_dst + 16];
}

/** The fields that a group names, as far as the packet has them; the parser has put them in OVS's order. */
export function hashFields(ctx: Context, { param, fields }: GroupSelection): number {
  let hash = hashU64(param);
  for (const { field, mask } of fields) {
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

/** What multipath and bundle hash (nicira-ext.h, enum nx_hash_fields). */
export function hashChosen(flow: Uint8Array, fields: HashFields, basis: number): number {
  const type = u16(flow, AT.dl_type);
  const address = (ipv4: number, ipv6: number): number =>
    type === ETH.IP ? hashRange(flow, ipv4, 4, basis) : type === ETH.IPV6 ? hashRange(flow, ipv6, 16, basis) : basis;
  switch (fields) {
    case 'eth_src':
      return hashRange(flow, AT.dl_src, 6, basis);
    case 'symmetric_l4':
      return hashSymmetricL4(flow, basis);
    case 'symmetric_l3l4':
      return hashSymmetricL3L4(flow, { basis });
    case 'symmetric_l3l4+udp':
      return hashSymmetricL3L4(flow, { basis, udpPorts: true });
    case 'symmetric_l3':
      return hashSymmetricL3(flow, basis);
    case 'nw_src':
      return address(AT.nw_src, AT.ipv6_src);
    case 'nw_dst':
      return address(AT.nw_dst, AT.ipv6_dst);
  }
}

export function lookAtChosen({ flow, mask }: Context, fields: HashFields): void {
  const isIpv4 = u16(flow, AT.dl_type) === ETH.IP;
  const look = (at: number, size: number): void => void mask.fill(0xff, at, at + size);
  const lookAtPorts = (protocols: readonly number[]): void => {
    if (protocols.includes(flow[AT.nw_proto]) && (flow[AT.nw_frag] & FRAG_LATER) === 0) look(AT.tp_src, 4);
  };
  if (fields === 'eth_src') return look(AT.dl_src, 6);
  if (fields === 'symmetric_l4') return void hashSymmetric({ flow, mask });
  if (!isIp(flow)) {
    // OVS looks at nothing here, although it hashes the link's addresses: a megaflow of its takes others the same way.
    if (fields.startsWith('symmetric_l3l4')) lookAtEthernet(mask);
    return;
  }
  if (fields === 'nw_src') return isIpv4 ? look(AT.nw_src, 4) : look(AT.ipv6_src, 16);
  if (fields === 'nw_dst') return isIpv4 ? look(AT.nw_dst, 4) : look(AT.ipv6_dst, 16);
  mask.fill(0xff, ...addresses(flow));
  if (fields === 'symmetric_l3') return;
  look(AT.nw_proto, 1);
  lookAtPorts([IPPROTO.TCP, IPPROTO.SCTP, ...(fields === 'symmetric_l3l4+udp' ? [IPPROTO.UDP] : [])]);
}

function lookAtBits(ctx: Context, field: Field, mask: bigint | undefined): void {
  if (mask === undefined) lookAt(ctx.mask, field);
  else setBits(ctx.mask, field, 0, field.bits, getField(ctx.mask, field) | mask);
}

/** In network byte order, as many bytes as OVS's value of that field has. */
function valueBytes(field: Field, value: bigint): Uint8Array {
  const size = field.name === 'in_port_of10' ? 2 : field.size;
  return Uint8Array.from(
    Buffer.from(
      value
        .toString(16)
        .padStart(size * 2, '0')
        .slice(-size * 2),
      'hex',
    ),
  );
}
