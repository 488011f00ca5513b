// A frame taken apart: the list of its headers from outside in, each with its view. summarize.ts and explain.ts print
// it; walks and tests read it. Any bytes are fine: what is malformed ends the list and says why.
import { ArpView } from './arp.js';
import { pseudoSum } from './checksum.js';
import { ETHERNET_SIZE, ETHERTYPE, EthernetView, etherType, isVlanType } from './ethernet.js';
import { GENEVE_PORT, GeneveView } from './geneve.js';
import { IcmpView } from './icmp.js';
import { Icmpv6View } from './icmpv6.js';
import { FRAG_LATER, IPPROTO, Ipv4View } from './ipv4.js';
import { type Ipv6Chain, Ipv6View } from './ipv6.js';
import { Malformed } from './malformed.js';
import { TcpView } from './tcp.js';
import { UdpView } from './udp.js';
import { VLAN_SIZE, VlanView } from './vlan.js';

export type Checksum = 'valid' | 'invalid' | 'none';

export type Layer =
  | { protocol: 'ethernet'; view: EthernetView; /** after VLAN tags and SNAP */ dl_type: number }
  | { protocol: 'vlan'; view: VlanView }
  | { protocol: 'arp'; view: ArpView }
  | { protocol: 'ipv4'; view: Ipv4View }
  | { protocol: 'ipv6'; view: Ipv6View; chain: Ipv6Chain }
  | { protocol: 'tcp'; view: TcpView; checksum: Checksum }
  | { protocol: 'udp'; view: UdpView; checksum: Checksum }
  | { protocol: 'icmp'; view: IcmpView; checksum: Checksum }
  | { protocol: 'icmpv6'; view: Icmpv6View; checksum: Checksum }
  | { protocol: 'geneve'; view: GeneveView }
  | { protocol: 'payload'; bytes: Uint8Array }
  | { protocol: 'malformed'; view: Malformed };

/** Geneve in Geneve in Geneve is followed this far. */
const MAX_NESTING = 4;

export function dissect(frame: Uint8Array): Layer[] {
  const out: Layer[] = [];
  ethernet(frame, out, 0);
  return out;
}

function ethernet(frame: Uint8Array, out: Layer[], nesting: number): void {
  const eth = EthernetView.parse(frame);
  if (eth instanceof Malformed) return malformed(eth, out);
  let at = ETHERNET_SIZE - 2;
  const tags: VlanView[] = [];
  while (isVlanType((frame[at] << 8) | frame[at + 1])) {
    const tag = VlanView.parse(frame.subarray(at));
    if (tag instanceof Malformed) break;
    tags.push(tag);
    at += VLAN_SIZE;
  }
  const { dl_type, payload } = etherType(frame, at);
  out.push({ protocol: 'ethernet', view: eth, dl_type });
  for (const view of tags) out.push({ protocol: 'vlan', view });
  const rest = frame.subarray(payload);
  if (dl_type === ETHERTYPE.ipv4) ipv4(rest, out, nesting);
  else if (dl_type === ETHERTYPE.ipv6) ipv6(rest, out, nesting);
  else if (dl_type === ETHERTYPE.arp || dl_type === ETHERTYPE.rarp) {
    const arp = ArpView.parse(rest);
    if (arp instanceof Malformed) malformed(arp, out);
    else out.push({ protocol: 'arp', view: arp });
  } else out.push({ protocol: 'payload', bytes: rest });
}

function malformed(view: Malformed, out: Layer[]): void {
  out.push({ protocol: 'malformed', view });
}

function ipv4(bytes: Uint8Array, out: Layer[], nesting: number): void {
  const ip = Ipv4View.parse(bytes);
  if (ip instanceof Malformed) return malformed(ip, out);
  out.push({ protocol: 'ipv4', view: ip });
  // A fragment's checksum covers the whole packet, which is not here.
  const whole = ip.nw_frag === 0;
  const [src, dst] = ip.addresses;
  const pseudo = whole ? (proto: number, size: number) => pseudoSum(src, dst, proto, size) : undefined;
  transport(ip.nw_proto, ip.nw_frag, ip.payload, pseudo, out, nesting);
}

function ipv6(bytes: Uint8Array, out: Layer[], nesting: number): void {
  const ip = Ipv6View.parse(bytes);
  if (ip instanceof Malformed) return malformed(ip, out);
  const chain = ip.chain();
  if (chain instanceof Malformed) {
    const none = { nw_proto: ip.next_header, nw_frag: 0, extensions: [], payload: ip.payload };
    out.push({ protocol: 'ipv6', view: ip, chain: none });
    return malformed(chain, out);
  }
  out.push({ protocol: 'ipv6', view: ip, chain });
  const [src, dst] = ip.addresses;
  const pseudo = chain.nw_frag === 0 ? (proto: number, size: number) => pseudoSum(src, dst, proto, size) : undefined;
  transport(chain.nw_proto, chain.nw_frag, chain.payload, pseudo, out, nesting);
}

type Pseudo = ((proto: number, size: number) => number) | undefined;

function transport(
  proto: number,
  frag: number,
  bytes: Uint8Array,
  pseudo: Pseudo,
  out: Layer[],
  nesting: number,
): void {
  if (frag & FRAG_LATER) return void out.push({ protocol: 'payload', bytes });
  const judge = (view: { checksum(p: number): Checksum }, size: number): Checksum =>
    pseudo ? view.checksum(pseudo(proto, size)) : 'none';
  if (proto === IPPROTO.tcp) {
    const tcp = TcpView.parse(bytes);
    if (tcp instanceof Malformed) return malformed(tcp, out);
    out.push({ protocol: 'tcp', view: tcp, checksum: judge(tcp, bytes.length) });
    out.push({ protocol: 'payload', bytes: tcp.payload });
  } else if (proto === IPPROTO.udp) {
    const udp = UdpView.parse(bytes);
    if (udp instanceof Malformed) return malformed(udp, out);
    out.push({ protocol: 'udp', view: udp, checksum: judge(udp, udp.size) });
    if (udp.udp_dst === GENEVE_PORT && nesting < MAX_NESTING) geneve(udp.payload, out, nesting);
    else out.push({ protocol: 'payload', bytes: udp.payload });
  } else if (proto === IPPROTO.icmp) {
    const icmp = IcmpView.parse(bytes);
    if (icmp instanceof Malformed) return malformed(icmp, out);
    out.push({ protocol: 'icmp', view: icmp, checksum: pseudo ? icmp.checksum : 'none' });
    out.push({ protocol: 'payload', bytes: icmp.payload });
  } else if (proto === IPPROTO.icmpv6) {
    const icmp = Icmpv6View.parse(bytes);
    if (icmp instanceof Malformed) return malformed(icmp, out);
    out.push({ protocol: 'icmpv6', view: icmp, checksum: judge(icmp, bytes.length) });
    out.push({ protocol: 'payload', bytes: icmp.payload });
  } else out.push({ protocol: 'payload', bytes });
}

function geneve(bytes: Uint8Array, out: Layer[], nesting: number): void {
  const tunnel = GeneveView.parse(bytes);
  if (tunnel instanceof Malformed) return malformed(tunnel, out);
  out.push({ protocol: 'geneve', view: tunnel });
  if (tunnel.protocol === ETHERTYPE.teb) ethernet(tunnel.payload, out, nesting + 1);
  else if (tunnel.protocol === ETHERTYPE.ipv4) ipv4(tunnel.payload, out, nesting + 1);
  else if (tunnel.protocol === ETHERTYPE.ipv6) ipv6(tunnel.payload, out, nesting + 1);
  else out.push({ protocol: 'payload', bytes: tunnel.payload });
}
