// Matches and writes in plain words, for flows that a pipeline's own words say nothing of. Used by explain.ts.
import type { TraceStep, TraceWrite } from '../dataplane/trace/types.js';
import { nameRegister, type BitContext } from './bits.js';
import { splitMatch } from './packet.js';

const PROTOCOLS: Record<string, string> = {
  ip: 'IPv4',
  ipv6: 'IPv6',
  arp: 'ARP',
  tcp: 'TCP',
  udp: 'UDP',
  sctp: 'SCTP',
  icmp: 'ICMP',
  tcp6: 'TCP over IPv6',
  udp6: 'UDP over IPv6',
  sctp6: 'SCTP over IPv6',
  icmp6: 'ICMPv6',
  ipv6_icmp: 'ICMPv6',
  mpls: 'MPLS',
  rarp: 'RARP',
};

const CT_FLAGS: Record<string, string> = {
  '+new': 'its connection is new',
  '-new': 'its connection is not new',
  '+est': 'its connection is established',
  '-est': 'its connection is not established',
  '+rpl': 'it is an answer',
  '-rpl': 'it is no answer',
  '+inv': 'it belongs to no valid connection',
  '-inv': 'it is valid',
  '+trk': 'it was looked up in conntrack',
  '-trk': 'it was not looked up in conntrack yet',
  '+rel': 'it is an error about a known connection',
  '-rel': 'it is no error about a known connection',
  '+snat': 'its source is translated',
  '-snat': 'its source is not translated',
  '+dnat': 'its destination is translated',
  '-dnat': 'its destination is not translated',
};

/** "it is IPv4 and its connection is new"; '' for a flow that matches all. */
export function matchPhrase(match: string, context: BitContext): string {
  const parts = splitMatch(match).map((part) => partPhrase(part, context));
  return parts.length < 2 ? (parts[0] ?? '') : `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}`;
}

function partPhrase(part: string, context: BitContext): string {
  const { names } = context;
  const at = part.indexOf('=');
  if (at < 0) return `it is ${PROTOCOLS[part] ?? part}`;
  const [name, value] = [part.slice(0, at), part.slice(at + 1)];
  const named = names.address(value) ?? names.mac(value) ?? value;
  switch (name) {
    case 'in_port':
      return `it came in at ${names.port(unquote(value)) ?? value}`;
    case 'nw_src':
    case 'ipv6_src':
      return `its source is ${named}`;
    case 'nw_dst':
    case 'ipv6_dst':
      return `its destination is ${named}`;
    case 'dl_src':
      return `its source MAC is that of ${named}`;
    case 'dl_dst':
      return `its destination MAC is that of ${named}`;
    case 'arp_tpa':
      return `it asks about ${named}`;
    case 'arp_spa':
      return `it says to be ${named}`;
    case 'tp_dst':
    case 'tcp_dst':
    case 'udp_dst':
      return `its destination port is ${value}`;
    case 'tp_src':
    case 'tcp_src':
    case 'udp_src':
      return `its source port is ${value}`;
    case 'ct_state':
      return ctPhrase(value);
    default: {
      const [bits, mask] = value.split('/');
      const told = isNumber(bits)
        ? nameRegister(name, mask ? `0x${(BigInt(bits) & BigInt(mask)).toString(16)}` : bits, context, true)
        : [];
      const meant = told.filter((b) => b.meaning !== undefined && covers(mask, b.first, b.last));
      return meant.length ? meant.map((b) => b.text).join(' and ') : `${name} is ${value}`;
    }
  }
}

function covers(mask: string | undefined, first: number, last: number): boolean {
  if (mask === undefined) return true;
  const bits = ((1n << BigInt(last - first + 1)) - 1n) << BigInt(first);
  return (BigInt(mask) & bits) === bits;
}

function ctPhrase(value: string): string {
  const flags = value.match(/[+-][a-z]+/g);
  // Whatever was looked up has +trk: said only when it is all there is.
  const said = flags?.filter((f, _, all) => f !== '+trk' || all.length === 1).map((f) => CT_FLAGS[f] ?? f);
  return said?.join(' and ') ?? `its connection state is ${value}`;
}

/** "the destination MAC becomes antrea-gw0's". Registers are told apart, bit by bit. */
export function writePhrases(step: TraceStep, context: BitContext): string[] {
  const last = new Map<string, TraceWrite>();
  for (const write of step.writes) if (!/^(x{0,2}reg|metadata)/.test(write.field)) last.set(write.field, write);
  return [...last.values()].map(({ field, value }) => writePhrase(field, value, context));
}

const WRITTEN: Record<string, string> = {
  dl_src: 'source MAC',
  dl_dst: 'destination MAC',
  nw_src: 'source address',
  nw_dst: 'destination address',
  nw_ttl: 'TTL',
  tun_dst: "tunnel's far end",
  tun_id: 'tunnel id',
  arp_op: 'ARP operation',
  arp_sha: 'ARP sender MAC',
  arp_tha: 'ARP target MAC',
  arp_spa: 'ARP sender address',
  arp_tpa: 'ARP target address',
  tcp_src: 'source port',
  tcp_dst: 'destination port',
  udp_src: 'source port',
  udp_dst: 'destination port',
  pkt_mark: 'packet mark',
  nw_tos: 'DSCP',
  ip_dscp: 'DSCP',
  vlan_tci: 'VLAN tag',
  ipv6_src: 'source address',
  ipv6_dst: 'destination address',
};

function writePhrase(field: string, value: string, { names }: BitContext): string {
  const named = names.address(value) ?? names.mac(value);
  return `the ${WRITTEN[field] ?? field} becomes ${value}${named ? ` (${named})` : ''}`;
}

export const unquote = (text: string): string => text.replace(/^"(.*)"$/, '$1');
const isNumber = (text: string): boolean => /^(0x[0-9a-f]+|\d+)$/i.test(text);
