// Frames from plain values, with lengths and checksums made right. What is left out gets an ordinary value; what is
// given stands, so that a test can say exactly what it is about. Geneve takes a whole frame as its payload.
import { type Arp, emitArp } from './arp.js';
import { concat, ipv4Bytes, ipv6Bytes, need } from './bytes.js';
import { pseudoSum } from './checksum.js';
import { ETHERTYPE, type Ethernet, emitEthernet } from './ethernet.js';
import { GENEVE_PORT, type Geneve, emitGeneve } from './geneve.js';
import { type Icmp, emitIcmp } from './icmp.js';
import { type Icmpv6, emitIcmpv6 } from './icmpv6.js';
import { IPPROTO, type Ipv4, emitIpv4 } from './ipv4.js';
import { type Ipv6, emitIpv6 } from './ipv6.js';
import { type Tcp, emitTcp } from './tcp.js';
import { type Udp, emitUdp } from './udp.js';
import { type Vlan, emitVlan } from './vlan.js';

/** One of arp, ipv4, ipv6 at most; one of tcp, udp, icmp, icmpv6, geneve at most. Nothing: payload follows at once. */
export interface BuildSpec {
  ethernet: Pick<Ethernet, 'dl_src' | 'dl_dst'> & Partial<Ethernet>;
  /** Outermost first. */
  vlan?: (Pick<Vlan, 'vlan_vid'> & Partial<Vlan>)[];
  arp?: Arp;
  ipv4?: Pick<Ipv4, 'nw_src' | 'nw_dst'> & Partial<Ipv4>;
  ipv6?: Pick<Ipv6, 'ipv6_src' | 'ipv6_dst'> & Partial<Ipv6>;
  tcp?: Pick<Tcp, 'tcp_src' | 'tcp_dst'> & Partial<Tcp>;
  udp?: Pick<Udp, 'udp_src' | 'udp_dst'> & Partial<Udp>;
  icmp?: Partial<Icmp>;
  icmpv6?: Partial<Icmpv6>;
  /** Under udp, whose destination port is 6081 unless given; payload is the inner frame. */
  geneve?: Partial<Geneve>;
  payload?: Uint8Array;
}

export function buildFrame(spec: BuildSpec): Uint8Array {
  const [dl_type, packet] = network(spec);
  let type: number = spec.ethernet.dl_type ?? dl_type;
  let rest = packet;
  for (const tag of [...(spec.vlan ?? [])].reverse()) {
    const vlan = { vlan_tpid: ETHERTYPE.vlan as number, vlan_pcp: 0, drop_eligible: false, ...tag };
    // A tag stands in front of the type; the frame's own type field becomes the TPID of the outermost.
    rest = emitVlan(vlan, concat(Uint8Array.of(type >> 8, type & 0xff), rest)).subarray(2);
    type = vlan.vlan_tpid;
  }
  return emitEthernet({ ...spec.ethernet, dl_type: type }, rest);
}

function network(spec: BuildSpec): [number, Uint8Array] {
  if (spec.arp) return [ETHERTYPE.arp, concat(emitArp(spec.arp), spec.payload ?? new Uint8Array())];
  if (spec.ipv4) {
    const { nw_src, nw_dst } = spec.ipv4;
    const src = need(ipv4Bytes(nw_src), 'an IPv4 address');
    const dst = need(ipv4Bytes(nw_dst), 'an IPv4 address');
    const [nw_proto, bytes] = segment(spec, (proto, size) => pseudoSum(src, dst, proto, size));
    const defaults = { nw_proto, nw_ttl: 64, nw_tos: 0, id: 0, dont_fragment: true };
    const rest = { more_fragments: false, fragment_offset: 0, options: new Uint8Array() };
    return [ETHERTYPE.ipv4, emitIpv4({ ...defaults, ...rest, ...spec.ipv4 }, bytes)];
  }
  if (spec.ipv6) {
    const src = need(ipv6Bytes(spec.ipv6.ipv6_src), 'an IPv6 address');
    const dst = need(ipv6Bytes(spec.ipv6.ipv6_dst), 'an IPv6 address');
    const [nw_proto, bytes] = segment(spec, (proto, size) => pseudoSum(src, dst, proto, size));
    const defaults = { nw_proto, nw_ttl: 64, nw_tos: 0, ipv6_label: 0, extensions: [] };
    return [ETHERTYPE.ipv6, emitIpv6({ ...defaults, ...spec.ipv6 }, bytes)];
  }
  return [ETHERTYPE.ipv4, spec.payload ?? new Uint8Array()];
}

/** The transport header and what it carries, and its protocol number (253, "experimentation", when there is none). */
export function segment(spec: BuildSpec, pseudo: (proto: number, size: number) => number): [number, Uint8Array] {
  const payload = spec.payload ?? new Uint8Array();
  const over = (proto: number) => (size: number) => pseudo(proto, size);
  if (spec.tcp) {
    const defaults = { seq: 0, ack: 0, tcp_flags: 0x02, window: 64240, urgent: 0, options: new Uint8Array() };
    const tcp: Tcp = { ...defaults, ...spec.tcp };
    return [IPPROTO.tcp, emitTcp(tcp, payload, over(IPPROTO.tcp))];
  }
  if (spec.geneve) {
    const defaults = { tun_id: 0, oam: false, critical: false, protocol: ETHERTYPE.teb, options: [] };
    const geneve: Geneve = { ...defaults, ...spec.geneve };
    const udp: Udp = { udp_src: 49152, udp_dst: GENEVE_PORT, checksummed: true, ...spec.udp };
    return [IPPROTO.udp, emitUdp(udp, emitGeneve(geneve, payload), over(IPPROTO.udp))];
  }
  if (spec.udp) return [IPPROTO.udp, emitUdp({ checksummed: true, ...spec.udp }, payload, over(IPPROTO.udp))];
  if (spec.icmp) return [IPPROTO.icmp, emitIcmp({ icmp_type: 8, icmp_code: 0, rest: 0, ...spec.icmp }, payload)];
  if (spec.icmpv6) {
    const icmpv6 = { icmpv6_type: 128, icmpv6_code: 0, rest: 0, ...spec.icmpv6 };
    return [IPPROTO.icmpv6, emitIcmpv6(icmpv6, payload, over(IPPROTO.icmpv6))];
  }
  return [253, payload];
}
