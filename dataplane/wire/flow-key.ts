// The flow key of a frame, written for reading: what OVS's flow_extract sees in it, field by field. It is the second
// opinion to native/extract.cc (test/fuzz compares the two) and what `trace --hex` and `--pcap` start from.
// A header that is cut short or lies about its size ends the walk: the fields before it stand, those after stay zero.
import { newFlow, type Flow } from '../key/flow.js';
import { KEY_FIELDS, type FieldName } from '../datapath/key-fields.js';
import { ArpView } from './arp.js';
import { put16, put32 } from './bytes.js';
import { ETHERNET_SIZE, ETHERTYPE, etherType, isVlanType } from './ethernet.js';
import { IcmpView } from './icmp.js';
import { Icmpv6View } from './icmpv6.js';
import { FRAG_LATER, IPPROTO, Ipv4View } from './ipv4.js';
import { Ipv6View } from './ipv6.js';
import { Malformed } from './malformed.js';
import { TcpView } from './tcp.js';
import { UdpView } from './udp.js';
import { VLAN_CFI, VLAN_SIZE, VlanView } from './vlan.js';

/** Tags that are looked through, as OVS does with other_config:vlan-limit=2. */
const VLAN_LIMIT = 2;
const SCTP_SIZE = 12;

/** A Flow with in_port and the headers of `frame`; no tunnel, no conntrack, registers zero. */
export function keyFromFrame(frame: Uint8Array, inPort: number): Flow {
  const flow = newFlow();
  num(flow, 'in_port', inPort);
  if (frame.length < ETHERNET_SIZE) return flow;
  flow.set(frame.subarray(0, 6), KEY_FIELDS.dl_dst[0]);
  flow.set(frame.subarray(6, 12), KEY_FIELDS.dl_src[0]);
  let at = ETHERNET_SIZE - 2;
  for (let n = 0; n < VLAN_LIMIT && isVlanType((frame[at] << 8) | frame[at + 1]); n++) {
    const tag = VlanView.parse(frame.subarray(at));
    if (tag instanceof Malformed) break;
    num(flow, n === 0 ? 'vlan_tpid' : 'vlan2_tpid', tag.vlan_tpid);
    num(flow, n === 0 ? 'vlan_tci' : 'vlan2_tci', tag.tci | VLAN_CFI);
    at += VLAN_SIZE;
  }
  const { dl_type, payload } = etherType(frame, at);
  num(flow, 'dl_type', dl_type);
  const packet = frame.subarray(payload);
  if (dl_type === ETHERTYPE.ipv4) fromIpv4(flow, packet);
  else if (dl_type === ETHERTYPE.ipv6) fromIpv6(flow, packet);
  else if (dl_type === ETHERTYPE.arp || dl_type === ETHERTYPE.rarp) fromArp(flow, packet);
  return flow;
}

function num(flow: Flow, name: FieldName, value: number): void {
  const [at, size] = KEY_FIELDS[name];
  if (size === 1) flow[at] = value;
  else if (size === 2) put16(flow, at, value);
  else put32(flow, at, value);
}

function bytes(flow: Flow, name: FieldName, value: Uint8Array): void {
  flow.set(value, KEY_FIELDS[name][0]);
}

function fromArp(flow: Flow, packet: Uint8Array): void {
  const arp = ArpView.parse(packet);
  if (arp instanceof Malformed) return;
  bytes(flow, 'nw_src', arp.bytes.subarray(14, 18));
  bytes(flow, 'nw_dst', arp.bytes.subarray(24, 28));
  // OVS matches the low 8 bits of the operation, and takes a larger one for none.
  if (arp.arp_op <= 0xff) num(flow, 'arp_op', arp.arp_op);
  bytes(flow, 'arp_sha', arp.bytes.subarray(8, 14));
  bytes(flow, 'arp_tha', arp.bytes.subarray(18, 24));
}

function fromIpv4(flow: Flow, packet: Uint8Array): void {
  const ip = Ipv4View.parse(packet);
  if (ip instanceof Malformed) return;
  const [src, dst] = ip.addresses;
  bytes(flow, 'nw_src', src);
  bytes(flow, 'nw_dst', dst);
  num(flow, 'nw_proto', ip.nw_proto);
  num(flow, 'nw_tos', ip.nw_tos);
  num(flow, 'nw_ttl', ip.nw_ttl);
  num(flow, 'nw_frag', ip.nw_frag);
  if (!(ip.nw_frag & FRAG_LATER)) fromTransport(flow, ip.nw_proto, ip.payload);
}

function fromIpv6(flow: Flow, packet: Uint8Array): void {
  const ip = Ipv6View.parse(packet);
  if (ip instanceof Malformed) return;
  const [src, dst] = ip.addresses;
  bytes(flow, 'ipv6_src', src);
  bytes(flow, 'ipv6_dst', dst);
  const chain = ip.chain();
  if (chain instanceof Malformed) return;
  num(flow, 'ipv6_label', ip.ipv6_label);
  num(flow, 'nw_proto', chain.nw_proto);
  num(flow, 'nw_tos', ip.nw_tos);
  num(flow, 'nw_ttl', ip.nw_ttl);
  num(flow, 'nw_frag', chain.nw_frag);
  if (!(chain.nw_frag & FRAG_LATER)) fromTransport(flow, chain.nw_proto, chain.payload);
}

function fromTransport(flow: Flow, proto: number, segment: Uint8Array): void {
  if (proto === IPPROTO.tcp) {
    const tcp = TcpView.parse(segment);
    if (tcp instanceof Malformed) return;
    num(flow, 'tcp_flags', tcp.tcp_flags);
    ports(flow, tcp.tcp_src, tcp.tcp_dst);
  } else if (proto === IPPROTO.udp) {
    const udp = UdpView.parse(segment);
    if (!(udp instanceof Malformed)) ports(flow, udp.udp_src, udp.udp_dst);
  } else if (proto === IPPROTO.sctp) {
    if (segment.length >= SCTP_SIZE) bytes(flow, 'tp_src', segment.subarray(0, 4));
  } else if (proto === IPPROTO.icmp) {
    const icmp = IcmpView.parse(segment);
    if (icmp instanceof Malformed) return;
    num(flow, 'icmp_type', icmp.icmp_type);
    num(flow, 'icmp_code', icmp.icmp_code);
  } else if (proto === IPPROTO.icmpv6) fromIcmpv6(flow, segment);
}

function ports(flow: Flow, src: number, dst: number): void {
  num(flow, 'tp_src', src);
  num(flow, 'tp_dst', dst);
}

function fromIcmpv6(flow: Flow, segment: Uint8Array): void {
  const icmp = Icmpv6View.parse(segment);
  if (icmp instanceof Malformed) return;
  num(flow, 'icmp_type', icmp.icmpv6_type);
  num(flow, 'icmp_code', icmp.icmpv6_code);
  const nd = icmp.neighbour();
  if (nd?.nd_target) bytes(flow, 'nd_target', nd.nd_target);
  if (nd?.nd_sll) bytes(flow, 'arp_sha', nd.nd_sll);
  if (nd?.nd_tll) bytes(flow, 'arp_tha', nd.nd_tll);
}
