// ICMPv6 (RFC 4443) and neighbour discovery (RFC 4861): solicitations and advertisements with their link-layer options.
//
//   |     type      |     code      |            checksum           |
//   |                             rest                              |
//   |          of types 135 and 136: target (16 bytes), options     |
import { fillChecksum, onesSum, verdict } from './checksum.js';
import { concat, ipv6Bytes, ipv6Text, macBytes, macText, need, put32, u16, u32 } from './bytes.js';
import { type Malformed, truncated } from './malformed.js';

const TYPE = 0;
const CODE = 1;
const CHECKSUM = 2;
const REST = 4;
export const ICMPV6_SIZE = 8;
const TARGET_SIZE = 16;
const OPTION_UNIT = 8;

export const ICMPV6_TYPE = {
  unreachable: 1,
  too_big: 2,
  time_exceeded: 3,
  echo_request: 128,
  echo_reply: 129,
  solicit: 135,
  advert: 136,
} as const;
const SOURCE_LINK = 1;
const TARGET_LINK = 2;

export interface Icmpv6 {
  icmpv6_type: number;
  icmpv6_code: number;
  rest: number;
}

export interface NeighbourDiscovery {
  nd_target?: Uint8Array;
  nd_sll?: Uint8Array;
  nd_tll?: Uint8Array;
}

export class Icmpv6View {
  private constructor(readonly bytes: Uint8Array) {}

  static parse(bytes: Uint8Array): Icmpv6View | Malformed {
    return bytes.length < ICMPV6_SIZE ? truncated('icmpv6', ICMPV6_SIZE, bytes.length) : new Icmpv6View(bytes);
  }

  get icmpv6_type(): number {
    return this.bytes[TYPE];
  }
  get icmpv6_code(): number {
    return this.bytes[CODE];
  }
  get rest(): number {
    return u32(this.bytes, REST);
  }
  get payload(): Uint8Array {
    return this.bytes.subarray(ICMPV6_SIZE);
  }
  checksum(pseudo: number): 'valid' | 'invalid' {
    return verdict(onesSum(this.bytes, pseudo));
  }

  /** undefined when this is no solicitation or advertisement. A link-layer option given twice voids all, as in OVS. */
  neighbour(): NeighbourDiscovery | undefined {
    const type = this.icmpv6_type;
    if (this.icmpv6_code !== 0 || (type !== ICMPV6_TYPE.solicit && type !== ICMPV6_TYPE.advert)) return undefined;
    let rest = this.payload;
    if (rest.length < TARGET_SIZE) return {};
    const out: NeighbourDiscovery = { nd_target: rest.subarray(0, TARGET_SIZE) };
    rest = rest.subarray(TARGET_SIZE);
    while (rest.length >= OPTION_UNIT) {
      const size = rest[1] * OPTION_UNIT;
      if (size === 0 || size > rest.length) break;
      if (size === OPTION_UNIT && (rest[0] === SOURCE_LINK || rest[0] === TARGET_LINK)) {
        const key = rest[0] === SOURCE_LINK ? 'nd_sll' : 'nd_tll';
        // A zero address counts as none, so that it may be given again.
        if (out[key]?.some((x) => x !== 0)) return {};
        out[key] = rest.subarray(2, 8);
      }
      rest = rest.subarray(size);
    }
    return out;
  }

  value(): Icmpv6 {
    return { icmpv6_type: this.icmpv6_type, icmpv6_code: this.icmpv6_code, rest: this.rest };
  }
  toString(): string {
    const { icmpv6_type: type, icmpv6_code: code, bytes } = this;
    const nd = this.neighbour();
    const target = nd?.nd_target ? ipv6Text(nd.nd_target, 0) : '?';
    const mac = nd?.nd_sll ?? nd?.nd_tll;
    const link = mac ? `, link ${macText(mac, 0)}` : '';
    const size = `length ${bytes.length}`;
    if (type === ICMPV6_TYPE.solicit && nd) return `ICMP6, neighbor solicitation, who has ${target}${link}, ${size}`;
    if (type === ICMPV6_TYPE.advert && nd) return `ICMP6, neighbor advertisement, tgt is ${target}${link}, ${size}`;
    const echo = `id ${u16(bytes, REST)}, seq ${u16(bytes, REST + 2)}, ${size}`;
    if (type === ICMPV6_TYPE.echo_request) return `ICMP6, echo request, ${echo}`;
    if (type === ICMPV6_TYPE.echo_reply) return `ICMP6, echo reply, ${echo}`;
    return `ICMP6, type ${type} code ${code}, ${size}`;
  }
}

export function emitIcmpv6(value: Icmpv6, payload: Uint8Array, pseudo: (size: number) => number): Uint8Array {
  const header = Uint8Array.of(value.icmpv6_type, value.icmpv6_code, 0, 0, 0, 0, 0, 0);
  put32(header, REST, value.rest);
  const message = concat(header, payload);
  fillChecksum(message, CHECKSUM, pseudo(message.length));
  return message;
}

/** The payload of a solicitation or advertisement. */
export function neighbourPayload(nd_target: string, options: { nd_sll?: string; nd_tll?: string } = {}): Uint8Array {
  const parts = [need(ipv6Bytes(nd_target), 'an IPv6 address')];
  const link = (type: number, mac: string) => concat(Uint8Array.of(type, 1), need(macBytes(mac), 'a MAC address'));
  if (options.nd_sll) parts.push(link(SOURCE_LINK, options.nd_sll));
  if (options.nd_tll) parts.push(link(TARGET_LINK, options.nd_tll));
  return concat(...parts);
}
