// Reading and writing parts of fields as actions do: what is read or written is looked at, a field that the packet does
// not have is left alone. From: translate/actions/.
import { type Field, fieldByName } from '../key/fields.js';
import { getBits, lookAt, setBits } from '../key/flow.js';
import { tunMetadataIndex } from '../key/tlv-map.js';
import type { Subfield } from '../openflow/ast.js';
import { AT, put16, u16, VLAN_CFI } from './bytes.js';
import type { Context } from './context.js';
import { meets } from './prerequisites.js';

const VLAN_TPID = 0x8100;
const metadataPresent = fieldByName('tun_metadata_present');

export function wholeField(field: Field): Subfield {
  return { field, start: 0, count: field.bits };
}

/** Whether the packet has the field. */
export function hasField(ctx: Context, field: Field): boolean {
  return meets(field.prerequisite, ctx.flow, ctx.mask);
}

export function read(ctx: Context, { field, start, count }: Subfield): bigint {
  lookAt(ctx.mask, field, start, count);
  const option = tunMetadataIndex(field.name);
  if (option !== undefined) lookAt(ctx.mask, metadataPresent, option, 1);
  return getBits(ctx.flow, field, start, count);
}

/** Writes the low `count` bits of `value`. The field's prerequisite is the caller's to check. */
export function write(ctx: Context, { field, start, count }: Subfield, value: bigint): void {
  if (field.offset === AT.vlan_tci) return writeTag(ctx, { field, start, count }, value);
  lookAt(ctx.mask, field, start, count);
  setBits(ctx.flow, field, start, count, value);
  if (field.offset === AT.arp_op) ctx.flow[AT.arp_op] = 0; // of its 16 bits the pipeline keeps 8, as OVS's does
  const option = tunMetadataIndex(field.name);
  if (option === undefined) return;
  lookAt(ctx.mask, metadataPresent, option, 1);
  setBits(ctx.flow, metadataPresent, option, 1, 1n);
}

/** Writing to the tag may make one, or take it off: a tag has a type, no tag has none. */
function writeTag(ctx: Context, { field, start, count }: Subfield, value: bigint): void {
  const { flow, mask } = ctx;
  mask[AT.vlan_tci] |= VLAN_CFI >> 8;
  const was = isTagged(flow);
  if (!was) flow.fill(0, AT.vlan_tci, AT.vlan2_tpid + 2);
  lookAt(mask, field, start, count);
  setBits(flow, field, start, count, value);
  const is = isTagged(flow);
  if (!is) put16(flow, AT.vlan_tpid, 0);
  else if (!was) {
    put16(flow, AT.vlan_tpid, VLAN_TPID);
    lookAtLostTag(ctx);
  }
}

export function isTagged(flow: Uint8Array): boolean {
  return (u16(flow, AT.vlan_tci) & VLAN_CFI) !== 0;
}

/** A new tag comes in the place of one that was taken off: whether anything changed depends on all of that. */
export function lookAtLostTag({ base, mask }: Context): void {
  if (isTagged(base)) mask.fill(0xff, AT.vlan_tci, AT.vlan2_tpid + 2);
}
