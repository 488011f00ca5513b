// Cuts an IPv4 or IPv6 frame into fragments as a sender would, large enough that conntrack takes them (1,200 and 1,280
// bytes), and sometimes as none should: out of order, one missing, one twice, two that overlap. To: scenario.ts.
import { concat } from '../../../dataplane/wire/bytes.js';
import { dissect, emitIpv4, emitIpv6, IPPROTO, type Layer } from '../../../dataplane/wire/index.js';
import type { Random } from '../../helpers/random.js';

/** Multiples of 8, as the header counts. */
const SIZES = [1240, 1280, 1296];

type IpLayer = Extract<Layer, { protocol: 'ipv4' | 'ipv6' }>;

/** `id` must be new for each datagram: both switches remember what is incomplete. */
export function fragmentsOf(r: Random, frame: Uint8Array, id: number): Uint8Array[] {
  const ip = ipOf(frame);
  if (!ip) return [frame];
  const head = frame.subarray(0, frame.length - ip.view.bytes.length);
  const payload = ip.view.payload;
  const pieces: Uint8Array[] = [];
  const size = r.pick(SIZES);
  if (payload.length <= size) return [frame];
  for (let from = 0; from < payload.length; from += size) {
    const to = Math.min(payload.length, from + size);
    pieces.push(concat(head, piece(ip, payload.subarray(from, to), from, to < payload.length, id)));
  }
  return disturbed(r, pieces);
}

function ipOf(frame: Uint8Array): IpLayer | undefined {
  return dissect(frame).find((l): l is IpLayer => l.protocol === 'ipv4' || l.protocol === 'ipv6');
}

/** A fragment's frame as one of another datagram: what is incomplete is remembered. Others as they are. */
export function asAnother(frame: Uint8Array, add: number): Uint8Array {
  const ip = ipOf(frame);
  const value = ip?.view.value();
  if (!ip || !value) return frame;
  const head = frame.subarray(0, frame.length - ip.view.bytes.length);
  if (!('ipv6_src' in value)) {
    if (!value.more_fragments && value.fragment_offset === 0) return frame;
    return concat(head, emitIpv4({ ...value, id: (value.id + add) & 0xffff }, ip.view.payload));
  }
  const header = value.extensions.find((e) => e.type === IPPROTO.fragment)?.bytes;
  if (!header) return frame;
  const at = frame.length - ip.view.bytes.length + offsetOf(ip.view.bytes, header);
  const out = frame.slice();
  const id = ((out[at + 6] << 8) | out[at + 7]) + add;
  out[at + 6] = id >> 8;
  out[at + 7] = id;
  return out;
}

/** From and to: where the checksum would be, were this a whole segment; with ICMP, its type and code, too. */
const HEADER_AT: Record<number, [number, number]> = {
  [IPPROTO.tcp]: [16, 18],
  [IPPROTO.udp]: [6, 8],
  [IPPROTO.icmp]: [0, 4],
  [IPPROTO.icmpv6]: [0, 4],
};

const EXTENSIONS: ReadonlySet<number> = new Set([IPPROTO.hopopts, IPPROTO.routing, IPPROTO.dstopts]);

/**
 * A later fragment without the bytes that OVS takes for a header's, and writes to, when an address or ICMP's type or
 * code is rewritten. Others as they are. The frame may be cut off by max_len, so that it is read byte by byte.
 */
export function withoutForeignHeader(frame: Uint8Array): Uint8Array {
  const fragment = laterFragment(frame);
  const at = fragment && HEADER_AT[fragment.protocol];
  return at ? frame.slice().fill(0, fragment.data + at[0], fragment.data + at[1]) : frame;
}

/** Where the data of a later fragment begins, and of which protocol it is. */
function laterFragment(frame: Uint8Array): { data: number; protocol: number } | undefined {
  const word = (at: number): number => (frame[at] << 8) | frame[at + 1];
  let at = 12;
  while (word(at) === 0x8100 || word(at) === 0x88a8) at += 4;
  const ip = at + 2;
  if (word(at) === 0x0800) {
    const isLater = (word(ip + 6) & 0x1fff) !== 0;
    return isLater ? { data: ip + (frame[ip] & 0xf) * 4, protocol: frame[ip + 9] } : undefined;
  }
  if (word(at) !== 0x86dd) return undefined;
  let next = frame[ip + 6];
  let p = ip + 40;
  for (; next !== IPPROTO.fragment; next = frame[p], p += (frame[p + 1] + 1) * 8)
    if (!EXTENSIONS.has(next)) return undefined;
  return (word(p + 2) & 0xfff8) === 0 ? undefined : { data: p + 8, protocol: frame[p] };
}

function offsetOf(bytes: Uint8Array, part: Uint8Array): number {
  return Buffer.from(bytes).indexOf(part);
}

function piece(ip: IpLayer, data: Uint8Array, offset: number, more: boolean, id: number): Uint8Array {
  const value = ip.view.value();
  if (!value) return ip.view.bytes;
  if ('ipv6_src' in value) {
    const header = Uint8Array.of(0, 0, offset >> 8, (offset & 0xf8) | (more ? 1 : 0), 0, 0, id >> 8, id & 0xff);
    return emitIpv6({ ...value, extensions: [...value.extensions, { type: IPPROTO.fragment, bytes: header }] }, data);
  }
  return emitIpv4({ ...value, id, dont_fragment: false, more_fragments: more, fragment_offset: offset }, data);
}

function disturbed(r: Random, pieces: Uint8Array[]): Uint8Array[] {
  switch (r.below(8)) {
    case 0:
      return pieces.reverse();
    case 1:
      return pieces.filter((_, i) => i !== r.below(pieces.length));
    case 2:
      return [pieces[0], ...pieces];
    default:
      return pieces;
  }
}
