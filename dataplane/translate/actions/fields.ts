// load, set_field, move, mod_*, set_tunnel, write_metadata: write fields of the pipeline's packet. What becomes of that
// in the real packet is commit.ts's business, when the packet leaves.
import { type Field, fieldByName, type Prerequisite } from '../../key/fields.js';
import { ones } from '../../key/flow.js';
import { tunMetadataIndex } from '../../key/tlv-map.js';
import type { Action, Subfield } from '../../openflow/ast.js';
import { AT, FRAG_LATER, isIp, VLAN_CFI } from '../bytes.js';
import type { Context } from '../context.js';
import { hasField, isTagged, read, wholeField, write } from '../subfields.js';

type Of<T extends Action['type']> = Extract<Action, { type: T }>;

const tunId = wholeField(fieldByName('tun_id'));
const metadata = fieldByName('metadata');
const metadataPresent = fieldByName('tun_metadata_present');
const vlanTci = fieldByName('vlan_tci');

export function load(ctx: Context, { value, dst }: Of<'load'>): void {
  if (!hasField(ctx, dst.field)) return unmet(ctx, dst.field);
  lookAtProtocol(ctx, dst.field);
  write(ctx, dst, value);
}

export function setField(ctx: Context, { field, value, mask }: Of<'set_field'>): void {
  if (!hasField(ctx, field)) return unmet(ctx, field);
  lookAtProtocol(ctx, field);
  writeMasked(ctx, field, value, mask);
}

/** OVS's masks tell the protocol of every packet of which an action writes an IP or ARP field. */
function lookAtProtocol({ mask }: Context, { prerequisite }: Field): void {
  if (IP_PREREQUISITES.has(prerequisite)) mask[AT.nw_proto] = 0xff;
  else if (prerequisite === 'arp') mask.fill(0xff, AT.arp_op, AT.arp_op + 2);
}

const IP_PREREQUISITES: ReadonlySet<Prerequisite> = new Set(['ip', 'ipv4', 'ipv6']);

export function writeMetadata(ctx: Context, { value, mask }: Of<'write_metadata'>): void {
  writeMasked(ctx, metadata, value, mask);
}

export function setTunnel(ctx: Context, { id }: Of<'set_tunnel'>): void {
  write(ctx, tunId, id);
}

export function move(ctx: Context, { src, dst }: Of<'move'>): void {
  if (hasField(ctx, dst.field) && hasField(ctx, src.field)) write(ctx, dst, read(ctx, src));
  ctx.recorder?.subfield(dst, ctx.flow, ctx.depth);
}

/** The tunnel option of a tun_metadata<N>: it will not be there. */
export function deleteField(ctx: Context, { field }: Of<'delete_field'>): void {
  const option = tunMetadataIndex(field.name)!;
  ctx.detail(`delete ${field.name}`);
  write(ctx, wholeField(field), 0n);
  write(ctx, { field: metadataPresent, start: option, count: 1 }, 0n);
}

/** mod_vlan_vid and mod_vlan_pcp tag the packet if it has no tag; mod_tp_* write the port of whatever transport
 *  there is. */
export function mod(ctx: Context, { name, field, value }: Of<'mod'>): void {
  if (field.offset === AT.vlan_tci) modVlan(ctx, field, value);
  else if (name.startsWith('mod_tp_')) modPort(ctx, field, value);
  else if (hasField(ctx, field)) {
    lookAtProtocol(ctx, field);
    write(ctx, modified(field), field.name === 'nw_tos' ? value >> 2n : value);
  }
}

function modVlan(ctx: Context, field: Field, value: bigint): void {
  if (!isTagged(ctx.flow)) write(ctx, wholeField(vlanTci), BigInt(VLAN_CFI));
  // vlan_vid has the bit that says that there is a tag above its twelve.
  write(ctx, { field, start: 0, count: Math.min(12, field.bits) }, value);
}

function modPort(ctx: Context, field: Field, value: bigint): void {
  if (!isIp(ctx.flow) || (ctx.flow[AT.nw_frag] & FRAG_LATER) !== 0) return;
  ctx.mask[AT.nw_proto] = 0xff;
  write(ctx, wholeField(field), value);
}

/** nw_tos is the DSCP in its place: the two bits below are the ECN's. */
function modified(field: Field): Subfield {
  return field.name === 'nw_tos' ? { field, start: 2, count: 6 } : wholeField(field);
}

function writeMasked(ctx: Context, field: Field, value: bigint, mask = ones(field.bits)): void {
  if (mask === ones(field.bits)) return write(ctx, modified(field), field.name === 'nw_tos' ? value >> 2n : value);
  // Run by run of mask bits: only those are looked at.
  for (let start = 0; start < field.bits;) {
    let count = 0;
    while (start + count < field.bits && (mask >> BigInt(start + count)) & 1n) count++;
    if (count > 0) write(ctx, { field, start, count }, (value >> BigInt(start)) & ones(count));
    start += count + 1;
  }
}

function unmet(ctx: Context, field: Field): void {
  ctx.warn(`unmet prerequisites for ${field.name.replace(/^nw_(src|dst)$/, 'ip_$1')}, set_field ignored`);
}
