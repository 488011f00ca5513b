// IPv4 (RFC 791).
//
//   |version|  IHL  |  type of srv  |          total length         |
//   |         identification        |0|D|M|   fragment offset / 8   |
//   |      TTL      |    protocol   |        header checksum        |
//   |                            source                             |
//   |                          destination                          |
//   |                       options, if IHL > 5                     |
import { checksum, onesSum, verdict } from './checksum.js';
import { concat, ipv4Bytes, ipv4Text, need, put16, u16 } from './bytes.js';
import { Malformed, truncated } from './malformed.js';

const VERSION_IHL = 0;
const TOS = 1;
const TOTAL = 2;
const ID = 4;
const FRAGMENT = 6;
const TTL = 8;
const PROTO = 9;
const CHECKSUM = 10;
const SRC = 12;
const DST = 16;
export const IPV4_SIZE = 20;

const DONT_FRAGMENT = 0x4000;
const MORE_FRAGMENTS = 0x2000;
const OFFSET_MASK = 0x1fff;

export const IPPROTO = {
  hopopts: 0,
  icmp: 1,
  igmp: 2,
  tcp: 6,
  udp: 17,
  routing: 43,
  fragment: 44,
  ah: 51,
  icmpv6: 58,
  dstopts: 60,
  sctp: 132,
} as const;

/** nw_frag of a flow: bit 0 any fragment, bit 1 not the first. */
export const FRAG_ANY = 1;
export const FRAG_LATER = 2;

export interface Ipv4 {
  nw_src: string;
  nw_dst: string;
  nw_proto: number;
  nw_ttl: number;
  nw_tos: number;
  id: number;
  dont_fragment: boolean;
  more_fragments: boolean;
  /** In bytes. */
  fragment_offset: number;
  options: Uint8Array;
}

export class Ipv4View {
  private constructor(
    readonly bytes: Uint8Array,
    readonly headerSize: number,
    readonly totalSize: number,
  ) {}

  /** `bytes` may be longer than the packet: Ethernet pads. The version is not judged: the Ethernet type has said it. */
  static parse(bytes: Uint8Array): Ipv4View | Malformed {
    if (bytes.length < IPV4_SIZE) return truncated('ipv4', IPV4_SIZE, bytes.length);
    const header = (bytes[VERSION_IHL] & 0xf) * 4;
    if (header < IPV4_SIZE) return new Malformed('ipv4', 'bad_header_size', `expected at least 20, got ${header}`);
    if (header > bytes.length) return truncated('ipv4', header, bytes.length);
    const total = u16(bytes, TOTAL);
    if (total > bytes.length || total < header) {
      return new Malformed('ipv4', 'bad_total_size', `expected ${header} to ${bytes.length}, got ${total}`);
    }
    return new Ipv4View(bytes, header, total);
  }

  get version(): number {
    return this.bytes[VERSION_IHL] >> 4;
  }
  get nw_src(): string {
    return ipv4Text(this.bytes, SRC);
  }
  get nw_dst(): string {
    return ipv4Text(this.bytes, DST);
  }
  get addresses(): [Uint8Array, Uint8Array] {
    return [this.bytes.subarray(SRC, SRC + 4), this.bytes.subarray(DST, DST + 4)];
  }
  get nw_proto(): number {
    return this.bytes[PROTO];
  }
  get nw_ttl(): number {
    return this.bytes[TTL];
  }
  get nw_tos(): number {
    return this.bytes[TOS];
  }
  get id(): number {
    return u16(this.bytes, ID);
  }
  get dont_fragment(): boolean {
    return (u16(this.bytes, FRAGMENT) & DONT_FRAGMENT) !== 0;
  }
  get more_fragments(): boolean {
    return (u16(this.bytes, FRAGMENT) & MORE_FRAGMENTS) !== 0;
  }
  get fragment_offset(): number {
    return (u16(this.bytes, FRAGMENT) & OFFSET_MASK) * 8;
  }
  get nw_frag(): number {
    if (this.fragment_offset !== 0) return FRAG_ANY | FRAG_LATER;
    return this.more_fragments ? FRAG_ANY : 0;
  }
  get checksum(): 'valid' | 'invalid' {
    return verdict(onesSum(this.bytes.subarray(0, this.headerSize)));
  }
  get options(): Uint8Array {
    return this.bytes.subarray(IPV4_SIZE, this.headerSize);
  }
  /** Without the frame's padding. */
  get payload(): Uint8Array {
    return this.bytes.subarray(this.headerSize, this.totalSize);
  }
  value(): Ipv4 {
    return {
      nw_src: this.nw_src,
      nw_dst: this.nw_dst,
      nw_proto: this.nw_proto,
      nw_ttl: this.nw_ttl,
      nw_tos: this.nw_tos,
      id: this.id,
      dont_fragment: this.dont_fragment,
      more_fragments: this.more_fragments,
      fragment_offset: this.fragment_offset,
      options: this.options.slice(),
    };
  }
  toString(): string {
    return `${this.nw_src} > ${this.nw_dst}`;
  }
}

/** Options are padded to whole words with end-of-list. */
export function emitIpv4(value: Ipv4, payload: Uint8Array): Uint8Array {
  const size = IPV4_SIZE + Math.ceil(value.options.length / 4) * 4;
  const b = new Uint8Array(size);
  b[VERSION_IHL] = 0x40 | (size / 4);
  b[TOS] = value.nw_tos;
  put16(b, TOTAL, size + payload.length);
  put16(b, ID, value.id);
  const flags = (value.dont_fragment ? DONT_FRAGMENT : 0) | (value.more_fragments ? MORE_FRAGMENTS : 0);
  put16(b, FRAGMENT, flags | (value.fragment_offset >> 3));
  b[TTL] = value.nw_ttl;
  b[PROTO] = value.nw_proto;
  b.set(need(ipv4Bytes(value.nw_src), 'an IPv4 address'), SRC);
  b.set(need(ipv4Bytes(value.nw_dst), 'an IPv4 address'), DST);
  b.set(value.options, IPV4_SIZE);
  put16(b, CHECKSUM, checksum(b));
  return concat(b, payload);
}
