// ICMP for IPv4 (RFC 792). The 4 bytes after the checksum mean something else in every type: `rest`.
//
//   |     type      |     code      |            checksum           |
//   |                             rest                              |
import { fillChecksum, onesSum, verdict } from './checksum.js';
import { concat, put32, u16, u32 } from './bytes.js';
import { type Malformed, truncated } from './malformed.js';

const TYPE = 0;
const CODE = 1;
const CHECKSUM = 2;
const REST = 4;
export const ICMP_SIZE = 8;

export const ICMP_TYPE = { echo_reply: 0, unreachable: 3, redirect: 5, echo_request: 8, time_exceeded: 11 } as const;
const UNREACHABLE = ['net', 'host', 'protocol', 'port', 'need to frag'];

export interface Icmp {
  icmp_type: number;
  icmp_code: number;
  rest: number;
}

export class IcmpView {
  private constructor(readonly bytes: Uint8Array) {}

  static parse(bytes: Uint8Array): IcmpView | Malformed {
    return bytes.length < ICMP_SIZE ? truncated('icmp', ICMP_SIZE, bytes.length) : new IcmpView(bytes);
  }

  get icmp_type(): number {
    return this.bytes[TYPE];
  }
  get icmp_code(): number {
    return this.bytes[CODE];
  }
  get rest(): number {
    return u32(this.bytes, REST);
  }
  /** Of echo messages. */
  get id(): number {
    return u16(this.bytes, REST);
  }
  get seq(): number {
    return u16(this.bytes, REST + 2);
  }
  /** Of error messages: the packet that caused them, cut short. */
  get payload(): Uint8Array {
    return this.bytes.subarray(ICMP_SIZE);
  }
  get isError(): boolean {
    return [3, 4, 5, 11, 12].includes(this.icmp_type);
  }
  get checksum(): 'valid' | 'invalid' {
    return verdict(onesSum(this.bytes));
  }
  value(): Icmp {
    return { icmp_type: this.icmp_type, icmp_code: this.icmp_code, rest: this.rest };
  }
  toString(): string {
    const { icmp_type: type, icmp_code: code, bytes } = this;
    const echo = `id ${this.id}, seq ${this.seq}, length ${bytes.length}`;
    if (type === ICMP_TYPE.echo_request) return `ICMP echo request, ${echo}`;
    if (type === ICMP_TYPE.echo_reply) return `ICMP echo reply, ${echo}`;
    const size = `length ${bytes.length}`;
    if (type === ICMP_TYPE.unreachable) return `ICMP ${UNREACHABLE[code] ?? `code ${code}`} unreachable, ${size}`;
    if (type === ICMP_TYPE.time_exceeded) return `ICMP time exceeded, ${size}`;
    return `ICMP type ${type} code ${code}, ${size}`;
  }
}

export function emitIcmp(value: Icmp, payload: Uint8Array): Uint8Array {
  const header = Uint8Array.of(value.icmp_type, value.icmp_code, 0, 0, 0, 0, 0, 0);
  put32(header, REST, value.rest);
  const message = concat(header, payload);
  fillChecksum(message, CHECKSUM, 0);
  return message;
}
