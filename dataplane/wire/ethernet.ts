// Ethernet II, and 802.3 with LLC/SNAP.
//
//    0                   1                   2                   3
//    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//   |                     destination (6 bytes)                     |
//   |                       source (6 bytes)                        |
//   |        type, or size when < 0x600         |    payload ...
import { concat, hex, macBytes, macText, need, put16, u16 } from './bytes.js';
import { type Malformed, truncated } from './malformed.js';

const DST = 0;
const SRC = 6;
const TYPE = 12;
export const ETHERNET_SIZE = 14;

/** The LLC and SNAP headers that announce an Ethernet type (RFC 1042), without the type itself. */
const SNAP = Uint8Array.of(0xaa, 0xaa, 0x03, 0, 0, 0);
/** Below this the type field is a size (IEEE 802.3). */
export const ETHERTYPE_MIN = 0x600;
/** What OVS gives an 802.3 frame without a SNAP type (ovs-fields(7), dl_type). */
export const ETHERTYPE_NONE = 0x5ff;

export const ETHERTYPE = {
  ipv4: 0x0800,
  arp: 0x0806,
  rarp: 0x8035,
  teb: 0x6558,
  vlan: 0x8100,
  qinq: 0x88a8,
  mpls: 0x8847,
  mpls_multicast: 0x8848,
  ipv6: 0x86dd,
  lldp: 0x88cc,
} as const;

export interface Ethernet {
  dl_dst: string;
  dl_src: string;
  dl_type: number;
}

export class EthernetView {
  private constructor(readonly bytes: Uint8Array) {}

  static parse(bytes: Uint8Array): EthernetView | Malformed {
    return bytes.length < ETHERNET_SIZE ? truncated('ethernet', ETHERNET_SIZE, bytes.length) : new EthernetView(bytes);
  }

  get dl_dst(): string {
    return macText(this.bytes, DST);
  }
  get dl_src(): string {
    return macText(this.bytes, SRC);
  }
  /** As it stands at byte 12; see etherType() for what follows in an 802.3 frame. */
  get dl_type(): number {
    return u16(this.bytes, TYPE);
  }
  get payload(): Uint8Array {
    return this.bytes.subarray(ETHERNET_SIZE);
  }
  value(): Ethernet {
    return { dl_dst: this.dl_dst, dl_src: this.dl_src, dl_type: this.dl_type };
  }
  toString(): string {
    return `${this.dl_src} > ${this.dl_dst}, ethertype ${etherTypeText(this.dl_type)}`;
  }
}

/** The type at `at` (after the addresses or a VLAN tag; 2 bytes are there), and where its payload begins. */
export function etherType(frame: Uint8Array, at: number): { dl_type: number; payload: number } {
  const type = u16(frame, at);
  if (type >= ETHERTYPE_MIN) return { dl_type: type, payload: at + 2 };
  const llc = at + 2;
  if (frame.length < llc + 8 || SNAP.some((x, i) => frame[llc + i] !== x)) {
    return { dl_type: ETHERTYPE_NONE, payload: llc };
  }
  const snap = u16(frame, llc + 6);
  return { dl_type: snap >= ETHERTYPE_MIN ? snap : ETHERTYPE_NONE, payload: llc + 8 };
}

export function isVlanType(type: number): boolean {
  return type === ETHERTYPE.vlan || type === ETHERTYPE.qinq;
}

export function etherTypeText(type: number): string {
  const name = Object.entries(ETHERTYPE).find(([, v]) => v === type)?.[0];
  const shown: Record<string, string> = { ipv4: 'IPv4', ipv6: 'IPv6', vlan: '802.1Q', qinq: '802.1Q-QinQ', teb: 'TEB' };
  return `${name ? (shown[name] ?? name.toUpperCase()) : 'Unknown'} (${hex(type, 4)})`;
}

export function emitEthernet(value: Ethernet, payload: Uint8Array): Uint8Array {
  const header = new Uint8Array(ETHERNET_SIZE);
  header.set(need(macBytes(value.dl_dst), 'a MAC address'), DST);
  header.set(need(macBytes(value.dl_src), 'a MAC address'), SRC);
  put16(header, TYPE, value.dl_type);
  return concat(header, payload);
}
