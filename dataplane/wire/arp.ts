// ARP for IPv4 over Ethernet (RFC 826).
//
//   |        hardware type 1        |        protocol 0x0800        |
//   |  hw size 6    |  proto size 4 |           operation           |
//   |       sender MAC (6), sender IP (4), target MAC (6), target IP (4)
import { ipv4Bytes, ipv4Text, macBytes, macText, need, put16, u16 } from './bytes.js';
import { ETHERTYPE } from './ethernet.js';
import { Malformed, truncated } from './malformed.js';

const HARDWARE = 0;
const PROTOCOL = 2;
const HARDWARE_SIZE = 4;
const PROTOCOL_SIZE = 5;
const OPERATION = 6;
const SHA = 8;
const SPA = 14;
const THA = 18;
const TPA = 24;
export const ARP_SIZE = 28;

export const ARP_OP = { request: 1, reply: 2 } as const;

export interface Arp {
  arp_op: number;
  arp_sha: string;
  arp_spa: string;
  arp_tha: string;
  arp_tpa: string;
}

export class ArpView {
  private constructor(readonly bytes: Uint8Array) {}

  static parse(bytes: Uint8Array): ArpView | Malformed {
    if (bytes.length < ARP_SIZE) return truncated('arp', ARP_SIZE, bytes.length);
    const ok =
      u16(bytes, HARDWARE) === 1 &&
      u16(bytes, PROTOCOL) === ETHERTYPE.ipv4 &&
      bytes[HARDWARE_SIZE] === 6 &&
      bytes[PROTOCOL_SIZE] === 4;
    return ok ? new ArpView(bytes) : new Malformed('arp', 'bad_type', 'expected IPv4 over Ethernet');
  }

  get arp_op(): number {
    return u16(this.bytes, OPERATION);
  }
  get arp_sha(): string {
    return macText(this.bytes, SHA);
  }
  get arp_spa(): string {
    return ipv4Text(this.bytes, SPA);
  }
  get arp_tha(): string {
    return macText(this.bytes, THA);
  }
  get arp_tpa(): string {
    return ipv4Text(this.bytes, TPA);
  }
  value(): Arp {
    const { arp_op, arp_sha, arp_spa, arp_tha, arp_tpa } = this;
    return { arp_op, arp_sha, arp_spa, arp_tha, arp_tpa };
  }
  toString(): string {
    if (this.arp_op === ARP_OP.request) return `Request who-has ${this.arp_tpa} tell ${this.arp_spa}`;
    if (this.arp_op === ARP_OP.reply) return `Reply ${this.arp_spa} is-at ${this.arp_sha}`;
    return `operation ${this.arp_op}, ${this.arp_spa} > ${this.arp_tpa}`;
  }
}

export function emitArp(value: Arp): Uint8Array {
  const b = new Uint8Array(ARP_SIZE);
  put16(b, HARDWARE, 1);
  put16(b, PROTOCOL, ETHERTYPE.ipv4);
  b[HARDWARE_SIZE] = 6;
  b[PROTOCOL_SIZE] = 4;
  put16(b, OPERATION, value.arp_op);
  b.set(need(macBytes(value.arp_sha), 'a MAC address'), SHA);
  b.set(need(ipv4Bytes(value.arp_spa), 'an IPv4 address'), SPA);
  b.set(need(macBytes(value.arp_tha), 'a MAC address'), THA);
  b.set(need(ipv4Bytes(value.arp_tpa), 'an IPv4 address'), TPA);
  return b;
}
