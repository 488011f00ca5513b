// Random frames that tend to meet a random match: its values, the bits that it leaves out at random, and what it does
// not say out of the universe. Sometimes one thing is changed after all. And the replies to frames that came out, so
// that connections get somewhere. To: scenario.ts.
import { fieldByName } from '../../../dataplane/key/fields.js';
import { formatIpv4, formatIpv6, formatMac } from '../../../dataplane/key/numbers.js';
import { type BuildSpec, type Layer, buildFrame, dissect, neighbourPayload } from '../../../dataplane/wire/index.js';
import type { Random } from '../../helpers/random.js';
import { isArp, isIpv6, type GeneratedProtocol, PROTOCOLS, type RandomMatch, usualValue } from './matches.js';
import * as u from './universe.js';

export interface PacketIn {
  port: string;
  frame: Uint8Array;
}

const [FIN, SYN, RST, ACK] = [0x01, 0x02, 0x04, 0x10];

/** A frame for the match; of one protocol when it names none. `size`: of its payload. */
export function packetFor(r: Random, match: RandomMatch, size = r.below(40)): PacketIn {
  const protocol = concrete(r, match);
  const of = (name: string): bigint => fieldValue(r, match, name);
  const inPort = Number(match.terms.find((t) => t.field.name === 'in_port')?.value ?? 1 + r.below(3));
  const spec = frameSpec(r, protocol, of, size);
  const tag = tagOf(r, match);
  if (tag !== undefined) {
    spec.vlan = [{ vlan_vid: tag & 0xfff, vlan_pcp: tag >> 13, drop_eligible: false }];
    if (r.chance(8)) spec.vlan.push({ vlan_vid: r.pick(u.VIDS), vlan_pcp: r.pick(u.PCPS) });
  }
  return { port: `p-${inPort <= 3 ? inPort : 1 + r.below(3)}`, frame: spoiled(r, buildFrame(spec)) };
}

function concrete(r: Random, { protocol, terms }: RandomMatch): GeneratedProtocol {
  const choices = PROTOCOLS.filter((p) => p !== '' && p !== 'rarp');
  if (protocol === '') return r.pick(choices);
  if (protocol !== 'ip' && protocol !== 'ipv6') return protocol;
  if (terms.some((t) => t.field.name === 'nw_proto')) return protocol;
  return r.pick(protocol === 'ip' ? (['tcp', 'udp', 'icmp'] as const) : (['tcp6', 'udp6', 'icmp6', 'ns'] as const));
}

/** What the match says of a field, and something usual for the bits of which it says nothing. */
function fieldValue(r: Random, { terms }: RandomMatch, name: string): bigint {
  const field = fieldByName(name);
  const usual = usualValue(r, field);
  const term = r.chance(20) ? undefined : terms.find((t) => t.field === field);
  if (!term) return usual;
  if (term.mask === undefined) return term.value;
  return term.value | ((r.chance(2) ? usual : u.randomBits(r, field.bits)) & ~term.mask);
}

/** The tag's TCI, or none. */
function tagOf(r: Random, { terms }: RandomMatch): number | undefined {
  const said = (name: string) => terms.find((t) => t.field.name === name);
  const tci = said('vlan_tci');
  const [vid, pcp] = [said('dl_vlan'), said('dl_vlan_pcp')];
  if (tci) {
    if ((tci.value & 0x1000n) === 0n) return undefined;
    return Number(tci.value | (u.randomBits(r, 16) & ~(tci.mask ?? 0xffffn))) & ~0x1000;
  }
  if (!vid && !pcp && !r.chance(6)) return undefined;
  return Number(vid?.value ?? r.pick(u.VIDS)) | (Number(pcp?.value ?? r.pick(u.PCPS)) << 13);
}

function frameSpec(r: Random, protocol: GeneratedProtocol, of: (name: string) => bigint, size: number): BuildSpec {
  const num = (name: string) => Number(of(name));
  const ethernet = { dl_src: formatMac(of('dl_src') & ~(1n << 40n)), dl_dst: formatMac(of('dl_dst')) };
  const spec: BuildSpec = { ethernet, payload: r.bytes(size) };
  if (isArp(protocol)) {
    const [arp_sha, arp_tha] = [formatMac(of('arp_sha')), formatMac(of('arp_tha'))];
    spec.arp = {
      arp_op: num('arp_op'),
      arp_sha,
      arp_tha,
      arp_spa: formatIpv4(of('arp_spa')),
      arp_tpa: formatIpv4(of('arp_tpa')),
    };
    if (protocol === 'rarp') spec.ethernet.dl_type = 0x8035;
    return spec;
  }
  const nw_tos = (num('nw_tos') & 0xfc) | (num('nw_ecn') % 4);
  // Mostly a TTL that lives.
  const nw_ttl = r.chance(2) ? num('nw_ttl') : 64;
  if (isIpv6(protocol)) {
    const label = { ipv6_label: num('ipv6_label') & 0xfffff };
    const [ipv6_src, ipv6_dst] = [formatIpv6(of('ipv6_src')), formatIpv6(of('ipv6_dst'))];
    spec.ipv6 = { ipv6_src, ipv6_dst, nw_tos, nw_ttl, ...label };
  } else {
    const [nw_src, nw_dst] = [formatIpv4(of('nw_src')), formatIpv4(of('nw_dst'))];
    spec.ipv4 = { nw_src, nw_dst, nw_tos, nw_ttl, id: r.below(3) };
  }
  addSegment(r, spec, protocol, of);
  return spec;
}

function addSegment(r: Random, spec: BuildSpec, protocol: GeneratedProtocol, of: (name: string) => bigint): void {
  const num = (name: string) => Number(of(name));
  const ip = (spec.ipv4 ?? spec.ipv6)!;
  switch (protocol) {
    case 'tcp':
    case 'tcp6': {
      // A SYN, mostly: it may begin something.
      const tcp_flags = r.chance(2) ? SYN : num('tcp_flags');
      const seq = r.chance(2) ? 1000 : r.below(2 ** 32);
      spec.tcp = { tcp_src: num('tcp_src'), tcp_dst: num('tcp_dst'), tcp_flags, seq, ack: tcp_flags & ACK ? 500 : 0 };
      if (tcp_flags & SYN && r.chance(2)) spec.payload = undefined;
      break;
    }
    case 'udp':
    case 'udp6':
      spec.udp = { udp_src: num('udp_src'), udp_dst: num('udp_dst'), checksummed: protocol === 'udp6' || !r.chance(4) };
      break;
    case 'sctp':
    case 'sctp6': {
      ip.nw_proto = 132;
      const [src, dst] = [num('sctp_src'), num('sctp_dst')];
      spec.payload = Uint8Array.of(src >> 8, src & 0xff, dst >> 8, dst & 0xff, ...r.bytes(8), 1, 0, 0, 4);
      break;
    }
    case 'icmp':
      spec.icmp = { icmp_type: num('icmp_type'), icmp_code: num('icmp_code'), rest: r.below(3) << 16 };
      break;
    case 'icmp6':
      spec.icmpv6 = { icmpv6_type: num('icmpv6_type'), icmpv6_code: num('icmpv6_code'), rest: r.below(3) << 16 };
      break;
    case 'ns':
    case 'na': {
      spec.icmpv6 = { icmpv6_type: protocol === 'ns' ? 135 : 136, icmpv6_code: r.chance(10) ? 1 : 0 };
      const lla = r.chance(4)
        ? {}
        : protocol === 'ns'
          ? { nd_sll: formatMac(of('nd_sll')) }
          : { nd_tll: formatMac(of('nd_tll')) };
      spec.payload = neighbourPayload(formatIpv6(of('nd_target')), lla);
      break;
    }
    default:
      ip.nw_proto = num('nw_proto');
      spec.payload = r.bytes(8 + r.below(30));
  }
}

/** One in thirty: a bit is changed, or the end cut off. */
function spoiled(r: Random, frame: Uint8Array): Uint8Array {
  if (!r.chance(30)) return frame;
  if (r.chance(2)) return frame.slice(0, 14 + r.below(Math.max(1, frame.length - 14)));
  frame[r.below(frame.length)] ^= 1 << r.below(8);
  return frame;
}

/** What the other side would answer to a frame that came out at `port`; undefined when it would not. */
export function replyTo(r: Random, port: string, frame: Uint8Array): PacketIn | undefined {
  const layers = dissect(frame);
  const of = <P extends Layer['protocol']>(protocol: P) =>
    layers.find((l): l is Extract<Layer, { protocol: P }> => l.protocol === protocol);
  const [eth, ip4, ip6] = [of('ethernet'), of('ipv4'), of('ipv6')];
  if (!eth || (!ip4 && !ip6)) return undefined;
  const spec: BuildSpec = { ethernet: { dl_src: eth.view.dl_dst, dl_dst: eth.view.dl_src } };
  if (ip4) spec.ipv4 = { nw_src: ip4.view.nw_dst, nw_dst: ip4.view.nw_src };
  else if (ip6) spec.ipv6 = { ipv6_src: ip6.view.ipv6_dst, ipv6_dst: ip6.view.ipv6_src };
  const vlan = of('vlan');
  if (vlan) spec.vlan = [{ vlan_vid: vlan.view.vlan_vid, vlan_pcp: vlan.view.vlan_pcp }];
  const [tcp, udp, icmp, icmpv6] = [of('tcp'), of('udp'), of('icmp'), of('icmpv6')];
  if ((ip4 || ip6) && r.chance(8)) return unreachable(spec, port, frame, ip4 ? ip4.view.bytes : undefined);
  if (tcp) {
    const { tcp_src, tcp_dst, tcp_flags, seq, ack } = tcp.view;
    const size = tcp.view.payload.length + (tcp_flags & (SYN | FIN) ? 1 : 0);
    const answer = r.chance(10)
      ? RST | ACK
      : tcp_flags & SYN && !(tcp_flags & ACK)
        ? SYN | ACK
        : r.chance(8)
          ? FIN | ACK
          : ACK;
    const ours = tcp_flags & ACK ? ack : 500;
    spec.tcp = { tcp_src: tcp_dst, tcp_dst: tcp_src, tcp_flags: answer, seq: ours >>> 0, ack: (seq + size) >>> 0 };
    if (answer === ACK && r.chance(2)) spec.payload = r.bytes(r.below(12));
  } else if (udp) spec.udp = { udp_src: udp.view.udp_dst, udp_dst: udp.view.udp_src };
  else if (icmp) spec.icmp = { icmp_type: icmp.view.icmp_type === 8 ? 0 : 8, rest: icmp.view.rest };
  else if (icmpv6) spec.icmpv6 = { icmpv6_type: icmpv6.view.icmpv6_type === 128 ? 129 : 128, rest: icmpv6.view.rest };
  else return undefined;
  return { port, frame: buildFrame(spec) };
}

/** An ICMP error about the frame. */
function unreachable(
  spec: BuildSpec,
  port: string,
  _frame: Uint8Array,
  ip: Uint8Array | undefined,
): PacketIn | undefined {
  if (!ip) return undefined;
  spec.icmp = { icmp_type: 3, icmp_code: 1, rest: 0 };
  spec.payload = ip.slice(0, 28);
  return { port, frame: buildFrame(spec) };
}
