// A frame's headers with the place of each field's bytes, so that the page can colour the bytes that a table changed.
// Names are those of ovs-fields(7) where it has one. From: frames of walks. To: walk-data.ts.
import { dissect, type Layer, tcpFlagNames, toHex } from '../../dataplane/wire/index.js';
import type { Frame, Header, HeaderField } from '../schema/walk.js';

/** Bytes that the page gets of each frame: all headers, also those around a tunnel's. */
const KEPT = 256;

type FieldPlace = [name: string, at: number, size: number, value: string];

const hex = (n: number, digits: number): string => `0x${n.toString(16).padStart(digits, '0')}`;

/** `size`: of the whole frame, when `bytes` are only its first. */
export function frameData(bytes: Uint8Array, size = bytes.length, csumPartial = false): Frame {
  const whole = new Uint8Array(Math.max(size, bytes.length));
  whole.set(bytes);
  const sure = bytes.length >= size && !csumPartial;
  return {
    size,
    hex: toHex(bytes.subarray(0, KEPT)),
    headers: headersOf(whole, sure),
    ...(csumPartial ? { csumPartial } : {}),
  };
}

/** `sure`: all bytes are there, so checksums can be judged. */
export function headersOf(frame: Uint8Array, sure: boolean): Header[] {
  const headers: Header[] = [];
  let at = 0;
  let depth = 0;
  for (const layer of dissect(frame)) {
    const { name, size, fields } = describe(layer, sure);
    if (size > 0)
      headers.push({
        name,
        at,
        size,
        depth,
        fields: fields.map(([field, offset, bytes, value]): HeaderField => ({
          name: field,
          value,
          at: at + offset,
          size: bytes,
        })),
      });
    at += size;
    if (layer.protocol === 'geneve') depth++;
  }
  return headers;
}

function describe(layer: Layer, sure: boolean): { name: string; size: number; fields: FieldPlace[] } {
  const checksum = (state: string): string => (sure ? state : 'left to a device');
  switch (layer.protocol) {
    case 'ethernet': {
      const { dl_dst, dl_src } = layer.view.value();
      return {
        name: 'Ethernet',
        size: 14,
        fields: [
          ['dl_dst', 0, 6, dl_dst],
          ['dl_src', 6, 6, dl_src],
          ['dl_type', 12, 2, hex(layer.dl_type, 4)],
        ],
      };
    }
    case 'vlan': {
      const { vlan_vid, vlan_pcp } = layer.view.value();
      return {
        name: '802.1Q',
        size: 4,
        fields: [
          ['vlan_vid', 0, 2, String(vlan_vid)],
          ['vlan_pcp', 0, 1, String(vlan_pcp)],
        ],
      };
    }
    case 'arp': {
      const a = layer.view.value();
      return {
        name: 'ARP',
        size: 28,
        fields: [
          ['arp_op', 6, 2, a.arp_op === 1 ? '1 (question)' : a.arp_op === 2 ? '2 (answer)' : String(a.arp_op)],
          ['arp_sha', 8, 6, a.arp_sha],
          ['arp_spa', 14, 4, a.arp_spa],
          ['arp_tha', 18, 6, a.arp_tha],
          ['arp_tpa', 24, 4, a.arp_tpa],
        ],
      };
    }
    case 'ipv4': {
      const { view } = layer;
      return {
        name: 'IPv4',
        size: 20 + view.options.length,
        fields: [
          ['nw_tos', 1, 1, String(view.nw_tos)],
          ['length', 2, 2, String(view.totalSize)],
          ['id', 4, 2, hex(view.id, 4)],
          ['flags', 6, 2, view.dont_fragment ? 'DF' : view.nw_frag ? 'fragment' : '-'],
          ['nw_ttl', 8, 1, String(view.nw_ttl)],
          ['nw_proto', 9, 1, String(view.nw_proto)],
          ['checksum', 10, 2, view.checksum],
          ['nw_src', 12, 4, view.nw_src],
          ['nw_dst', 16, 4, view.nw_dst],
        ],
      };
    }
    case 'ipv6': {
      const { view, chain } = layer;
      return {
        name: 'IPv6',
        size: 40 + chain.extensions.reduce((sum, e) => sum + e.bytes.length, 0),
        fields: [
          ['nw_proto', 6, 1, String(chain.nw_proto)],
          ['nw_ttl', 7, 1, String(view.nw_ttl)],
          ['ipv6_src', 8, 16, view.ipv6_src],
          ['ipv6_dst', 24, 16, view.ipv6_dst],
        ],
      };
    }
    case 'tcp': {
      const t = layer.view.value();
      return {
        name: 'TCP',
        size: 20 + t.options.length,
        fields: [
          ['tcp_src', 0, 2, String(t.tcp_src)],
          ['tcp_dst', 2, 2, String(t.tcp_dst)],
          ['seq', 4, 4, String(t.seq)],
          ['ack', 8, 4, String(t.ack)],
          ['tcp_flags', 12, 2, tcpFlagNames(t.tcp_flags) || '-'],
          ['window', 14, 2, String(t.window)],
          ['checksum', 16, 2, checksum(layer.checksum)],
        ],
      };
    }
    case 'udp': {
      const u = layer.view.value();
      return {
        name: 'UDP',
        size: 8,
        fields: [
          ['udp_src', 0, 2, String(u.udp_src)],
          ['udp_dst', 2, 2, String(u.udp_dst)],
          ['length', 4, 2, String(layer.view.size)],
          ['checksum', 6, 2, checksum(layer.checksum)],
        ],
      };
    }
    case 'icmp':
    case 'icmpv6': {
      const [name, prefix] = layer.protocol === 'icmp' ? ['ICMP', 'icmp'] : ['ICMPv6', 'icmpv6'];
      const [type, code] = layer.view.bytes;
      return {
        name,
        size: 8,
        fields: [
          [`${prefix}_type`, 0, 1, String(type)],
          [`${prefix}_code`, 1, 1, String(code)],
          ['checksum', 2, 2, checksum(layer.checksum)],
        ],
      };
    }
    case 'geneve': {
      const g = layer.view.value();
      const options = g.options
        .map((o) => `class ${hex(o.class, 4)} type ${hex(o.type, 2)} = 0x${toHex(o.data)}`)
        .join(', ');
      const size = 8 + g.options.reduce((sum, o) => sum + 4 + o.data.length, 0);
      return {
        name: 'Geneve',
        size,
        fields: [
          ['protocol', 2, 2, hex(g.protocol, 4)],
          ['tun_id', 4, 3, String(g.tun_id)],
          ['options', 8, size - 8, options || 'none'],
        ],
      };
    }
    case 'payload':
      return { name: 'Data', size: layer.bytes.length, fields: [] };
    case 'malformed':
      return { name: `Malformed ${layer.view.protocol}: ${layer.view.reason}`, size: 0, fields: [] };
  }
}
