// IPv6 (RFC 8200) and the walk over its extension headers.
//
//   |version| traffic class |              flow label               |
//   |         payload length        |  next header  |   hop limit   |
//   |                     source (16 bytes)                         |
//   |                   destination (16 bytes)                      |
import { concat, ipv6Bytes, ipv6Text, need, put16, put32, u16, u32 } from './bytes.js';
import { FRAG_ANY, FRAG_LATER, IPPROTO } from './ipv4.js';
import { Malformed, truncated } from './malformed.js';

const VERSION_CLASS_LABEL = 0;
const PAYLOAD = 4;
const NEXT = 6;
const HOP_LIMIT = 7;
const SRC = 8;
const DST = 24;
export const IPV6_SIZE = 40;
export const IPV6_LABEL_MASK = 0xfffff;

export interface Ipv6Extension {
  /** Protocol number of this header, as the header before it says. */
  type: number;
  /** The whole header, its own first byte (next header) included. */
  bytes: Uint8Array;
}

export interface Ipv6 {
  ipv6_src: string;
  ipv6_dst: string;
  /** Of the payload, after all extension headers. */
  nw_proto: number;
  nw_ttl: number;
  nw_tos: number;
  ipv6_label: number;
  extensions: Ipv6Extension[];
}

export interface Ipv6Chain {
  /** What follows the last extension header; 44 for a fragment that is not the first. */
  nw_proto: number;
  nw_frag: number;
  extensions: Ipv6Extension[];
  payload: Uint8Array;
}

export class Ipv6View {
  private constructor(
    readonly bytes: Uint8Array,
    readonly totalSize: number,
  ) {}

  static parse(bytes: Uint8Array): Ipv6View | Malformed {
    if (bytes.length < IPV6_SIZE) return truncated('ipv6', IPV6_SIZE, bytes.length);
    const total = IPV6_SIZE + u16(bytes, PAYLOAD);
    if (total > bytes.length) {
      return new Malformed('ipv6', 'bad_total_size', `expected at most ${bytes.length}, got ${total}`);
    }
    return new Ipv6View(bytes, total);
  }

  get version(): number {
    return this.bytes[0] >> 4;
  }
  get ipv6_src(): string {
    return ipv6Text(this.bytes, SRC);
  }
  get ipv6_dst(): string {
    return ipv6Text(this.bytes, DST);
  }
  get addresses(): [Uint8Array, Uint8Array] {
    return [this.bytes.subarray(SRC, SRC + 16), this.bytes.subarray(DST, DST + 16)];
  }
  /** Of the fixed header; what the packet carries in the end is in chain(). */
  get next_header(): number {
    return this.bytes[NEXT];
  }
  get nw_ttl(): number {
    return this.bytes[HOP_LIMIT];
  }
  get nw_tos(): number {
    return (u32(this.bytes, VERSION_CLASS_LABEL) >>> 20) & 0xff;
  }
  get ipv6_label(): number {
    return u32(this.bytes, VERSION_CLASS_LABEL) & IPV6_LABEL_MASK;
  }
  /** Without the frame's padding, extension headers included. */
  get payload(): Uint8Array {
    return this.bytes.subarray(IPV6_SIZE, this.totalSize);
  }

  /** Walks hop-by-hop, routing, destination options, authentication and fragment headers. */
  chain(): Ipv6Chain | Malformed {
    let proto = this.next_header;
    let frag = 0;
    let rest = this.payload;
    const extensions: Ipv6Extension[] = [];
    for (;;) {
      if (!isExtension(proto)) return { nw_proto: proto, nw_frag: frag, extensions, payload: rest };
      if (rest.length < 8) return truncated('ipv6 extension', 8, rest.length);
      const size = extensionSize(proto, rest);
      if (rest.length < size) return truncated('ipv6 extension', size, rest.length);
      const header = rest.subarray(0, size);
      extensions.push({ type: proto, bytes: header });
      rest = rest.subarray(size);
      const next = header[0];
      if (proto === IPPROTO.fragment) {
        const offsetAndFlags = u16(header, 2);
        if (offsetAndFlags !== 0) frag = FRAG_ANY;
        // Bits 1 and 2 are reserved, bit 0 is "more": the offset is the upper 13 bits.
        if ((offsetAndFlags & 0xfff8) !== 0) {
          frag |= FRAG_LATER;
          return { nw_proto: IPPROTO.fragment, nw_frag: frag, extensions, payload: rest };
        }
      }
      proto = next;
    }
  }

  /** undefined when the extension headers are malformed. */
  value(): Ipv6 | undefined {
    const chain = this.chain();
    if (chain instanceof Malformed) return undefined;
    const last = chain.extensions.at(-1);
    return {
      ipv6_src: this.ipv6_src,
      ipv6_dst: this.ipv6_dst,
      nw_proto: last ? last.bytes[0] : this.next_header,
      nw_ttl: this.nw_ttl,
      nw_tos: this.nw_tos,
      ipv6_label: this.ipv6_label,
      extensions: chain.extensions.map((e) => ({ type: e.type, bytes: e.bytes.slice() })),
    };
  }
  toString(): string {
    return `${this.ipv6_src} > ${this.ipv6_dst}`;
  }
}

function isExtension(proto: number): boolean {
  return (
    proto === IPPROTO.hopopts ||
    proto === IPPROTO.routing ||
    proto === IPPROTO.dstopts ||
    proto === IPPROTO.ah ||
    proto === IPPROTO.fragment
  );
}

function extensionSize(proto: number, header: Uint8Array): number {
  if (proto === IPPROTO.fragment) return 8;
  // The authentication header counts 4-byte words minus 2 (RFC 4302 section 2.2), the others 8-byte units minus 1.
  return proto === IPPROTO.ah ? (header[1] + 2) * 4 : (header[1] + 1) * 8;
}

/** Each extension's "next header" byte is written here, from the order of the list. */
export function emitIpv6(value: Ipv6, payload: Uint8Array): Uint8Array {
  const extensions = value.extensions.map((e, i) => {
    const bytes = e.bytes.slice();
    bytes[0] = value.extensions[i + 1]?.type ?? value.nw_proto;
    return bytes;
  });
  const b = new Uint8Array(IPV6_SIZE);
  put32(b, VERSION_CLASS_LABEL, ((6 << 28) | (value.nw_tos << 20) | value.ipv6_label) >>> 0);
  put16(b, PAYLOAD, payload.length + extensions.reduce((n, e) => n + e.length, 0));
  b[NEXT] = value.extensions[0]?.type ?? value.nw_proto;
  b[HOP_LIMIT] = value.nw_ttl;
  b.set(need(ipv6Bytes(value.ipv6_src), 'an IPv6 address'), SRC);
  b.set(need(ipv6Bytes(value.ipv6_dst), 'an IPv6 address'), DST);
  return concat(b, ...extensions, payload);
}
