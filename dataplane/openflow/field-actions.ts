// Actions that write a field: load, set_field, move, the mod_* family, set_tunnel, push and pop, write_metadata.
// Entries of the action parser's table.
import { fieldByName, type Field } from '../key/fields.js';
import { parseRawFieldValue } from '../key/format.js';
import { ones } from '../key/flow.js';
import { hex, parseUint } from '../key/numbers.js';
import type { Action, Subfield } from './ast.js';
import type { Item } from './lexer.js';
import { parseNumber, requireValue } from './operands.js';
import type { ParseOptions } from './options.js';
import type { Span } from './source.js';
import { formatSubfield, parseSubfield, printedName, requireActionField } from './subfield.js';

const CFI = 0x1000n;
const nwTos = fieldByName('nw_tos');
const vlanVid = fieldByName('vlan_vid');

export const FIELD_ACTIONS: Record<string, (item: Item, options: ParseOptions) => Action> = {
  load: parseLoad,
  set_field: parseSetField,
  move: parseMove,
  push: (item, options) => ({ type: 'push', src: parseSubfield(requireValue(item), options) }),
  pop: (item, options) => {
    const dst = parseSubfield(requireValue(item), options);
    requireWritable(dst.field, requireValue(item));
    return { type: 'pop', dst };
  },
  mod_dl_src: mod('dl_src'),
  mod_dl_dst: mod('dl_dst'),
  mod_nw_src: mod('nw_src'),
  mod_nw_dst: mod('nw_dst'),
  mod_nw_ecn: mod('nw_ecn'),
  mod_nw_ttl: mod('nw_ttl'),
  mod_tp_src: mod('tcp_src'),
  mod_tp_dst: mod('tcp_dst'),
  mod_nw_tos: parseModNwTos,
  mod_vlan_vid: parseModVlanVid,
  set_vlan_vid: parseModVlanVid,
  mod_vlan_pcp: parseModVlanPcp,
  set_vlan_pcp: parseModVlanPcp,
  set_tunnel: (item) => setTunnel(item, false),
  set_tunnel64: (item) => setTunnel(item, true),
  write_metadata: parseWriteMetadata,
};

/** VALUE->FIELD: the two sides of the arrow. */
export function arrow(item: Item): [value: Span, target: Span] {
  const whole = requireValue(item);
  const at = whole.text.indexOf('->');
  if (at < 0) return whole.after().fail('ESYNTAX', `expected "->" and a field after "${item.whole.text}"`);
  return [whole.sub(0, at), whole.sub(at + 2)];
}

export function requireWritable(field: Field, span: Span): void {
  if (!field.writable)
    span.fail('EREADONLY', `expected a field that can be written, but ${printedName(field)} is read-only`);
}

function parseLoad(item: Item, options: ParseOptions): Action {
  const [from, to] = arrow(item);
  let dst = parseSubfield(to, options);
  requireWritable(dst.field, to);
  let value = from.locate(() => parseUint(from.text, 128, 'a value'));
  if (value > ones(dst.count)) {
    from.fail(
      'ERANGE',
      `expected a value that fits into ${dst.count} bits of ${formatSubfield(dst)}, got ${from.text}`,
    );
  }
  if (dst.field === nwTos && dst.start === 0 && dst.count === nwTos.bits) {
    value = dscp(value, from);
    dst = { field: nwTos, start: 2, count: 6 };
  }
  return { type: 'load', value, dst };
}

/** nw_tos writes the DSCP and leaves the two ECN bits as they are. */
function dscp(tos: bigint, span: Span): bigint {
  if (tos % 4n !== 0n)
    span.fail('ERANGE', `expected nw_tos with its two low bits 0 (they are nw_ecn), got ${span.text}`);
  return tos >> 2n;
}

function parseSetField(item: Item, options: ParseOptions): Action {
  const [from, to] = arrow(item);
  if (to.text.includes('['))
    to.fail('EFIELD', `expected a field without a range (use a mask, or load), got "${to.text}"`);
  const field = requireActionField(to, options);
  requireWritable(field, to);
  let { value, mask } = from.locate(() => parseRawFieldValue(field, from.text, options.ports));
  if ((value & ~mask) !== 0n) from.fail('EMASK', `expected no bits outside of the mask ${hex(mask)}, got ${from.text}`);
  if (field.name === 'arp_op' && value > 0xffn) from.fail('ERANGE', `expected arp_op of at most 255, got ${from.text}`);
  if (field === nwTos) {
    value = dscp(value, from) << 2n;
    mask = 0xfcn;
  }
  if (field === vlanVid && mask === ones(vlanVid.bits)) value |= CFI;
  return mask === ones(field.bits) ? { type: 'set_field', field, value } : { type: 'set_field', field, value, mask };
}

function parseMove(item: Item, options: ParseOptions): Action {
  const [from, to] = arrow(item);
  const [src, dst] = [parseSubfield(from, options), parseSubfield(to, options)];
  requireWritable(dst.field, to);
  const width = (s: Subfield): string => `${formatSubfield(s)} (${s.count})`;
  if (src.count !== dst.count) {
    requireValue(item).fail('ERANGE', `expected as many bits on both sides, got ${width(src)} and ${width(dst)}`);
  }
  return { type: 'move', src, dst };
}

function mod(fieldName: string): (item: Item, options: ParseOptions) => Action {
  const field = fieldByName(fieldName);
  return (item, options) => {
    const span = requireValue(item);
    const { value, mask } = span.locate(() => parseRawFieldValue(field, span.text, options.ports));
    if (mask !== ones(field.bits)) span.fail('EMASK', `expected one value, which takes no mask, got "${span.text}"`);
    return { type: 'mod', name: item.key.text.toLowerCase(), field, value };
  };
}

function parseModNwTos(item: Item): Action {
  const span = requireValue(item);
  const value = dscp(parseNumber(span, 'a TOS', 0n, 255n), span);
  return { type: 'mod', name: 'mod_nw_tos', field: fieldByName('ip_dscp'), value };
}

/** The value has the bit that says that there is a tag. */
function parseModVlanVid(item: Item): Action {
  const vid = parseNumber(requireValue(item), 'a VLAN', 0n, 4095n);
  return { type: 'mod', name: 'mod_vlan_vid', field: vlanVid, value: CFI | vid };
}

function parseModVlanPcp(item: Item): Action {
  const value = parseNumber(requireValue(item), 'a VLAN priority', 0n, 7n);
  return { type: 'mod', name: 'mod_vlan_pcp', field: fieldByName('vlan_pcp'), value };
}

function setTunnel(item: Item, wide: boolean): Action {
  const id = parseNumber(requireValue(item), 'a tunnel id', 0n, ones(64));
  return { type: 'set_tunnel', id, wide: wide || id > ones(32) };
}

function parseWriteMetadata(item: Item, options: ParseOptions): Action {
  const span = requireValue(item);
  const field = fieldByName('metadata');
  const { value, mask } = span.locate(() => parseRawFieldValue(field, span.text, options.ports));
  return mask === ones(64) ? { type: 'write_metadata', value } : { type: 'write_metadata', value: value & mask, mask };
}
