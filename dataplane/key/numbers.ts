// Numbers and addresses as flow text writes them, to bigint and back. Used by format.ts, which knows which field takes
// which; an unreadable text is an InputError without a place, to which the parser adds the place.
import { InputError } from '../errors.js';

export function badValue(expected: string, text: string): InputError {
  return new InputError('EVALUE', `expected ${expected}, got ${text === '' ? 'nothing' : `"${text}"`}`);
}

/** A decimal or 0x number of at most `bits` bits. A leading zero is refused: C would read it as octal. */
export function parseUint(text: string, bits: number, what: string): bigint {
  if (!/^(0[xX][0-9a-fA-F]+|0|[1-9][0-9]*)$/.test(text)) throw badValue(`${what}, a decimal or 0x number`, text);
  const value = BigInt(text);
  if (value >> BigInt(bits) !== 0n) {
    throw new InputError(
      'ERANGE',
      `expected ${what} of at most ${bits} bits (${hex((1n << BigInt(bits)) - 1n)}), got ${text}`,
    );
  }
  return value;
}

/** C's %#x: zero has no prefix. */
export function hex(value: bigint | number): string {
  return value === 0 || value === 0n ? '0' : `0x${value.toString(16)}`;
}

/** 0x and at least `digits` digits. */
export function paddedHex(value: bigint | number, digits: number): string {
  return `0x${value.toString(16).padStart(digits, '0')}`;
}

export function parseMac(text: string): bigint {
  if (!/^([0-9a-fA-F]{1,2}:){5}[0-9a-fA-F]{1,2}$/.test(text))
    throw badValue('an Ethernet address (xx:xx:xx:xx:xx:xx)', text);
  return text.split(':').reduce((v, byte) => (v << 8n) | BigInt(`0x${byte}`), 0n);
}

export function formatMac(value: bigint): string {
  return value
    .toString(16)
    .padStart(12, '0')
    .replace(/..(?=.)/g, '$&:');
}

function ipv4Value(text: string): bigint | undefined {
  if (!/^(0|[1-9][0-9]{0,2})(\.(0|[1-9][0-9]{0,2})){3}$/.test(text)) return undefined;
  const bytes = text.split('.').map(Number);
  return bytes.some((b) => b > 255) ? undefined : bytes.reduce((v, b) => (v << 8n) | BigInt(b), 0n);
}

export function parseIpv4(text: string): bigint {
  const value = ipv4Value(text);
  if (value === undefined) throw badValue('an IPv4 address (a.b.c.d)', text);
  return value;
}

export function formatIpv4(value: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 0xffn).join('.');
}

function ipv6Groups(text: string): bigint[] | undefined {
  if (text === '') return [];
  const groups: bigint[] = [];
  const parts = text.split(':');
  for (const [i, part] of parts.entries()) {
    const v4 = i === parts.length - 1 ? ipv4Value(part) : undefined;
    if (v4 !== undefined) groups.push(v4 >> 16n, v4 & 0xffffn);
    else if (/^[0-9a-fA-F]{1,4}$/.test(part)) groups.push(BigInt(`0x${part}`));
    else return undefined;
  }
  return groups;
}

export function parseIpv6(text: string): bigint {
  const halves = text.split('::');
  const groups = halves.map(ipv6Groups);
  const [head, tail] = groups;
  let all: bigint[] | undefined;
  if (groups.length === 1 && head?.length === 8) all = head;
  if (groups.length === 2 && head && tail && head.length + tail.length < 8 && !halves[0].includes('.')) {
    all = [...head, ...new Array<bigint>(8 - head.length - tail.length).fill(0n), ...tail];
  }
  if (!all) throw badValue('an IPv6 address', text);
  return all.reduce((v, g) => (v << 16n) | g, 0n);
}

/** RFC 5952, with the embedded IPv4 forms (::a.b.c.d, ::ffff:a.b.c.d) that inet_ntop prints. */
export function formatIpv6(value: bigint): string {
  const groups = [...Array(8).keys()].map((i) => Number((value >> BigInt(112 - 16 * i)) & 0xffffn));
  let [start, length] = [-1, 1];
  for (let i = 0; i < 8;) {
    let end = i;
    while (end < 8 && groups[end] === 0) end++;
    if (end - i > length) [start, length] = [i, end - i];
    i = Math.max(end, i + 1);
  }
  const embedsIpv4 = start === 0 && (length === 6 || (length === 5 && groups[5] === 0xffff));
  if (embedsIpv4) return `${length === 6 ? '::' : '::ffff:'}${formatIpv4(value & 0xffffffffn)}`;
  const text = (part: number[]) => part.map((g) => g.toString(16)).join(':');
  return start < 0 ? text(groups) : `${text(groups.slice(0, start))}::${text(groups.slice(start + length))}`;
}

/** Bits of a CIDR prefix, or undefined when the mask is not one. */
export function prefixLength(mask: bigint, width: number): number | undefined {
  const host = ~mask & ((1n << BigInt(width)) - 1n);
  return (host & (host + 1n)) === 0n ? width - (host === 0n ? 0 : host.toString(2).length) : undefined;
}

export function prefixMask(length: number, width: number): bigint {
  return ((1n << BigInt(length)) - 1n) << BigInt(width - length);
}
