// A frame in one line, as the recorded answers of the example nodes have it.
import { dissect, type Ipv6View, type Layer, Malformed } from '../../dataplane/wire/index.js';

export function frameText(frame: Uint8Array): string {
  const layers = dissect(frame);
  const of = <P extends Layer['protocol']>(protocol: P) =>
    layers.find((layer): layer is Extract<Layer, { protocol: P }> => layer.protocol === protocol);
  const { dl_src, dl_dst } = of('ethernet')!.view;
  const link = `${dl_src}>${dl_dst}`;
  const arp = of('arp');
  if (arp) {
    const { arp_op, arp_spa, arp_sha, arp_tpa } = arp.view;
    return `${link} arp op=${arp_op} ${arp_spa}(${arp_sha})->${arp_tpa}`;
  }
  const [v4, v6, tcp, udp] = [of('ipv4')?.view, of('ipv6')?.view, of('tcp')?.view, of('udp')?.view];
  const [src, dst, ttl] = v4 ? [v4.nw_src, v4.nw_dst, v4.nw_ttl] : [v6!.ipv6_src, v6!.ipv6_dst, v6!.nw_ttl];
  if (tcp)
    return `${link} tcp ${src}:${tcp.tcp_src} -> ${dst}:${tcp.tcp_dst} ttl=${ttl} flags=0x${tcp.tcp_flags.toString(16)}`;
  if (udp) return `${link} udp ${src}:${udp.udp_src} -> ${dst}:${udp.udp_dst} ttl=${ttl}`;
  return `${link} ip proto ${v4?.nw_proto ?? protocolOf(v6!)} ${src} -> ${dst} ttl=${ttl}`;
}

function protocolOf(v6: Ipv6View): number | string {
  const chain = v6.chain();
  return chain instanceof Malformed ? 'unknown' : chain.nw_proto;
}
