// The Internet checksum (RFC 1071), plain: sum of 16-bit words, carries folded, complement. Used to build frames and to
// judge them; the fast path has its own, incremental one in native/checksum.h.
import { put16, put32, u16 } from './bytes.js';

/** Folded one's complement sum of `b`, an odd last byte padded with zero. */
export function onesSum(b: Uint8Array, start = 0): number {
  let sum = start;
  for (let i = 0; i + 1 < b.length; i += 2) sum += u16(b, i);
  if (b.length % 2) sum += b[b.length - 1] << 8;
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000);
  return sum;
}

export function checksum(b: Uint8Array, start = 0): number {
  return ~onesSum(b, start) & 0xffff;
}

/** Sum of the pseudo header of TCP, UDP and ICMPv6 over IPv4 or IPv6; src and dst are 4 or 16 bytes. */
export function pseudoSum(src: Uint8Array, dst: Uint8Array, proto: number, size: number): number {
  const tail = new Uint8Array(8);
  put32(tail, 0, size);
  tail[7] = proto;
  return onesSum(tail, onesSum(dst, onesSum(src)));
}

/** The checksum field's verdict: `sum` is onesSum over everything, the field included. */
export function verdict(sum: number): 'valid' | 'invalid' {
  return sum === 0xffff ? 'valid' : 'invalid';
}

/** Writes the checksum at `at`. `udp` turns 0 into 0xffff, because 0 says "none" there (RFC 768). */
export function fillChecksum(segment: Uint8Array, at: number, pseudo: number, udp = false): void {
  put16(segment, at, 0);
  const c = checksum(segment, pseudo);
  put16(segment, at, udp && c === 0 ? 0xffff : c);
}
