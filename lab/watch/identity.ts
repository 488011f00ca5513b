// Who a frame is: the connection's tuple, and what stays the same of this one packet wherever it is seen: address
// translation, routing and tunnels change addresses, ports and TTL, but not TCP's numbers, the IP id or the payload.
// Frames may be cut short (switch records hold the first 512 bytes). follow.ts joins with it what was seen at many
// places.
import { ipv4Text, ipv6Text, macText, TCP_FLAGS, GENEVE_PORT } from '../../dataplane/wire/index.js';
import { u16, u32 } from '../../dataplane/wire/bytes.js';

export interface Tuple {
  /** tcp, udp, sctp, icmp, icmp6, arp, or the number: ip-47, eth-0x88cc. */
  proto: string;
  src: string;
  dst: string;
  /** Of ICMP echo, both are its id. */
  sport?: number;
  dport?: number;
}

export interface Identity {
  tuple: Tuple;
  /** The same for the same packet at each place. */
  packet: string;
  /** "SYN", "ACK, 77 bytes", "echo request". */
  what: string;
  dl_src: string;
  dl_dst: string;
  ttl?: number;
  /** The first packet of a TCP connection; one of its last. */
  opens: boolean;
  closes: boolean;
  /** The Geneve packet around it. */
  outer?: { src: string; dst: string; sport: number; vni: number; innerAt: number };
}

const PROTOCOLS: Record<number, string> = { 1: 'icmp', 6: 'tcp', 17: 'udp', 58: 'icmp6', 132: 'sctp' };
/** Bytes of payload that tell packets of one connection apart when nothing else does. */
const TELLING_BYTES = 64;
const MAX_TAGS = 2;

/** Undefined: too short to say anything. */
export function identify(frame: Uint8Array, depth = 0): Identity | undefined {
  if (frame.length < 14) return undefined;
  let at = 12;
  for (let tags = 0; tags < MAX_TAGS && [0x8100, 0x88a8].includes(u16(frame, at)) && frame.length >= at + 6; tags++)
    at += 4;
  const type = u16(frame, at);
  const link = { dl_dst: macText(frame, 0), dl_src: macText(frame, 6), opens: false, closes: false };
  const body = frame.subarray(at + 2);
  if (type === 0x0800 && body.length >= 20) return ipv4(frame, body, at + 2, link, depth);
  if (type === 0x86dd && body.length >= 40) return ipv6(body, link);
  if (type === 0x0806 && body.length >= 28) return arp(body, link);
  const tuple = { proto: `eth-0x${type.toString(16).padStart(4, '0')}`, src: link.dl_src, dst: link.dl_dst };
  return { ...link, tuple, packet: digest(body), what: `${body.length} bytes` };
}

type Link = Pick<Identity, 'dl_src' | 'dl_dst' | 'opens' | 'closes'>;

function arp(body: Uint8Array, link: Link): Identity {
  const op = u16(body, 6);
  const [spa, tpa] = [ipv4Text(body, 14), ipv4Text(body, 24)];
  const what =
    op === 1 ? `who has ${tpa}? tell ${spa}` : op === 2 ? `${spa} is at ${macText(body, 8)}` : `operation ${op}`;
  // Question and answer are told as one.
  return { ...link, tuple: { proto: 'arp', src: spa, dst: tpa }, packet: 'arp', what };
}

function ipv4(frame: Uint8Array, ip: Uint8Array, ipAt: number, link: Link, depth: number): Identity {
  const header = Math.max(20, (ip[0] & 0xf) * 4);
  const total = u16(ip, 2);
  const [src, dst] = [ipv4Text(ip, 12), ipv4Text(ip, 16)];
  const fragment = u16(ip, 6) & 0x3fff;
  const l4 = ip.subarray(header, Math.max(header, total));
  const proto = ip[9];
  if (proto === 17 && depth === 0 && fragment === 0 && l4.length >= 16 && u16(l4, 2) === GENEVE_PORT) {
    const innerAt = ipAt + header + 8 + 8 + (l4[8] & 0x3f) * 4;
    const inner = identify(frame.subarray(innerAt), 1);
    if (inner) return { ...inner, outer: { src, dst, sport: u16(l4, 0), vni: (u16(l4, 12) << 8) | l4[14], innerAt } };
  }
  const common = { ...link, ttl: ip[8] };
  const id = `${u16(ip, 4)} ${fragment}`;
  const base = { proto: PROTOCOLS[proto] ?? `ip-${proto}`, src, dst };
  if (fragment & 0x1fff) return { ...common, tuple: base, packet: `${id} ${digest(l4)}`, what: 'a later fragment' };
  return { ...common, ...transport(base, proto, l4, Math.max(0, total - header), id) };
}

function ipv6(ip: Uint8Array, link: Link): Identity {
  const [src, dst] = [ipv6Text(ip, 8), ipv6Text(ip, 24)];
  const proto = ip[6];
  const base = { proto: PROTOCOLS[proto] ?? `ip-${proto}`, src, dst };
  return { ...link, ttl: ip[7], ...transport(base, proto, ip.subarray(40), u16(ip, 4), '') };
}

type Transport = Pick<Identity, 'tuple' | 'packet' | 'what'> & Partial<Pick<Identity, 'opens' | 'closes'>>;

/** `size`: bytes of the segment as the IP header says; `l4` may be cut short. */
function transport(base: Tuple, proto: number, l4: Uint8Array, size: number, id: string): Transport {
  if (proto === 6 && l4.length >= 20) {
    const payload = Math.max(0, size - (l4[12] >> 4) * 4);
    const flags = u16(l4, 12) & 0x1ff;
    const has = (name: string): boolean => ((flags >> (TCP_FLAGS as readonly string[]).indexOf(name)) & 1) === 1;
    const names = TCP_FLAGS.filter((_, i) => (flags >> i) & 1).map((f) => f.toUpperCase());
    return {
      tuple: { ...base, sport: u16(l4, 0), dport: u16(l4, 2) },
      packet: `${id} ${u32(l4, 4)} ${u32(l4, 8)} ${flags} ${payload}`,
      what: `${names.join('+') || 'no flags'}${payload ? `, ${payload} bytes` : ''}`,
      opens: has('syn') && !has('ack'),
      closes: has('fin') || has('rst'),
    };
  }
  if ((proto === 17 || proto === 132) && l4.length >= 8) {
    const tuple = { ...base, sport: u16(l4, 0), dport: u16(l4, 2) };
    return { tuple, packet: `${id} ${digest(l4.subarray(8))}`, what: `${Math.max(0, size - 8)} bytes` };
  }
  if (proto === 1 && l4.length >= 8) return icmp(base, l4, id);
  return { tuple: base, packet: `${id} ${digest(l4)}`, what: `${size} bytes` };
}

const ICMP_ERRORS: Record<number, string> = {
  3: 'unreachable',
  4: 'source quench',
  5: 'redirect',
  11: 'time exceeded',
  12: 'parameter problem',
};

function icmp(base: Tuple, l4: Uint8Array, id: string): Transport {
  const [type, code] = l4;
  const cause = l4.subarray(8);
  if (ICMP_ERRORS[type] && cause.length >= 20) {
    const header = Math.max(20, (cause[0] & 0xf) * 4);
    const ports = cause.length >= header + 4 && [6, 17, 132].includes(cause[9]);
    // It belongs to the connection whose packet caused it, and goes the other way.
    const tuple: Tuple = {
      proto: PROTOCOLS[cause[9]] ?? `ip-${cause[9]}`,
      src: ipv4Text(cause, 16),
      dst: ipv4Text(cause, 12),
      ...(ports ? { sport: u16(cause, header + 2), dport: u16(cause, header) } : {}),
    };
    return {
      tuple,
      packet: `${id} icmp ${type} ${code}`,
      what: `ICMP ${ICMP_ERRORS[type]} (code ${code}) from ${base.src}`,
    };
  }
  const echo = u16(l4, 4);
  const what =
    type === 8 ? `echo request ${u16(l4, 6)}` : type === 0 ? `echo reply ${u16(l4, 6)}` : `type ${type} code ${code}`;
  return { tuple: { ...base, sport: echo, dport: echo }, packet: `${id} ${type} ${u16(l4, 6)}`, what };
}

/** FNV-1a of the first bytes. */
function digest(bytes: Uint8Array): string {
  let hash = 0x811c9dc5;
  for (const byte of bytes.subarray(0, TELLING_BYTES)) hash = Math.imul(hash ^ byte, 0x01000193);
  return (hash >>> 0).toString(16);
}

/** The same for both directions. */
export function connectionKey({ proto, src, dst, sport, dport }: Tuple): string {
  const ends = [`${src} ${sport ?? ''}`, `${dst} ${dport ?? ''}`].sort();
  return `${proto} ${ends[0]} ${ends[1]}`;
}

export function sameTuple(a: Tuple, b: Tuple): boolean {
  return a.proto === b.proto && a.src === b.src && a.dst === b.dst && a.sport === b.sport && a.dport === b.dport;
}
