// Tuples of connections on paper, and what a translation makes of a packet. Used by both trackers: the switch's
// (conntrack.ts) and the kernel's (host.ts).
import type { Tuple } from '../watch/identity.js';
import type { PaperPacket } from './packet.js';

export function tupleOf(p: PaperPacket): Tuple {
  return { proto: p.proto, src: p.nw_src, dst: p.nw_dst, sport: p.sport, dport: p.dport };
}

export function reversed({ proto, src, dst, sport, dport }: Tuple): Tuple {
  return { proto, src: dst, dst: src, sport: dport, dport: sport };
}

export function tupleKey({ proto, src, dst, sport, dport }: Tuple): string {
  return `${proto} ${src} ${sport ?? ''} ${dst} ${dport ?? ''}`;
}

/** The packet with the addresses and ports of `tuple`. */
export function withTuple(p: PaperPacket, { src, dst, sport, dport }: Tuple): PaperPacket {
  return { ...p, nw_src: src, nw_dst: dst, sport: sport ?? p.sport, dport: dport ?? p.dport };
}
