// UDP (RFC 768).
//
//   |          source port          |        destination port       |
//   |            length             |            checksum           |
import { fillChecksum, onesSum, verdict } from './checksum.js';
import { concat, put16, u16 } from './bytes.js';
import { type Malformed, truncated } from './malformed.js';

const SRC = 0;
const DST = 2;
const SIZE = 4;
const CHECKSUM = 6;
export const UDP_SIZE = 8;

export interface Udp {
  udp_src: number;
  udp_dst: number;
  /** false: the checksum field is 0, "none", which IPv4 allows and Geneve over IPv6 may (RFC 6935). */
  checksummed: boolean;
}

export class UdpView {
  private constructor(readonly bytes: Uint8Array) {}

  static parse(bytes: Uint8Array): UdpView | Malformed {
    return bytes.length < UDP_SIZE ? truncated('udp', UDP_SIZE, bytes.length) : new UdpView(bytes);
  }

  get udp_src(): number {
    return u16(this.bytes, SRC);
  }
  get udp_dst(): number {
    return u16(this.bytes, DST);
  }
  /** As the header says it; the payload ends there when that is possible, else with the bytes. */
  get size(): number {
    return u16(this.bytes, SIZE);
  }
  private get datagram(): Uint8Array {
    const size = this.size;
    return size >= UDP_SIZE && size <= this.bytes.length ? this.bytes.subarray(0, size) : this.bytes;
  }
  get payload(): Uint8Array {
    return this.datagram.subarray(UDP_SIZE);
  }
  get checksummed(): boolean {
    return u16(this.bytes, CHECKSUM) !== 0;
  }
  /** `pseudo` for size() bytes. */
  checksum(pseudo: number): 'valid' | 'invalid' | 'none' {
    return this.checksummed ? verdict(onesSum(this.datagram, pseudo)) : 'none';
  }
  value(): Udp {
    return { udp_src: this.udp_src, udp_dst: this.udp_dst, checksummed: this.checksummed };
  }
  toString(): string {
    return `UDP, length ${this.payload.length}`;
  }
}

export function emitUdp(value: Udp, payload: Uint8Array, pseudo: (size: number) => number): Uint8Array {
  const header = new Uint8Array(UDP_SIZE);
  put16(header, SRC, value.udp_src);
  put16(header, DST, value.udp_dst);
  put16(header, SIZE, UDP_SIZE + payload.length);
  const datagram = concat(header, payload);
  if (value.checksummed) fillChecksum(datagram, CHECKSUM, pseudo(datagram.length), true);
  return datagram;
}
