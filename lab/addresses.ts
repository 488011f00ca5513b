// IPv4 addresses and prefixes of topologies: is this one, does it lie in that. Used by schema.ts and resolve.ts.
import { isIPv4 } from 'node:net';

export interface Prefix {
  address: number;
  length: number;
}

export function parseIp(text: string): number {
  return text.split('.').reduce((value, byte) => value * 256 + Number(byte), 0);
}

export function parsePrefix(text: string): Prefix | undefined {
  const [address, length, ...rest] = text.split('/');
  if (rest.length || !isIPv4(address) || !/^\d{1,2}$/.test(length ?? '') || Number(length) > 32) return undefined;
  return { address: parseIp(address), length: Number(length) };
}

/** The address with the host's bits zero. */
function network(address: number, length: number): number {
  const size = 2 ** (32 - length);
  return Math.floor(address / size) * size;
}

/** A prefix as routes want it: no host bits. */
export function isNetwork(text: string): boolean {
  const prefix = parsePrefix(text);
  return prefix !== undefined && network(prefix.address, prefix.length) === prefix.address;
}

/** `ip` lies in `prefix`, which may have host bits; both well formed. */
export function inPrefix(ip: string, prefix: string): boolean {
  const { address, length } = parsePrefix(prefix)!;
  return network(parseIp(ip), length) === network(address, length);
}

export function overlap(a: string, b: string): boolean {
  const length = Math.min(parsePrefix(a)!.length, parsePrefix(b)!.length);
  return network(parsePrefix(a)!.address, length) === network(parsePrefix(b)!.address, length);
}

export function prefixLength(prefix: string): number {
  return parsePrefix(prefix)!.length;
}

/** 172.17.0.1/16 lies in 172.17.0.0/16. */
export function networkOf(prefix: string): string {
  const { address, length } = parsePrefix(prefix)!;
  const first = network(address, length);
  return `${[24, 16, 8, 0].map((shift) => Math.floor(first / 2 ** shift) % 256).join('.')}/${length}`;
}
