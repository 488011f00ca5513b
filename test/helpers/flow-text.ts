// The headers of a flow key as the "Flow:" line of Open vSwitch's ofproto/trace has them, term by term. Written from
// what OVS 3.1 prints, so that a key made here can be compared with the key that OVS made of the same frame.
import { KEY_FIELDS, type FieldName } from '../../dataplane/datapath/key-fields.js';
import { hex, ipv4Text, ipv6Text, macText, u16, u32 } from '../../dataplane/wire/bytes.js';
import { tcpFlagNames } from '../../dataplane/wire/index.js';
import { splitTerms } from './trace-text.js';

function at(name: FieldName): number {
  return KEY_FIELDS[name][0];
}

const FRAG = ['no', 'first', '', 'later'];

/** Header terms of the key, sorted. */
export function keyTerms(key: Uint8Array): string[] {
  const terms: string[] = [];
  const u8 = (n: FieldName) => key[at(n)];
  const mac = (n: FieldName) => macText(key, at(n));
  const ipv4 = (n: FieldName) => ipv4Text(key, at(n));
  const ipv6 = (n: FieldName) => ipv6Text(key, at(n));
  const num = (n: FieldName) => u16(key, at(n));

  const tags = [num('vlan_tci'), num('vlan2_tci')];
  tags.forEach((tci, i) => {
    const suffix = i ? String(i) : '';
    if (tci) terms.push(`dl_vlan${suffix}=${tci & 0xfff}`, `dl_vlan_pcp${suffix}=${tci >> 13}`);
  });
  terms.push(`dl_src=${mac('dl_src')}`, `dl_dst=${mac('dl_dst')}`);
  const type = num('dl_type');
  if (type === 0x0806 || type === 0x8035) {
    terms.push(type === 0x0806 ? 'arp' : 'rarp', `arp_spa=${ipv4('nw_src')}`, `arp_tpa=${ipv4('nw_dst')}`);
    terms.push(`arp_op=${num('arp_op')}`, `arp_sha=${mac('arp_sha')}`, `arp_tha=${mac('arp_tha')}`);
  } else if (type === 0x0800 || type === 0x86dd) ip(type === 0x86dd);
  else if (type === 0x8847 || type === 0x8848) terms.push(type === 0x8847 ? 'mpls' : 'mplsm');
  else terms.push(`dl_type=${hex(type, 4)}`);
  return terms.sort();

  function ip(six: boolean): void {
    const proto = u8('nw_proto');
    const names: Record<number, string> = six
      ? { 6: 'tcp6', 17: 'udp6', 58: 'icmp6', 132: 'sctp6' }
      : { 1: 'icmp', 6: 'tcp', 17: 'udp', 132: 'sctp' };
    terms.push(names[proto] ?? (six ? 'ipv6' : 'ip'));
    if (!names[proto]) terms.push(`nw_proto=${proto}`);
    if (six) {
      terms.push(`ipv6_src=${ipv6('ipv6_src')}`, `ipv6_dst=${ipv6('ipv6_dst')}`);
      terms.push(`ipv6_label=${hex(u32(key, at('ipv6_label')), 5)}`);
    } else terms.push(`nw_src=${ipv4('nw_src')}`, `nw_dst=${ipv4('nw_dst')}`);
    terms.push(`nw_tos=${u8('nw_tos') & 0xfc}`, `nw_ecn=${u8('nw_tos') & 3}`, `nw_ttl=${u8('nw_ttl')}`);
    terms.push(`nw_frag=${FRAG[u8('nw_frag')]}`);
    if (u8('nw_frag') & 2) return;
    segment(names[proto], six);
    // ICMP over IPv6 and ICMPv6 over IPv4 have no name; OVS prints their type and code where it keeps them.
    if (proto === (six ? 1 : 58)) terms.push(`tp_src=${u8('icmp_type')}`, `tp_dst=${u8('icmp_code')}`);
  }

  function segment(name: string | undefined, six: boolean): void {
    if (name === undefined) return;
    if (name.startsWith('icmp')) {
      terms.push(`icmp_type=${u8('icmp_type')}`, `icmp_code=${u8('icmp_code')}`);
      if (!six || u8('icmp_code') !== 0 || ![135, 136].includes(u8('icmp_type'))) return;
      terms.push(`nd_target=${ipv6('nd_target')}`, `nd_sll=${mac('arp_sha')}`, `nd_tll=${mac('arp_tha')}`);
    } else {
      terms.push(`tp_src=${num('tp_src')}`, `tp_dst=${num('tp_dst')}`);
      if (name.startsWith('tcp')) terms.push(`tcp_flags=${tcpFlagNames(num('tcp_flags'))}`);
    }
  }
}

/** The same terms of OVS's line: metadata, and what our key does not have, left out. */
export function ovsTerms(line: string): string[] {
  const terms = splitTerms(line).filter((t) => !/^(in_port|vlan_tci\d?|mpls_.*|nd_options_type|nd_reserved)=/.test(t));
  // OVS keeps IGMP's type and code where ports are; no flow can match them there.
  const igmp = terms.includes('nw_proto=2');
  return terms.filter((t) => !igmp || !/^tp_(src|dst)=/.test(t)).sort();
}
