// Geneve (RFC 8926), the payload of UDP port 6081.
//
//   |Ver|  Opt len  |O|C|   rsvd    |         protocol type         |
//   |        virtual network identifier (VNI)       |   reserved    |
//   |                   variable-length options                     |
// and each option:
//   |         option class          |C|    type     |R|R|R| length  |
//   |                      data, length * 4 bytes                   |
import { concat, hex, put16, put24, toHex, u16, u24 } from './bytes.js';
import { Malformed, truncated } from './malformed.js';

const VERSION_OPTIONS = 0;
const FLAGS = 1;
const PROTOCOL = 2;
const VNI = 4;
export const GENEVE_SIZE = 8;
export const GENEVE_PORT = 6081;
const OPTION_SIZE = 4;

const OAM = 0x80;
const CRITICAL = 0x40;

export interface GeneveOption {
  class: number;
  type: number;
  /** Whole 4-byte words. */
  data: Uint8Array;
}

export interface Geneve {
  tun_id: number;
  oam: boolean;
  critical: boolean;
  protocol: number;
  options: GeneveOption[];
}

export class GeneveView {
  private constructor(
    readonly bytes: Uint8Array,
    readonly headerSize: number,
  ) {}

  static parse(bytes: Uint8Array): GeneveView | Malformed {
    if (bytes.length < GENEVE_SIZE) return truncated('geneve', GENEVE_SIZE, bytes.length);
    const version = bytes[VERSION_OPTIONS] >> 6;
    if (version !== 0) return new Malformed('geneve', 'bad_version', `expected 0, got ${version}`);
    const size = GENEVE_SIZE + (bytes[VERSION_OPTIONS] & 0x3f) * 4;
    if (size > bytes.length) return truncated('geneve', size, bytes.length);
    for (let at = GENEVE_SIZE; at < size;) {
      const option = at + OPTION_SIZE <= size ? OPTION_SIZE + (bytes[at + 3] & 0x1f) * 4 : Infinity;
      if (at + option > size) return new Malformed('geneve', 'bad_header_size', 'an option is longer than the options');
      at += option;
    }
    return new GeneveView(bytes, size);
  }

  get tun_id(): number {
    return u24(this.bytes, VNI);
  }
  get oam(): boolean {
    return (this.bytes[FLAGS] & OAM) !== 0;
  }
  get critical(): boolean {
    return (this.bytes[FLAGS] & CRITICAL) !== 0;
  }
  get protocol(): number {
    return u16(this.bytes, PROTOCOL);
  }
  get options(): GeneveOption[] {
    const out: GeneveOption[] = [];
    for (let at = GENEVE_SIZE; at < this.headerSize;) {
      const size = OPTION_SIZE + (this.bytes[at + 3] & 0x1f) * 4;
      const data = this.bytes.subarray(at + OPTION_SIZE, at + size);
      out.push({ class: u16(this.bytes, at), type: this.bytes[at + 2], data });
      at += size;
    }
    return out;
  }
  get payload(): Uint8Array {
    return this.bytes.subarray(this.headerSize);
  }
  value(): Geneve {
    return {
      tun_id: this.tun_id,
      oam: this.oam,
      critical: this.critical,
      protocol: this.protocol,
      options: this.options.map((o) => ({ ...o, data: o.data.slice() })),
    };
  }
  toString(): string {
    const options = this.options.map(optionText);
    const flags = `${this.oam ? 'O' : ''}${this.critical ? 'C' : ''}` || 'none';
    const tail = options.length ? `, options [${options.join(', ')}]` : '';
    return `Geneve, Flags [${flags}], vni ${hex(this.tun_id, 1)}${tail}`;
  }
}

function optionText(o: GeneveOption): string {
  return `class ${hex(o.class, 4)} type ${hex(o.type, 2)} data 0x${toHex(o.data)}`;
}

export function emitGeneve(value: Geneve, payload: Uint8Array): Uint8Array {
  const options = value.options.map((o) => {
    const head = new Uint8Array(OPTION_SIZE);
    put16(head, 0, o.class);
    head[2] = o.type;
    head[3] = o.data.length / 4;
    return concat(head, o.data);
  });
  const header = new Uint8Array(GENEVE_SIZE);
  header[VERSION_OPTIONS] = options.reduce((n, o) => n + o.length, 0) / 4;
  header[FLAGS] = (value.oam ? OAM : 0) | (value.critical ? CRITICAL : 0);
  put16(header, PROTOCOL, value.protocol);
  put24(header, VNI, value.tun_id);
  return concat(header, ...options, payload);
}
