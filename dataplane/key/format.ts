// A field's value as text, in the form that ovs-ofctl prints, and back. The parser, the printers and the trace use it;
// the field table says which format a field has.
import { InputError } from '../errors.js';
import type { PortNames } from '../openflow/ast.js';
import type { Field } from './fields.js';
import { FLAGS, formatFlags, formatFrag, parseFlags, parseFrag } from './flags.js';
import { ones } from './flow.js';
import {
  badValue,
  formatIpv4,
  formatIpv6,
  formatMac,
  hex,
  paddedHex,
  parseIpv4,
  parseIpv6,
  parseMac,
  parseUint,
  prefixLength,
  prefixMask,
} from './numbers.js';
import { formatPort, parsePort } from './ports.js';

export interface MaskedValue {
  value: bigint;
  /** All ones (of the bits that the field may have) when exact, 0 when the text matches anything. */
  mask: bigint;
}

/** value or value/mask as the field's format writes them. Throws InputError without a place. */
export function parseFieldValue(field: Field, text: string, names?: PortNames): MaskedValue {
  const { value, mask } = parseRawFieldValue(field, text, names);
  return { value: value & mask, mask };
}

/** The same, with the bits of the value that are outside of the mask. */
export function parseRawFieldValue(field: Field, text: string, names?: PortNames): MaskedValue {
  const parsed = parseByFormat(field, text, names);
  if (field.maskable === 'none' && parsed.mask !== 0n && parsed.mask !== ones(field.bits)) {
    throw new InputError('EMASK', `expected an exact ${field.name}, which takes no mask, got "${text}"`);
  }
  return parsed;
}

function parseByFormat(field: Field, text: string, names?: PortNames): MaskedValue {
  switch (field.format) {
    case 'port':
      return { value: BigInt(parsePort(text, names)), mask: ones(field.bits) };
    case 'ct_state':
    case 'tcp_flags':
    case 'tun_flags':
      return parseFlags(FLAGS[field.format], text);
    case 'frag':
      return parseFrag(text);
    case 'ipv4':
      return parseMasked(text, 32, parseIpv4);
    case 'ipv6':
      return parseMasked(text, 128, parseIpv6);
    case 'ethernet':
      return parseMasked(text, undefined, parseMac, 48);
    default:
      return parseMasked(text, undefined, (t) => parseUint(t, field.bits, field.name), field.bits);
  }
}

/** `cidr`: width of an address whose mask may be a prefix length. */
function parseMasked(
  text: string,
  cidr: number | undefined,
  parse: (t: string) => bigint,
  bits = cidr ?? 0,
): MaskedValue {
  if (text === '*') return { value: 0n, mask: 0n };
  const slash = text.indexOf('/');
  if (slash < 0) return { value: parse(text), mask: ones(bits) };
  const value = parse(text.slice(0, slash));
  const maskText = text.slice(slash + 1);
  if (cidr === undefined || !/^[0-9]+$/.test(maskText)) return { value, mask: parse(maskText) };
  if (Number(maskText) > cidr) throw badValue(`a prefix length of 0 to ${cidr}`, maskText);
  return { value, mask: prefixMask(Number(maskText), cidr) };
}

/** value, or value/mask when the mask is not exact; `undefined` means exact. */
export function formatFieldValue(field: Field, value: bigint, mask?: bigint, names?: PortNames): string {
  const exact = mask === undefined || mask === ones(field.bits);
  switch (field.format) {
    case 'port':
      return formatPort(Number(value), names);
    case 'ct_state':
    case 'tcp_flags':
    case 'tun_flags':
      return formatFlags(FLAGS[field.format], value, mask);
    case 'frag':
      return formatFrag(value, mask);
    case 'ethernet':
      return exact ? formatMac(value) : `${formatMac(value)}/${formatMac(mask)}`;
    case 'ipv4':
      return formatAddress(value, mask, 32, formatIpv4);
    case 'ipv6':
      return formatAddress(value, mask, 128, formatIpv6);
    case 'decimal':
      return exact ? value.toString() : `${value}/${hex(mask)}`;
    case 'hex':
      return exact ? hex(value) : `${hex(value)}/${hex(mask)}`;
  }
}

function formatAddress(value: bigint, mask: bigint | undefined, width: number, format: (v: bigint) => string): string {
  if (mask === undefined || mask === ones(width)) return format(value);
  const length = prefixLength(mask, width);
  return `${format(value)}/${length ?? format(mask)}`;
}

/** Digits that a match prints at least; an action prints the same field without padding. */
const MATCH_DIGITS: Record<string, number> = { dl_type: 4, vlan_tci: 4, ipv6_label: 5 };

/** formatFieldValue as a match prints it: some hexadecimal fields have a fixed width there, and what has a mask is
 *  hexadecimal. */
export function formatMatchValue(field: Field, value: bigint, mask?: bigint, names?: PortNames): string {
  const digits = MATCH_DIGITS[field.name];
  const exact = mask === undefined || mask === ones(field.bits);
  if (field.format === 'decimal' && !exact) return `${paddedHex(value, 1)}/${hex(mask)}`;
  if (digits === undefined) return formatFieldValue(field, value, mask, names);
  return exact ? paddedHex(value, digits) : `${paddedHex(value, digits)}/${paddedHex(mask, digits)}`;
}

/** Numbers that Open vSwitch prints in the other base outside of matches. */
const PLAIN: Record<string, (value: bigint) => string> = { ct_zone: hex, recirc_id: String };

/** An exact value as learn and a group's fields print it. */
export function formatPlainValue(field: Field, value: bigint, names?: PortNames): string {
  return PLAIN[field.name]?.(value) ?? formatFieldValue(field, value, undefined, names);
}
