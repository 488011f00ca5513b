// FIELD, FIELD[], FIELD[bit] and FIELD[first..last], as load, move, push, pop and ct(zone=) take them.
import { fieldByName, type Field } from '../key/fields.js';
import type { Subfield } from './ast.js';
import { type ParseOptions, requireField } from './options.js';
import type { Span } from './source.js';

const inPort = fieldByName('in_port');
const inPortOf10 = fieldByName('in_port_of10');

/** Bits that an action may name, where the field has more. */
const WIDTH: Record<string, number> = { vlan_vid: 12, tun_flags: 1 };

function width(field: Field): number {
  return WIDTH[field.name] ?? field.bits;
}

/** To actions in_port is OpenFlow 1.0's, with 16 bits. */
export function requireActionField(name: Span, options: ParseOptions): Field {
  const field = requireField(name, options);
  return field === inPort && name.text === 'in_port' ? inPortOf10 : field;
}

export function parseSubfield(span: Span, options: ParseOptions): Subfield {
  const bracket = span.text.indexOf('[');
  const name = span.sub(0, bracket < 0 ? span.length : bracket);
  const field = requireActionField(name, options);
  if (bracket < 0) return { field, start: 0, count: width(field) };
  const range = span.sub(bracket);
  const m = /^\[(?:([0-9]+)(?:\.\.([0-9]+))?)?\]$/.exec(range.text);
  if (!m) return range.fail('ESYNTAX', `expected [], [bit] or [first..last], got "${range.text}"`);
  if (m[1] === undefined) return { field, start: 0, count: width(field) };
  const [first, last] = [Number(m[1]), Number(m[2] ?? m[1])];
  if (first > last) return range.fail('ERANGE', `expected the first bit not above the last, got ${range.text}`);
  if (last >= width(field)) {
    return range.fail('ERANGE', `expected bits 0 to ${width(field) - 1} of ${printedName(field)}, got ${range.text}`);
  }
  return { field, start: first, count: last - first + 1 };
}

/** The name that a match prints. */
export function printedName(field: Field): string {
  return field === inPortOf10 ? 'in_port' : field.name;
}

/** Names that ovs-fields(7) has first, where a match prints the older ones. */
const FIRST_NAMES: Record<string, string> = {
  dl_src: 'eth_src',
  dl_dst: 'eth_dst',
  dl_type: 'eth_type',
  nw_src: 'ip_src',
  nw_dst: 'ip_dst',
  nw_frag: 'ip_frag',
  in_port: 'in_port_oxm',
  in_port_of10: 'in_port',
};

/** The name that set_field and learn print. */
export function writtenName(field: Field): string {
  return FIRST_NAMES[field.name] ?? field.name;
}

/** All bits that an action may name. */
export function isWhole({ field, start, count }: Subfield): boolean {
  return start === 0 && count === width(field);
}

/** The NXM name, or the OXM name of a field that has no other: what load and move print. */
export function nxmName(field: Field): string {
  return field.aliases.find((a) => a.startsWith('NXM_')) ?? field.aliases.find((a) => /^[A-Z]+_/.test(a)) ?? field.name;
}

export function formatSubfield(subfield: Subfield): string {
  const { field, start, count } = subfield;
  const name = nxmName(field);
  if (isWhole(subfield)) return `${name}[]`;
  return count === 1 ? `${name}[${start}]` : `${name}[${start}..${start + count - 1}]`;
}
