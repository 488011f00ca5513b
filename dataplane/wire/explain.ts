// A frame as a nested object: one member a header, in order, each with its plain value; what a tunnel carries is in
// `inner`. For --json, for the page, and for comparing packets by what they say instead of by their bytes.
import { toHex } from './bytes.js';
import { type Layer, dissect } from './dissect.js';
import { tcpFlagNames } from './tcp.js';

export type Explained = { [name: string]: Value };
export type Value = string | number | boolean | Value[] | Explained;

export function explain(frame: Uint8Array): Explained {
  return nest(dissect(frame));
}

function nest(layers: Layer[]): Explained {
  const out: Explained = {};
  for (let i = 0; i < layers.length; i++) {
    const layer = layers[i];
    switch (layer.protocol) {
      case 'ethernet':
        out.ethernet = { ...layer.view.value(), dl_type: `0x${layer.dl_type.toString(16).padStart(4, '0')}` };
        break;
      case 'vlan':
        out.vlan = [...((out.vlan as Value[] | undefined) ?? []), { ...layer.view.value() }];
        break;
      case 'arp':
        out.arp = { ...layer.view.value() };
        break;
      case 'ipv4':
        out.ipv4 = {
          ...layer.view.value(),
          options: toHex(layer.view.options),
          size: layer.view.totalSize,
          checksum: layer.view.checksum,
        };
        break;
      case 'ipv6': {
        const { ipv6_src, ipv6_dst, nw_ttl, nw_tos, ipv6_label } = layer.view;
        const extensions = layer.chain.extensions.map((e) => ({ type: e.type, bytes: toHex(e.bytes) }));
        out.ipv6 = { ipv6_src, ipv6_dst, nw_proto: layer.chain.nw_proto, nw_ttl, nw_tos, ipv6_label, extensions };
        break;
      }
      case 'tcp': {
        const value = layer.view.value();
        const shown = { tcp_flags: tcpFlagNames(value.tcp_flags), options: toHex(value.options) };
        out.tcp = { ...value, ...shown, checksum: layer.checksum };
        break;
      }
      case 'udp':
        out.udp = { ...layer.view.value(), size: layer.view.size, checksum: layer.checksum };
        break;
      case 'icmp':
        out.icmp = { ...layer.view.value(), checksum: layer.checksum };
        break;
      case 'icmpv6':
        out.icmpv6 = { ...layer.view.value(), checksum: layer.checksum };
        break;
      case 'geneve': {
        const value = layer.view.value();
        const options = value.options.map((o) => ({ class: o.class, type: o.type, data: toHex(o.data) }));
        out.geneve = { ...value, options };
        out.inner = nest(layers.slice(i + 1));
        return out;
      }
      case 'payload':
        out.payload = toHex(layer.bytes);
        break;
      case 'malformed':
        out.malformed = { protocol: layer.view.protocol, reason: layer.view.reason, detail: layer.view.detail };
        break;
    }
  }
  return out;
}
