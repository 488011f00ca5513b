// Reading and writing parts of fields as actions do: what is read or written is looked at, a field that the packet does not
// have is left alone. From: translate/actions/.
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
  lookAt(ctx.mask, field, start, count);
  setBits(ctx.flow, field, start, count, value);
  if (field.offset === AT.vlan_tci) fixVlan(ctx);
  const option = tunMetadataIndex(field.name);
  if (option === undefined) return;
  lookAt(ctx.mask, metadataPresent, option, 1);
  setBits(ctx.flow, metadataPresent, option, 1, 1n);
}

/** A tag has a type; no tag has none. */
function fixVlan(ctx: Context): void {
  const tagged = (u16(ctx.flow, AT.vlan_tci) & VLAN_CFI) !== 0;
  if (!tagged) put16(ctx.flow, AT.vlan_tpid, 0);
  else if (u16(ctx.flow, AT.vlan_tpid) === 0) put16(ctx.flow, AT.vlan_tpid, VLAN_TPID);
}
