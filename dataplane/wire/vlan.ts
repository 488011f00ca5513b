// One 802.1Q tag, between an Ethernet frame's addresses and its type: the TPID, the TCI, then the next type.
//
//   |              TPID             | PCP |D|          VID          |
import { concat, put16, u16 } from './bytes.js';
import { type Malformed, truncated } from './malformed.js';

const TPID = 0;
const TCI = 2;
/** Bytes of the tag. The type that follows belongs to what is inside. */
export const VLAN_SIZE = 4;
/** In vlan_tci of a flow: a tag is there (ovs-fields(7)). On the wire the same bit is the drop-eligible indicator. */
export const VLAN_CFI = 0x1000;

export interface Vlan {
  vlan_tpid: number;
  vlan_vid: number;
  vlan_pcp: number;
  drop_eligible: boolean;
}

export class VlanView {
  private constructor(readonly bytes: Uint8Array) {}

  /** A tag counts only with the type that must follow it. */
  static parse(bytes: Uint8Array): VlanView | Malformed {
    return bytes.length < VLAN_SIZE + 2 ? truncated('vlan', VLAN_SIZE + 2, bytes.length) : new VlanView(bytes);
  }

  get vlan_tpid(): number {
    return u16(this.bytes, TPID);
  }
  get tci(): number {
    return u16(this.bytes, TCI);
  }
  get vlan_vid(): number {
    return this.tci & 0xfff;
  }
  get vlan_pcp(): number {
    return this.tci >> 13;
  }
  get drop_eligible(): boolean {
    return (this.tci & VLAN_CFI) !== 0;
  }
  get payload(): Uint8Array {
    return this.bytes.subarray(VLAN_SIZE);
  }
  value(): Vlan {
    const { vlan_tpid, vlan_vid, vlan_pcp, drop_eligible } = this;
    return { vlan_tpid, vlan_vid, vlan_pcp, drop_eligible };
  }
  toString(): string {
    return `vlan ${this.vlan_vid}, p ${this.vlan_pcp}${this.drop_eligible ? ', DEI' : ''}`;
  }
}

/** The 4 bytes of the tag; goes in front of the type. */
export function emitVlan(value: Vlan, typeAndPayload: Uint8Array): Uint8Array {
  const tag = new Uint8Array(VLAN_SIZE);
  put16(tag, TPID, value.vlan_tpid);
  put16(tag, TCI, (value.vlan_pcp << 13) | (value.drop_eligible ? VLAN_CFI : 0) | value.vlan_vid);
  return concat(tag, typeAndPayload);
}
