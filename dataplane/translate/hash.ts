// The hashes by which Open vSwitch spreads packets over buckets: the same numbers, so that a select group that says
// what to hash chooses the same bucket here as there. From: actions/group.ts.
//
// Words are little-endian and 32 bits wide: MurmurHash3's steps for fields one after the other, Jenkins's lookup3 for
// the symmetric hash of a whole packet.
import type { Flow } from '../key/flow.js';
import { AT, ETH, FRAG_ANY, IPPROTO, u16, VLAN_VID_MASK } from './bytes.js';

const rotate = (x: number, by: number): number => (x << by) | (x >>> (32 - by));

function addWord(hash: number, word: number): number {
  const mixed = Math.imul(rotate(Math.imul(word, 0xcc9e2d51), 15), 0x1b873593);
  return (Math.imul(rotate(hash ^ mixed, 13), 5) + 0xe6546b64) | 0;
}

function finish(hash: number, size: number): number {
  let h = hash ^ size;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** The word at `at`; bytes beyond the end are 0. */
function wordAt(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16) | ((bytes[at + 3] ?? 0) << 24) | 0
  );
}

export function hashBytes(bytes: Uint8Array, basis: number): number {
  let hash = basis;
  for (let at = 0; at < bytes.length; at += 4) hash = addWord(hash, wordAt(bytes, at));
  return finish(hash, bytes.length);
}

export function hashInt(value: number, basis: number): number {
  return finish(addWord(addWord(value, 0), basis), 8);
}

export function hashU64(value: bigint): number {
  const low = Number(value & 0xffff_ffffn);
  const high = Number((value >> 32n) & 0xffff_ffffn);
  return finish(addWord(addWord(0, low), high), 8);
}

function jenkins(bytes: Uint8Array, basis: number): number {
  let a = (0xdeadbeef + bytes.length + basis) | 0;
  let b = a;
  let c = a;
  let at = 0;
  for (; bytes.length - at >= 12; at += 12) {
    a = (a + wordAt(bytes, at)) | 0;
    b = (b + wordAt(bytes, at + 4)) | 0;
    c = (c + wordAt(bytes, at + 8)) | 0;
    for (const [first, second, third] of MIX) {
      a = ((a - c) | 0) ^ rotate(c, first);
      c = (c + b) | 0;
      b = ((b - a) | 0) ^ rotate(a, second);
      a = (a + c) | 0;
      c = ((c - b) | 0) ^ rotate(b, third);
      b = (b + a) | 0;
    }
  }
  if (at === bytes.length) return c >>> 0;
  a = (a + wordAt(bytes, at)) | 0;
  b = (b + wordAt(bytes, at + 4)) | 0;
  c = (c + wordAt(bytes, at + 8)) | 0;
  c = ((c ^ b) - rotate(b, 14)) | 0;
  a = ((a ^ c) - rotate(c, 11)) | 0;
  b = ((b ^ a) - rotate(a, 25)) | 0;
  c = ((c ^ b) - rotate(b, 16)) | 0;
  a = ((a ^ c) - rotate(c, 4)) | 0;
  b = ((b ^ a) - rotate(a, 14)) | 0;
  c = ((c ^ b) - rotate(b, 24)) | 0;
  return c >>> 0;
}

const MIX = [
  [4, 6, 8],
  [16, 19, 4],
] as const;

/** Layout of what the symmetric hash hashes: address, dl_type, VLAN, port, Ethernet address, protocol, padding. */
const SYMMETRIC_SIZE = 32;

/** The same for both directions of a connection; of UDP the ports do not count. */
export function hashSymmetricL4(flow: Flow, basis = 0): number {
  const bytes = new Uint8Array(SYMMETRIC_SIZE);
  const xor = (to: number, from: number, other: number, size: number): void => {
    for (let i = 0; i < size; i++) bytes[to + i] = flow[from + i] ^ flow[other + i];
  };
  const type = u16(flow, AT.dl_type);
  bytes.set(flow.subarray(AT.dl_type, AT.dl_type + 2), 16);
  const vlan = (u16(flow, AT.vlan_tci) ^ u16(flow, AT.vlan2_tci)) & VLAN_VID_MASK;
  bytes[18] = vlan >> 8;
  bytes[19] = vlan;
  xor(22, AT.dl_src, AT.dl_dst, 6);
  if (type === ETH.IP) xor(0, AT.nw_src, AT.nw_dst, 4);
  else if (type === ETH.IPV6) xor(0, AT.ipv6_src, AT.ipv6_dst, 16);
  if (type === ETH.IP || type === ETH.IPV6) {
    const protocol = flow[AT.nw_proto];
    bytes[28] = protocol;
    if (protocol === IPPROTO.TCP || protocol === IPPROTO.SCTP) xor(20, AT.tp_src, AT.tp_dst, 2);
  }
  return jenkins(bytes, basis);
}

/** What OVS's datapath hashes when it is asked for hash(sym_l4): the same for both directions; of UDP the ports do not
 *  count, nor do a fragment's; of what is not IP the Ethernet addresses do. */
export function hashSymmetricL3L4(flow: Flow, { basis = 0, udpPorts = false } = {}): number {
  const xored = xoredAddresses(flow);
  if (!xored) return hashSymmetricL2(flow, basis);
  const protocol = flow[AT.nw_proto];
  const hasPorts = protocol === IPPROTO.TCP || protocol === IPPROTO.SCTP || (udpPorts && protocol === IPPROTO.UDP);
  // The first fragment goes the way of those that have no ports.
  const withPorts = hasPorts && (flow[AT.nw_frag] & FRAG_ANY) === 0;
  const ports = (flow[AT.tp_src] ^ flow[AT.tp_dst]) | ((flow[AT.tp_src + 1] ^ flow[AT.tp_dst + 1]) << 8);
  return finish([...xored, protocol, ...(withPorts ? [ports] : [])].reduce(addWord, basis), basis);
}

/** Layout of what the hash of addresses alone hashes: address, dl_type, padding. */
const SYMMETRIC_L3_SIZE = 20;

/** Of addresses alone. */
export function hashSymmetricL3(flow: Flow, basis: number): number {
  const bytes = new Uint8Array(SYMMETRIC_L3_SIZE);
  bytes.set(flow.subarray(AT.dl_type, AT.dl_type + 2), 16);
  const words = new DataView(bytes.buffer);
  xoredAddresses(flow)?.forEach((word, i) => words.setUint32(4 * i, word, true));
  return jenkins(bytes, basis);
}

/** Jenkins's hash of some bytes of the packet. */
export function hashRange(flow: Flow, at: number, size: number, basis: number): number {
  return jenkins(flow.subarray(at, at + size), basis);
}

/** Word by word; undefined when it is not IP. */
function xoredAddresses(flow: Flow): number[] | undefined {
  const words = (from: number, to: number, size: number): number[] =>
    Array.from({ length: size / 4 }, (_, i) => wordAt(flow, from + 4 * i) ^ wordAt(flow, to + 4 * i));
  const type = u16(flow, AT.dl_type);
  if (type === ETH.IP) return words(AT.nw_src, AT.nw_dst, 4);
  return type === ETH.IPV6 ? words(AT.ipv6_src, AT.ipv6_dst, 16) : undefined;
}

function hashSymmetricL2(flow: Flow, basis: number): number {
  const bytes = new Uint8Array(12);
  const vlan = (u16(flow, AT.vlan_tci) ^ u16(flow, AT.vlan2_tci)) & VLAN_VID_MASK;
  bytes.set(flow.subarray(AT.dl_type, AT.dl_type + 2));
  bytes.set([vlan >> 8, vlan & 0xff], 2);
  for (let i = 0; i < 6; i++) bytes[4 + i] = flow[AT.dl_src + i] ^ flow[AT.dl_dst + i];
  return finish([0, 4, 8].map((at) => wordAt(bytes, at)).reduce(addWord, basis), basis);
}
