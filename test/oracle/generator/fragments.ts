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
const HEADER_AT: Record<number, [number, number]> = { [IPPROTO.tcp]: [16, 18], [IPPROTO.udp]: [6, 8], [IPPROTO.icmp]: [0, 4], [IPPROTO.icmpv6]: [0, 4] };

/** A later fragment without the bytes that OVS takes for a header's, and writes to, when an address or ICMP's type or code is
 *  rewritten. Others as they are. */
export function withoutForeignHeader(frame: Uint8Array): Uint8Array {
  const ip = ipOf(frame);
  const value = ip?.view.value();
  if (!ip || !value) return frame;
  const header = 'ipv6_src' in value ? value.extensions.find((e) => e.type === IPPROTO.fragment)?.bytes : undefined;
  const offset = 'ipv6_src' in value ? (header ? ((header[2] << 8) | header[3]) & 0xfff8 : 0) : value.fragment_offset;
  const at = HEADER_AT[value.nw_proto];
  if (offset === 0 || at === undefined) return frame;
  const out = frame.slice();
  const data = frame.length - ('ipv6_src' in value ? ip.view.bytes.length - offsetOf(ip.view.bytes, header!) - 8 : ip.view.payload.length);
  return out.fill(0, data + at[0], data + at[1]);
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
