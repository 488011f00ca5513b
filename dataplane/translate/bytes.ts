// Quick reads of the key's own fields, for the code that runs for every packet. flow.ts does the same for any field.
import { KEY_FIELDS } from '../datapath/key-fields.js';
import type { Flow } from '../key/flow.js';

export const AT = Object.fromEntries(Object.entries(KEY_FIELDS).map(([name, [offset]]) => [name, offset])) as {
  readonly [name in keyof typeof KEY_FIELDS]: number;
};

/** Where the tunnel's fields begin and end in the key. */
export const TUNNEL_START = AT.tun_id;
export const TUNNEL_END = AT.tun_metadata + KEY_FIELDS.tun_metadata[1];

export const ETH = { IP: 0x0800, ARP: 0x0806, RARP: 0x8035, IPV6: 0x86dd } as const;
export const IPPROTO = { ICMP: 1, TCP: 6, UDP: 17, ICMPV6: 58, SCTP: 132 } as const;
export const FRAG_ANY = 1;
export const FRAG_LATER = 2;
export const VLAN_CFI = 0x1000;
export const VLAN_VID_MASK = 0x0fff;

export function u16(bytes: Uint8Array, at: number): number {
  return (bytes[at] << 8) | bytes[at + 1];
}

export function u32(bytes: Uint8Array, at: number): number {
  return ((bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]) >>> 0;
}

export function put16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >> 8;
  bytes[at + 1] = value;
}

export function put32(bytes: Uint8Array, at: number, value: number): void {
  put16(bytes, at, value >>> 16);
  put16(bytes, at + 2, value);
}

export function mac(bytes: Uint8Array, at: number): bigint {
  return BigInt(u16(bytes, at)) * 0x1_0000_0000n + BigInt(u32(bytes, at + 2));
}

export function isZero(bytes: Uint8Array, from: number, to: number): boolean {
  for (let i = from; i < to; i++) if (bytes[i] !== 0) return false;
  return true;
}

export function sameBytes(a: Uint8Array, b: Uint8Array, from: number, to: number): boolean {
  for (let i = from; i < to; i++) if (a[i] !== b[i]) return false;
  return true;
}

export function isIp(flow: Flow): boolean {
  const type = u16(flow, AT.dl_type);
  return type === ETH.IP || type === ETH.IPV6;
}

export function isArp(flow: Flow): boolean {
  const type = u16(flow, AT.dl_type);
  return type === ETH.ARP || type === ETH.RARP;
}
