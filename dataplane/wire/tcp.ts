// TCP (RFC 9293).
//
//   |          source port          |        destination port       |
//   |                        sequence number                        |
//   |                     acknowledgment number                     |
//   |offset | rsv |     flags       |             window            |
//   |            checksum           |         urgent pointer        |
//   |                      options, if offset > 5                   |
import { fillChecksum, onesSum, verdict } from './checksum.js';
import { concat, put16, put32, u16, u32 } from './bytes.js';
import { Malformed, truncated } from './malformed.js';

const SRC = 0;
const DST = 2;
const SEQ = 4;
const ACK = 8;
const OFFSET_FLAGS = 12;
const WINDOW = 14;
const CHECKSUM = 16;
const URGENT = 18;
export const TCP_SIZE = 20;

/** From bit 0 up; the names that ovs-fields(7) gives them. */
export const TCP_FLAGS = ['fin', 'syn', 'rst', 'psh', 'ack', 'urg', 'ece', 'cwr', 'ns'] as const;
/** tcpdump's letters for the same bits. */
const LETTERS = 'FSRP.UEWe';

export interface Tcp {
  tcp_src: number;
  tcp_dst: number;
  seq: number;
  ack: number;
  tcp_flags: number;
  window: number;
  urgent: number;
  options: Uint8Array;
}

export interface TcpOption {
  kind: number;
  data: Uint8Array;
}

export class TcpView {
  private constructor(
    readonly bytes: Uint8Array,
    readonly headerSize: number,
  ) {}

  static parse(bytes: Uint8Array): TcpView | Malformed {
    if (bytes.length < TCP_SIZE) return truncated('tcp', TCP_SIZE, bytes.length);
    const header = (bytes[OFFSET_FLAGS] >> 4) * 4;
    if (header < TCP_SIZE) return new Malformed('tcp', 'bad_header_size', `expected at least 20, got ${header}`);
    return header > bytes.length ? truncated('tcp', header, bytes.length) : new TcpView(bytes, header);
  }

  get tcp_src(): number {
    return u16(this.bytes, SRC);
  }
  get tcp_dst(): number {
    return u16(this.bytes, DST);
  }
  get seq(): number {
    return u32(this.bytes, SEQ);
  }
  get ack(): number {
    return u32(this.bytes, ACK);
  }
  /** 12 bits: the 9 named flags and the 3 reserved ones. */
  get tcp_flags(): number {
    return u16(this.bytes, OFFSET_FLAGS) & 0xfff;
  }
  get window(): number {
    return u16(this.bytes, WINDOW);
  }
  get urgent(): number {
    return u16(this.bytes, URGENT);
  }
  get options(): Uint8Array {
    return this.bytes.subarray(TCP_SIZE, this.headerSize);
  }
  get payload(): Uint8Array {
    return this.bytes.subarray(this.headerSize);
  }
  checksum(pseudo: number): 'valid' | 'invalid' {
    return verdict(onesSum(this.bytes, pseudo));
  }
  value(): Tcp {
    return {
      tcp_src: this.tcp_src,
      tcp_dst: this.tcp_dst,
      seq: this.seq,
      ack: this.ack,
      tcp_flags: this.tcp_flags,
      window: this.window,
      urgent: this.urgent,
      options: this.options.slice(),
    };
  }
  toString(): string {
    const parts = [`Flags [${tcpFlagLetters(this.tcp_flags)}]`];
    const size = this.payload.length;
    // Of a bare acknowledgment the number says nothing; of data, the first and the one after the last.
    if (size) parts.push(`seq ${this.seq}:${(this.seq + size) >>> 0}`);
    else if (this.tcp_flags & 0x07) parts.push(`seq ${this.seq}`);
    if (this.tcp_flags & 0x10) parts.push(`ack ${this.ack}`);
    parts.push(`win ${this.window}`);
    if (this.headerSize > TCP_SIZE) parts.push(`options [${tcpOptions(this.options).map(optionText).join(',')}]`);
    parts.push(`length ${size}`);
    return parts.join(', ');
  }
}

/** Stops at end-of-list and at the first option that does not fit. */
export function tcpOptions(bytes: Uint8Array): TcpOption[] {
  const out: TcpOption[] = [];
  for (let i = 0; i < bytes.length;) {
    const kind = bytes[i];
    if (kind === 0) break;
    if (kind === 1) {
      out.push({ kind, data: new Uint8Array() });
      i++;
      continue;
    }
    const size = bytes[i + 1] ?? 0;
    if (size < 2 || i + size > bytes.length) break;
    out.push({ kind, data: bytes.subarray(i + 2, i + size) });
    i += size;
  }
  return out;
}

function optionText({ kind, data }: TcpOption): string {
  if (kind === 1) return 'nop';
  if (kind === 2 && data.length === 2) return `mss ${u16(data, 0)}`;
  if (kind === 3 && data.length === 1) return `wscale ${data[0]}`;
  if (kind === 4) return 'sackOK';
  if (kind === 5) return 'sack';
  if (kind === 8 && data.length === 8) return `TS val ${u32(data, 0)} ecr ${u32(data, 4)}`;
  return `option-${kind}`;
}

export function tcpFlagLetters(flags: number): string {
  return [...LETTERS].filter((_, i) => flags & (1 << i)).join('') || 'none';
}

/** "syn|ack", as OVS prints tcp_flags; a reserved bit as "[800]". */
export function tcpFlagNames(flags: number): string {
  const names: string[] = [];
  for (let i = 0; i < 12; i++) if (flags & (1 << i)) names.push(TCP_FLAGS[i] ?? `[${(1 << i).toString(16)}]`);
  return names.join('|') || '0';
}

/** The other way round; undefined when a name is unknown. */
export function tcpFlagBits(text: string): number | undefined {
  let bits = 0;
  for (const name of text === '0' ? [] : text.split('|')) {
    const i = (TCP_FLAGS as readonly string[]).indexOf(name);
    const reserved = /^\[([248]00)\]$/.exec(name);
    if (i >= 0) bits |= 1 << i;
    else if (reserved) bits |= parseInt(reserved[1], 16);
    else return undefined;
  }
  return bits;
}

/** `pseudo`: pseudoSum() of the addresses, for the segment's size. Options are padded with end-of-list. */
export function emitTcp(value: Tcp, payload: Uint8Array, pseudo: (size: number) => number): Uint8Array {
  const size = TCP_SIZE + Math.ceil(value.options.length / 4) * 4;
  const header = new Uint8Array(size);
  put16(header, SRC, value.tcp_src);
  put16(header, DST, value.tcp_dst);
  put32(header, SEQ, value.seq);
  put32(header, ACK, value.ack);
  put16(header, OFFSET_FLAGS, ((size / 4) << 12) | value.tcp_flags);
  put16(header, WINDOW, value.window);
  put16(header, URGENT, value.urgent);
  header.set(value.options, TCP_SIZE);
  const segment = concat(header, payload);
  fillChecksum(segment, CHECKSUM, pseudo(segment.length));
  return segment;
}
