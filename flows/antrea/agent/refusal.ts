// The packet that tells a sender no: a TCP RST for TCP, an ICMP "administratively prohibited" for anything else, from
// whom the sender wanted to reach. RFC 9293 3.5.2, RFC 792, RFC 4443 3.1.
import { buildFrame, dissect, IPV6_SIZE, type Layer } from '../../../dataplane/wire/index.js';

const TTL = 128;
const RST_ACK = 0x14;
/** Host administratively prohibited; for IPv6, communication administratively prohibited. */
const ICMP = { icmp_type: 3, icmp_code: 10 };
const ICMPV6 = { icmpv6_type: 1, icmpv6_code: 1 };
/** Of what followed the refused packet's IP header. */
const QUOTED = 8;

export interface Macs {
  dl_src: string;
  dl_dst: string;
}

/** undefined: the frame is no IP packet that can be answered. `macs`: in place of those of the frame, swapped. */
export function refusal(frame: Uint8Array, macs?: Partial<Macs>): Uint8Array | undefined {
  const layers = dissect(frame);
  const of = <P extends Layer['protocol']>(protocol: P): Extract<Layer, { protocol: P }> | undefined =>
    layers.find((layer): layer is Extract<Layer, { protocol: P }> => layer.protocol === protocol);
  const link = of('ethernet');
  const [v4, v6, tcp] = [of('ipv4'), of('ipv6'), of('tcp')];
  if (!link || (!v4 && !v6)) return undefined;
  const ethernet = { dl_src: link.view.dl_dst, dl_dst: link.view.dl_src, ...macs };
  const network = v4
    ? { ipv4: { nw_src: v4.view.nw_dst, nw_dst: v4.view.nw_src, nw_ttl: TTL, dont_fragment: false } }
    : { ipv6: { ipv6_src: v6!.view.ipv6_dst, ipv6_dst: v6!.view.ipv6_src, nw_ttl: TTL } };
  if (tcp) {
    const { tcp_src, tcp_dst, seq, tcp_flags } = tcp.view;
    // Who resets is not to be reset.
    if ((tcp_flags & 0x04) !== 0) return undefined;
    const answer = { tcp_src: tcp_dst, tcp_dst: tcp_src, seq: 0, ack: (seq + 1) >>> 0, tcp_flags: RST_ACK, window: 0 };
    return buildFrame({ ethernet, ...network, tcp: answer });
  }
  const packet = v4 ? v4.view.bytes : v6!.view.bytes;
  const header = v4 ? v4.view.headerSize : IPV6_SIZE;
  const payload = packet.slice(0, header + QUOTED);
  return buildFrame({ ethernet, ...network, ...(v4 ? { icmp: ICMP } : { icmpv6: ICMPV6 }), payload });
}
