// The outer header of a packet that leaves through a tunnel port: from the flow's tun_* fields and the port's options.
// It is told to the datapath only here, and the flow keeps its own fields. From: output.ts.
import { isIPv6 } from 'node:net';
import { ipv4Bytes, ipv6Bytes } from '../../wire/bytes.js';
import { AT, isIp, put16, sameBytes, TUNNEL_END, TUNNEL_START } from '../bytes.js';
import type { Context } from '../context.js';
import type { PortInfo, TunnelOptions } from '../types.js';

const GENEVE_PORT = 6081;
const TTL = 64;
const FLAG_OAM = 1;
const FLAG_DF = 2;
const FLAG_CSUM = 4;
const FLAG_KEY = 8;
const ECN_MASK = 3;
const ECN_ECT0 = 2;
const ECN_CE = 3;
const DEFAULTS: TunnelOptions = { csum: true };

/** Offset of a key field in the tunnel's part of the key. */
const inTunnel = (at: number): number => at - TUNNEL_START;

/** Makes and sets the header; undefined when the packet cannot go through the tunnel. */
export function setTunnelHeader(ctx: Context, port: PortInfo): Uint8Array | undefined {
  const header = makeHeader(ctx, port.tunnel ?? DEFAULTS);
  const dst = inTunnel(AT.tun_dst);
  const dst6 = inTunnel(AT.tun_ipv6_dst);
  if (sameBytes(header, ctx.arrivedTunnel, dst, dst + 4) && sameBytes(header, ctx.arrivedTunnel, dst6, dst6 + 16)) {
    // Without a destination, too: what never came through a tunnel and never was told where to go.
    ctx.dropping('no_tunnel_dst');
    ctx.warn('Not tunneling to our own address');
    return undefined;
  }
  ctx.detail('output to kernel tunnel');
  if (!ctx.tunnel || !sameBytes(header, ctx.tunnel, 0, header.length))
    ctx.actions.push({ type: 'set_tunnel', key: header });
  ctx.tunnel = header;
  return header;
}

function makeHeader({ flow, mask }: Context, options: TunnelOptions): Uint8Array {
  const header = flow.slice(TUNNEL_START, TUNNEL_END);
  // What is copied is looked at; for a packet that came without a tunnel there is nothing to see (translate.ts).
  mask.fill(0xff, AT.tun_id, AT.tun_id + 8);
  mask.fill(0xff, AT.tun_dst, AT.tun_dst + 4);
  mask.fill(0xff, AT.tun_ipv6_dst, AT.tun_ipv6_dst + 16);
  mask[AT.tun_flags + 1] |= FLAG_OAM;
  mask.fill(0xff, AT.tun_gbp_id, TUNNEL_END);
  const put = (at: number, bytes: Uint8Array): void => header.set(bytes, inTunnel(at));
  header.fill(0, inTunnel(AT.tun_src), inTunnel(AT.tun_src) + 4);
  header.fill(0, inTunnel(AT.tun_ipv6_src), inTunnel(AT.tun_ipv6_src) + 16);
  for (const [address, v4, v6] of [
    [options.localIp, AT.tun_src, AT.tun_ipv6_src],
    [options.remoteIp, AT.tun_dst, AT.tun_ipv6_dst],
  ] as const) {
    if (address === undefined) continue;
    put(v4, isIPv6(address) ? new Uint8Array(4) : (ipv4Bytes(address) as Uint8Array));
    put(v6, isIPv6(address) ? (ipv6Bytes(address) as Uint8Array) : new Uint8Array(16));
  }
  if (options.key !== undefined) put(AT.tun_id, Buffer.from(options.key.toString(16).padStart(16, '0'), 'hex'));
  header[inTunnel(AT.tun_ttl)] = TTL;
  header[inTunnel(AT.tun_tos)] = outerTos(flow, mask);
  const flags = flow[AT.tun_flags + 1] & FLAG_OAM;
  put16(header, inTunnel(AT.tun_flags), flags | FLAG_DF | FLAG_KEY | (options.csum ? FLAG_CSUM : 0));
  put16(header, inTunnel(AT.tun_tp_src), 0);
  put16(header, inTunnel(AT.tun_tp_dst), GENEVE_PORT);
  return header;
}

/** Congestion marks are always passed on (RFC 6040); the class of service is not. */
function outerTos(flow: Uint8Array, mask: Uint8Array): number {
  if (!isIp(flow)) return 0;
  mask[AT.nw_tos] |= ECN_MASK;
  const ecn = flow[AT.nw_tos] & ECN_MASK;
  return ecn === ECN_CE ? ECN_ECT0 : ecn;
}
