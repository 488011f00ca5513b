// Which protocol a match is about, read from its dl_type and nw_proto, and what that says: the keyword that stands for
// them (tcp, ip, arp...), the fields that may be matched, and the names that shared bytes go by. Used by normalize.ts,
// the parsers and the printers.
import { fieldByName, type Prerequisite } from '../key/fields.js';
import { type Flow, getNumber } from '../key/flow.js';

export const ETH = { IP: 0x0800, ARP: 0x0806, RARP: 0x8035, IPV6: 0x86dd, MPLS: 0x8847, MPLSM: 0x8848 } as const;
export const IPPROTO = { ICMP: 1, IGMP: 2, TCP: 6, UDP: 17, ICMPV6: 58, SCTP: 132 } as const;

export interface Keyword {
  name: string;
  dlType: number;
  nwProto?: number;
}

/** The words that stand for a dl_type, or for a dl_type and an nw_proto; `eth` says nothing here. */
export const KEYWORDS: readonly Keyword[] = [
  { name: 'ip', dlType: ETH.IP },
  { name: 'icmp', dlType: ETH.IP, nwProto: IPPROTO.ICMP },
  { name: 'tcp', dlType: ETH.IP, nwProto: IPPROTO.TCP },
  { name: 'udp', dlType: ETH.IP, nwProto: IPPROTO.UDP },
  { name: 'sctp', dlType: ETH.IP, nwProto: IPPROTO.SCTP },
  { name: 'ipv6', dlType: ETH.IPV6 },
  { name: 'icmp6', dlType: ETH.IPV6, nwProto: IPPROTO.ICMPV6 },
  { name: 'tcp6', dlType: ETH.IPV6, nwProto: IPPROTO.TCP },
  { name: 'udp6', dlType: ETH.IPV6, nwProto: IPPROTO.UDP },
  { name: 'sctp6', dlType: ETH.IPV6, nwProto: IPPROTO.SCTP },
  { name: 'arp', dlType: ETH.ARP },
  { name: 'rarp', dlType: ETH.RARP },
  { name: 'mpls', dlType: ETH.MPLS },
  { name: 'mplsm', dlType: ETH.MPLSM },
];

const dlTypeField = fieldByName('dl_type');
const nwProtoField = fieldByName('nw_proto');
const icmpTypeField = fieldByName('icmp_type');
const icmpCodeField = fieldByName('icmp_code');
const vlanTciField = fieldByName('vlan_tci');
const ctStateField = fieldByName('ct_state');
const nwFragField = fieldByName('nw_frag');

/** What a Flow and its mask are known to be. Unknown is undefined. */
export class Protocol {
  readonly dlType?: number;
  readonly nwProto?: number;

  constructor(
    private readonly value: Flow,
    private readonly mask: Flow,
  ) {
    if (getNumber(mask, dlTypeField) !== 0) this.dlType = getNumber(value, dlTypeField);
    if (getNumber(mask, nwProtoField) !== 0) this.nwProto = getNumber(value, nwProtoField);
  }

  /** The most telling keyword. */
  get keyword(): Keyword | undefined {
    const fits = KEYWORDS.filter((k) => k.dlType === this.dlType);
    return (
      fits.find((k) => k.nwProto !== undefined && k.nwProto === this.nwProto) ??
      fits.find((k) => k.nwProto === undefined)
    );
  }

  get ipv4(): boolean {
    return this.dlType === ETH.IP;
  }

  get ipv6(): boolean {
    return this.dlType === ETH.IPV6;
  }

  get arp(): boolean {
    return this.dlType === ETH.ARP || this.dlType === ETH.RARP;
  }

  get ip(): boolean {
    return this.ipv4 || this.ipv6;
  }

  /** Open vSwitch keeps its type and code where the ports are. */
  get igmp(): boolean {
    return this.ip && this.nwProto === IPPROTO.IGMP;
  }

  get icmp(): boolean {
    return this.ipv4 && this.nwProto === IPPROTO.ICMP;
  }

  get icmpv6(): boolean {
    return this.ipv6 && this.nwProto === IPPROTO.ICMPV6;
  }

  /** The transport with ports. */
  get transport(): 'tcp' | 'udp' | 'sctp' | undefined {
    if (!this.ip) return undefined;
    if (this.nwProto === IPPROTO.TCP) return 'tcp';
    if (this.nwProto === IPPROTO.UDP) return 'udp';
    return this.nwProto === IPPROTO.SCTP ? 'sctp' : undefined;
  }

  /** 135 or 136 when this is neighbour discovery. */
  get nd(): 135 | 136 | undefined {
    if (!this.icmpv6 || getNumber(this.mask, icmpTypeField) !== 0xff) return undefined;
    const type = getNumber(this.value, icmpTypeField);
    return type === 135 || type === 136 ? type : undefined;
  }

  get vlan(): boolean {
    return (getNumber(this.value, vlanTciField) & getNumber(this.mask, vlanTciField) & 0x1000) !== 0;
  }

  get laterFragment(): boolean {
    return (getNumber(this.value, nwFragField) & getNumber(this.mask, nwFragField) & 2) !== 0;
  }

  /** The match says that the packet has a conntrack entry, so that its original tuple means something. */
  get ct(): boolean {
    const state = getNumber(this.value, ctStateField);
    const known = getNumber(this.mask, ctStateField);
    const [valid, inv, trk] = [0x01 | 0x02 | 0x04 | 0x08 | 0x40 | 0x80, 0x10, 0x20];
    return (state & valid) !== 0 || ((state & trk) !== 0 && (known & inv) !== 0 && (state & inv) === 0);
  }

  /** The match says that conntrack cannot make sense of the packet. */
  get ctInvalid(): boolean {
    return (getNumber(this.value, ctStateField) & getNumber(this.mask, ctStateField) & 0x10) !== 0;
  }

  /** Whether a field with this prerequisite may be matched or written. */
  meets(prerequisite: Prerequisite): boolean {
    switch (prerequisite) {
      case 'none':
      case 'ethernet':
      case 'tunnel':
        return true;
      case 'vlan':
      case 'arp':
      case 'ipv4':
      case 'ipv6':
      case 'ip':
      case 'icmp':
      case 'icmpv6':
      case 'ct':
        return this[prerequisite];
      case 'tcp':
      case 'udp':
      case 'sctp':
        return this.transport === prerequisite && !this.laterFragment;
      case 'nd':
      case 'nd_sll':
      case 'nd_tll':
        return this.meetsNd(prerequisite);
    }
  }

  private meetsNd(prerequisite: 'nd' | 'nd_sll' | 'nd_tll'): boolean {
    const wrongCode = getNumber(this.mask, icmpCodeField) !== 0xff || getNumber(this.value, icmpCodeField) !== 0;
    if (this.nd === undefined || wrongCode) return false;
    return prerequisite === 'nd' || this.nd === (prerequisite === 'nd_sll' ? 135 : 136);
  }
}

/** What to write so that the prerequisite is met, for messages. */
export const PREREQUISITE_TEXT: Record<Prerequisite, string> = {
  none: '',
  ethernet: '',
  tunnel: '',
  arp: 'arp',
  vlan: 'a VLAN tag (vlan_tci=0x1000/0x1000 or dl_vlan)',
  ipv4: 'ip',
  ipv6: 'ipv6',
  ip: 'ip or ipv6',
  tcp: 'tcp or tcp6',
  udp: 'udp or udp6',
  sctp: 'sctp or sctp6',
  icmp: 'icmp',
  icmpv6: 'icmp6',
  nd: 'icmp6,icmp_type=135 or 136,icmp_code=0',
  nd_sll: 'icmp6,icmp_type=135,icmp_code=0',
  nd_tll: 'icmp6,icmp_type=136,icmp_code=0',
  ct: 'a ct_state with a connection (such as +trk-inv or +est+trk)',
};
