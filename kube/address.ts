// IP addresses and networks of both families as numbers: parse, print, contain, subtract. Text in and out is RFC
// 5952's. Used by the schemas, the resolvers of this folder and the pipelines.
import { isIPv4, isIPv6 } from 'node:net';

export type Family = 'ipv4' | 'ipv6';

export interface Cidr {
  family: Family;
  /** The network's first address; no host bits. */
  base: bigint;
  length: number;
}

export const BITS: Record<Family, number> = { ipv4: 32, ipv6: 128 };

/** The family of an address or a network in text. */
export function familyOf(text: string): Family {
  return text.includes(':') ? 'ipv6' : 'ipv4';
}

/** A well-formed address as a number. */
export function addressValue(text: string): bigint {
  if (familyOf(text) === 'ipv4') return text.split('.').reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);
  let groups = text;
  const embedded = /(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  if (embedded) {
    const v4 = addressValue(embedded[1]);
    groups = `${text.slice(0, -embedded[1].length)}${(v4 >> 16n).toString(16)}:${(v4 & 0xffffn).toString(16)}`;
  }
  const [head, tail] = groups.split('::').map((part) => (part === '' ? [] : part.split(':')));
  const zeros = tail === undefined ? [] : Array<string>(8 - head.length - tail.length).fill('0');
  return [...head, ...zeros, ...(tail ?? [])].reduce((value, group) => (value << 16n) | BigInt(`0x${group}`), 0n);
}

export function formatAddress(family: Family, value: bigint): string {
  if (family === 'ipv4') return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 0xffn).join('.');
  const groups = [...Array(8).keys()].map((i) => ((value >> BigInt(112 - 16 * i)) & 0xffffn).toString(16));
  // The longest run of at least two zero groups becomes "::"; of equal ones the first (RFC 5952 4.2).
  let [start, size] = [0, 1];
  for (let i = 0; i < 8; i++) {
    let end = i;
    while (end < 8 && groups[end] === '0') end++;
    if (end - i > size) [start, size] = [i, end - i];
  }
  if (size === 1) return groups.join(':');
  return `${groups.slice(0, start).join(':')}::${groups.slice(start + size).join(':')}`;
}

/** undefined when it is none. Host bits are cut off, as Kubernetes does. */
export function parseCidr(text: string): Cidr | undefined {
  const [address, length, ...rest] = text.split('/');
  if (rest.length > 0 || !/^\d{1,3}$/.test(length ?? '') || !(isIPv4(address) || isIPv6(address))) return undefined;
  const family = familyOf(address);
  const prefix = Number(length);
  if (prefix > BITS[family]) return undefined;
  return { family, base: network(addressValue(address), family, prefix), length: prefix };
}

function network(value: bigint, family: Family, length: number): bigint {
  const host = BigInt(BITS[family] - length);
  return (value >> host) << host;
}

/** A whole address prints without its length. */
export function formatCidr({ family, base, length }: Cidr): string {
  const address = formatAddress(family, base);
  return length === BITS[family] ? address : `${address}/${length}`;
}

/** An address or a network in text as a network. */
export function asCidr(text: string): Cidr {
  const cidr = parseCidr(text.includes('/') ? text : `${text}/${BITS[familyOf(text)]}`);
  if (!cidr) throw new RangeError(`expected an address or a network, got ${text}`);
  return cidr;
}

export function contains(outer: Cidr, inner: Cidr): boolean {
  return (
    outer.family === inner.family &&
    outer.length <= inner.length &&
    network(inner.base, inner.family, outer.length) === outer.base
  );
}

/** Both well-formed text. */
export function cidrContains(outer: string, inner: string): boolean {
  const [o, i] = [parseCidr(outer), parseCidr(inner)];
  return o !== undefined && i !== undefined && contains(o, i);
}

/** The networks that remain of `outer`: halves that no hole touches stay whole. In order of address. */
export function subtract(outer: Cidr, holes: readonly Cidr[]): Cidr[] {
  if (holes.some((hole) => contains(hole, outer))) return [];
  const inside = holes.filter((hole) => contains(outer, hole));
  if (inside.length === 0) return [outer];
  const length = outer.length + 1;
  const upper = outer.base | (1n << BigInt(BITS[outer.family] - length));
  return [outer.base, upper].flatMap((base) => subtract({ family: outer.family, base, length }, inside));
}

/** The n-th address of a network, counted from its first. */
export function nthAddress({ family, base }: Cidr, n: number | bigint): string {
  return formatAddress(family, base + BigInt(n));
}
