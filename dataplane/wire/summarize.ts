// One line for a frame, in the manner of `tcpdump -e -n`.
import { type Layer, dissect } from './dissect.js';
import { etherTypeText } from './ethernet.js';

/** `link`: begin with the MAC addresses, as tcpdump -e does (default true). */
export function summarize(frame: Uint8Array, options: { link?: boolean } = {}): string {
  return line(dissect(frame), frame.length, options.link ?? true);
}

function line(layers: Layer[], size: number, link: boolean): string {
  let text = '';
  let addresses = '';
  let type: number | undefined;
  const warn: string[] = [];
  for (let i = 0; i < layers.length; i++) {
    const layer = layers[i];
    switch (layer.protocol) {
      case 'ethernet': {
        type = layer.dl_type;
        const { dl_src, dl_dst } = layer.view;
        if (link) text += `${dl_src} > ${dl_dst}, ethertype ${nextType(layers, i, type)}, length ${size}: `;
        break;
      }
      case 'vlan':
        text += `${layer.view.toString()}, `;
        if (link && type !== undefined) text += `ethertype ${nextType(layers, i, type)}, `;
        break;
      case 'arp':
        text += `${link ? '' : 'ARP, '}${layer.view.toString()}, length ${layer.view.bytes.length}`;
        break;
      case 'ipv4':
        addresses = `${layer.view.nw_src}/${layer.view.nw_dst}`;
        if (layer.view.checksum === 'invalid') warn.push('bad ip checksum');
        if (layer.view.nw_frag) warn.push(`frag ${layer.view.fragment_offset}${layer.view.more_fragments ? '+' : ''}`);
        break;
      case 'ipv6':
        addresses = `${layer.view.ipv6_src}/${layer.view.ipv6_dst}`;
        if (layer.chain.nw_frag) warn.push('frag');
        break;
      case 'tcp':
        text += `${between(addresses, layer.view.tcp_src, layer.view.tcp_dst)}: ${layer.view.toString()}`;
        if (layer.checksum === 'invalid') warn.push('bad tcp checksum');
        return text + tail(warn);
      case 'udp':
        text += `${between(addresses, layer.view.udp_src, layer.view.udp_dst)}: `;
        if (layer.checksum === 'invalid') warn.push('bad udp checksum');
        if (layers[i + 1]?.protocol !== 'geneve') return `${text}${layer.view.toString()}${tail(warn)}`;
        break;
      case 'icmp':
      case 'icmpv6':
        text += `${between(addresses)}: ${layer.view.toString()}`;
        if (layer.checksum === 'invalid') warn.push('bad icmp checksum');
        return text + tail(warn);
      case 'geneve':
        text += `${layer.view.toString()}${tail(warn)}: `;
        return text + line(layers.slice(i + 1), layer.view.payload.length, link);
      case 'payload':
        if (addresses) text += `${between(addresses)}: ip-proto-${protoOf(layers[i - 1])} ${layer.bytes.length}`;
        else if (type !== undefined) text += `length ${layer.bytes.length}`;
        break;
      case 'malformed':
        text += `${addresses ? `${between(addresses)}: ` : ''}${layer.view.toString()}`;
        break;
    }
  }
  return text + tail(warn);
}

/** The type field behind layer i: the next tag's, or the packet's. */
function nextType(layers: Layer[], i: number, type: number): string {
  const next = layers[i + 1];
  return etherTypeText(next?.protocol === 'vlan' ? next.view.vlan_tpid : type);
}

function tail(warnings: string[]): string {
  return warnings.length ? ` (${warnings.join(', ')})` : '';
}

function between(addresses: string, src?: number, dst?: number): string {
  const [from, to] = addresses.split('/');
  return src === undefined ? `${from} > ${to}` : `${from}.${src} > ${to}.${dst}`;
}

function protoOf(layer: Layer | undefined): number | string {
  if (layer?.protocol === 'ipv4') return layer.view.nw_proto;
  if (layer?.protocol === 'ipv6') return layer.chain.nw_proto;
  return '?';
}
