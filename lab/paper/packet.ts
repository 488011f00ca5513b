// A packet on paper: plain header values, from which a real frame is built and a switch's flow is read. Sent through
// network.ts; what leaves a switch is read back from the flow.
import { fieldByName } from '../../dataplane/key/fields.js';
import { type Flow, getField, getNumber, setField } from '../../dataplane/key/flow.js';
import { formatFieldValue, parseFieldValue } from '../../dataplane/key/format.js';
import { buildFrame, keyFromFrame } from '../../dataplane/wire/index.js';

export interface ArpFields {
  op: 1 | 2;
  sha: string;
  spa: string;
  tha: string;
  tpa: string;
}

export interface PaperPacket {
  dl_src: string;
  dl_dst: string;
  arp?: ArpFields;
  proto: 'tcp' | 'udp' | 'icmp';
  nw_src: string;
  nw_dst: string;
  nw_ttl: number;
  /** Of ICMP: type and code are `icmp`, the id is both ports. */
  sport: number;
  dport: number;
  tcp_flags: number;
  icmp_type: number;
  /** Bytes behind the transport header. */
  payload: number;
  /** TCP's numbers, the IP id: the same on every hop, so that one packet is known again. */
  seq: number;
  ack: number;
  id: number;
}

export interface Outer {
  tun_src: string;
  tun_dst: string;
  tun_id: string;
}

export const FIN = 0x01;
export const SYN = 0x02;
export const RST = 0x04;
export const PSH = 0x08;
export const ACK = 0x10;

const TCP_MSS_OPTION = Uint8Array.of(2, 4, 0x05, 0x82);
const BROADCAST = 'ff:ff:ff:ff:ff:ff';
const NO_MAC = '00:00:00:00:00:00';

export function arpRequest(mac: string, ip: string, target: string): PaperPacket {
  const arp: ArpFields = { op: 1, sha: mac, spa: ip, tha: NO_MAC, tpa: target };
  return { ...EMPTY, dl_src: mac, dl_dst: BROADCAST, arp };
}

const EMPTY: PaperPacket = {
  dl_src: NO_MAC,
  dl_dst: NO_MAC,
  proto: 'tcp',
  nw_src: '0.0.0.0',
  nw_dst: '0.0.0.0',
  nw_ttl: 64,
  sport: 0,
  dport: 0,
  tcp_flags: 0,
  icmp_type: 0,
  payload: 0,
  seq: 0,
  ack: 0,
  id: 0,
};

/** A packet of a connection; MACs are filled in where it is sent. */
export function ipPacket(fields: Partial<PaperPacket> & Pick<PaperPacket, 'proto' | 'nw_src' | 'nw_dst'>): PaperPacket {
  return { ...EMPTY, ...fields };
}

export function frameOf(p: PaperPacket): Uint8Array {
  const ethernet = { dl_src: p.dl_src, dl_dst: p.dl_dst };
  if (p.arp) {
    const { op, sha, spa, tha, tpa } = p.arp;
    return buildFrame({ ethernet, arp: { arp_op: op, arp_sha: sha, arp_spa: spa, arp_tha: tha, arp_tpa: tpa } });
  }
  const ipv4 = { nw_src: p.nw_src, nw_dst: p.nw_dst, nw_ttl: p.nw_ttl, id: p.id };
  const payload = new Uint8Array(p.payload);
  if (p.proto === 'udp') return buildFrame({ ethernet, ipv4, udp: { udp_src: p.sport, udp_dst: p.dport }, payload });
  if (p.proto === 'icmp')
    return buildFrame({ ethernet, ipv4, icmp: { icmp_type: p.icmp_type, rest: p.sport * 65536 + 1 }, payload });
  const options = p.tcp_flags & SYN ? TCP_MSS_OPTION : new Uint8Array();
  return buildFrame({
    ethernet,
    ipv4,
    tcp: { tcp_src: p.sport, tcp_dst: p.dport, tcp_flags: p.tcp_flags, seq: p.seq, ack: p.ack, options },
    payload,
  });
}

/** As a switch reads it at a port; of a tunnelled one, what the outer header said. */
export function flowOf(p: PaperPacket, inPort: number, outer?: Outer): Flow {
  const flow = keyFromFrame(frameOf(p), inPort);
  for (const [name, value] of Object.entries(outer ?? {})) {
    const field = fieldByName(name);
    setField(flow, field, parseFieldValue(field, value as string).value);
  }
  return flow;
}

/** The packet after a switch has rewritten it. */
export function rewritten(p: PaperPacket, flow: Flow): PaperPacket {
  const text = (name: string): string => formatFieldValue(fieldByName(name), getField(flow, fieldByName(name)));
  const number = (name: string): number => getNumber(flow, fieldByName(name));
  const link = { dl_src: text('dl_src'), dl_dst: text('dl_dst') };
  if (p.arp) {
    const arp: ArpFields = {
      op: number('arp_op') as 1 | 2,
      sha: text('arp_sha'),
      spa: text('arp_spa'),
      tha: text('arp_tha'),
      tpa: text('arp_tpa'),
    };
    return { ...p, ...link, arp };
  }
  const ports = p.proto === 'icmp' ? {} : { sport: number(`${p.proto}_src`), dport: number(`${p.proto}_dst`) };
  return { ...p, ...link, nw_src: text('nw_src'), nw_dst: text('nw_dst'), nw_ttl: number('nw_ttl'), ...ports };
}
