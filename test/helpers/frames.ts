// Frames for the packets of the article's data: from fields named as in ovs-fields(7) to bytes, and to a flow as
// ofproto/trace takes it.
import type { PacketFields } from './article.js';
import { buildFrame, tcpFlagBits } from '../../dataplane/wire/index.js';

function text(fields: PacketFields, name: string): string {
  const v = fields[name];
  if (v === undefined) throw new Error(`a packet needs ${name}`);
  return String(v);
}

/** Sequence numbers of the first three packets of a connection, so that conntrack's window check is content. */
const NUMBERS: Record<string, { seq: number; ack: number }> = {
  syn: { seq: 1000, ack: 0 },
  'syn|ack': { seq: 5000, ack: 1001 },
  ack: { seq: 1001, ack: 5001 },
};

/** Without the tunnel: that is the outer header's business. */
export function frameOf(fields: PacketFields): Uint8Array {
  const ethernet = { dl_src: text(fields, 'dl_src'), dl_dst: text(fields, 'dl_dst') };
  if ('arp_op' in fields) {
    const sender = { arp_sha: text(fields, 'arp_sha'), arp_spa: text(fields, 'arp_spa') };
    const target = { arp_tha: text(fields, 'arp_tha'), arp_tpa: text(fields, 'arp_tpa') };
    return buildFrame({ ethernet, arp: { arp_op: Number(fields.arp_op), ...sender, ...target } });
  }
  const ipv4 = { nw_src: text(fields, 'nw_src'), nw_dst: text(fields, 'nw_dst'), nw_ttl: Number(fields.nw_ttl) };
  if ('tcp_src' in fields) {
    const flags = text(fields, 'tcp_flags');
    const ports = { tcp_src: Number(fields.tcp_src), tcp_dst: Number(fields.tcp_dst) };
    const tcp = { ...ports, tcp_flags: tcpFlagBits(flags), ...NUMBERS[flags] };
    return buildFrame({ ethernet, ipv4, tcp });
  }
  return buildFrame({
    ethernet,
    ipv4,
    udp: { udp_src: Number(fields.udp_src), udp_dst: Number(fields.udp_dst) },
    payload:
      'payload_size' in fields ? new Uint8Array(Number(fields.payload_size)) : new TextEncoder().encode('packetwalk'),
  });
}

/** "tcp,in_port=...,nw_src=..." */
export function flowText(inPort: string, fields: PacketFields): string {
  const proto = 'arp_op' in fields ? 'arp' : 'tcp_src' in fields ? 'tcp' : 'udp';
  const named = Object.entries(fields)
    .filter(([name]) => name !== 'tcp_flags')
    .map(([name, v]) => `${name}=${v}`);
  if ('tcp_flags' in fields) named.push(`tcp_flags=${tcpFlagBits(String(fields.tcp_flags))}`);
  return [proto, `in_port="${inPort}"`, ...named].join(',');
}

/** The tunnel that a packet came through or goes into; undefined when there is none. */
export function tunnelOf(fields: PacketFields): { src?: string; dst: string; id: number } | undefined {
  if (!('tun_dst' in fields)) return undefined;
  return { src: fields.tun_src as string | undefined, dst: text(fields, 'tun_dst'), id: Number(fields.tun_id) };
}
