// A megaflow's key and mask as ovs-dpctl prints them: recirc_id(0),in_port(2),eth(src=...),eth_type(0x0800),ipv4(...).
// What is wildcarded is left out; what is partly looked at is value/mask. Read by dpctl/dump-flows.
import { KEY_FIELDS, type FieldName } from './key-fields.js';

const CT_STATE_BITS = ['new', 'est', 'rel', 'rpl', 'inv', 'trk', 'snat', 'dnat'];
const TCP_FLAG_BITS = ['fin', 'syn', 'rst', 'psh', 'ack', 'urg', 'ece', 'cwr', 'ns', '0x200', '0x400', '0x800'];

const ETHERTYPE = { ipv4: 0x0800, arp: 0x0806, ipv6: 0x86dd };
const PROTOCOL: Record<number, string> = { 6: 'tcp', 17: 'udp', 132: 'sctp' };

/** One masked field: how it reads, or undefined when nothing of it is looked at. */
type Show = (value: Uint8Array, mask: Uint8Array) => string | undefined;

const isZero = (bytes: Uint8Array): boolean => bytes.every((b) => b === 0);
const isOnes = (bytes: Uint8Array): boolean => bytes.every((b) => b === 0xff);

function toNumber(bytes: Uint8Array): number {
  return bytes.reduce((n, b) => n * 256 + b, 0);
}

function masked(print: (bytes: Uint8Array) => string): Show {
  return (value, mask) => (isZero(mask) ? undefined : isOnes(mask) ? print(value) : `${print(value)}/${print(mask)}`);
}

const hexText = (bytes: Uint8Array): string => '0x' + (Buffer.from(bytes).toString('hex').replace(/^0+/, '') || '0');
const hex = masked(hexText);
const decimal = masked((b) => String(toNumber(b)));
const decimalHexMask: Show = (value, mask) =>
  isZero(mask) ? undefined : isOnes(mask) ? String(toNumber(value)) : `${toNumber(value)}/${hexText(mask)}`;
const hex4 = masked((b) => '0x' + toNumber(b).toString(16).padStart(4, '0'));
export const ethernetText = (bytes: Uint8Array): string =>
  Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join(':');
const ethernet = masked(ethernetText);
const ipv4 = masked((b) => b.join('.'));
const ipv6 = masked(ipv6Text);

export function ipv6Text(bytes: Uint8Array): string {
  const groups = Array.from({ length: 8 }, (_, i) => ((bytes[2 * i] << 8) | bytes[2 * i + 1]).toString(16));
  let best = { at: -1, count: 1 };
  for (let i = 0; i < 8; i++) {
    let count = 0;
    while (i + count < 8 && groups[i + count] === '0') count++;
    if (count > best.count) best = { at: i, count };
  }
  if (best.at < 0) return groups.join(':');
  return `${groups.slice(0, best.at).join(':')}::${groups.slice(best.at + best.count).join(':')}`;
}

function flags(names: string[]): Show {
  return (value, mask) => {
    if (isZero(mask)) return undefined;
    const v = toNumber(value);
    const m = toNumber(mask);
    return names.map((name, bit) => (m & (1 << bit) ? `${v & (1 << bit) ? '+' : '-'}${name}` : '')).join('');
  };
}

export interface KeyNames {
  /** Name of a port, to be printed in place of its number. */
  port?(no: number): string | undefined;
}

export function formatKey(key: Uint8Array, mask: Uint8Array, names: KeyNames = {}): string {
  const bytes = (source: Uint8Array, field: FieldName): Uint8Array => {
    const [offset, size] = KEY_FIELDS[field];
    return source.subarray(offset, offset + size);
  };
  const show = (field: FieldName, format: Show): string | undefined => format(bytes(key, field), bytes(mask, field));
  const parts: string[] = [];
  const single = (name: string, text: string | undefined): void => {
    if (text !== undefined) parts.push(`${name}(${text})`);
  };
  const group = (name: string, members: Record<string, string | undefined>): void => {
    const shown = Object.entries(members).filter(([, text]) => text !== undefined);
    if (shown.length) parts.push(`${name}(${shown.map(([member, text]) => `${member}=${text}`).join(',')})`);
  };
  const addresses = (format: Show): Record<string, string | undefined> => ({
    src: show(format === ipv4 ? 'nw_src' : 'ipv6_src', format),
    dst: show(format === ipv4 ? 'nw_dst' : 'ipv6_dst', format),
  });

  // The pass is always told, looked at or not: it is part of where the packet is.
  parts.push(`recirc_id(${hexText(bytes(key, 'recirc_id')).replace(/^0x0$/, '0')})`);
  const inPort = toNumber(bytes(key, 'in_port'));
  parts.push(`in_port(${names.port?.(inPort) ?? inPort})`);
  group('tunnel', {
    tun_id: show('tun_id', hex),
    src: show('tun_src', ipv4),
    dst: show('tun_dst', ipv4),
    ipv6_src: show('tun_ipv6_src', ipv6),
    ipv6_dst: show('tun_ipv6_dst', ipv6),
    tos: show('tun_tos', hex),
    ttl: show('tun_ttl', decimal),
    tp_src: show('tun_tp_src', decimal),
    tp_dst: show('tun_tp_dst', decimal),
    metadata_present: show('tun_metadata_present', hex),
    metadata: metadataText(bytes(key, 'tun_metadata'), bytes(mask, 'tun_metadata')),
  });
  single('skb_mark', show('pkt_mark', hex));
  single('ct_state', show('ct_state', flags(CT_STATE_BITS)));
  single('ct_zone', show('ct_zone', hex));
  single('ct_mark', show('ct_mark', hex));
  single('ct_label', show('ct_label', hex));
  const ctTuple = {
    proto: show('ct_nw_proto', decimal),
    tp_src: show('ct_tp_src', decimal),
    tp_dst: show('ct_tp_dst', decimal),
  };
  group('ct_tuple4', { src: show('ct_nw_src', ipv4), dst: show('ct_nw_dst', ipv4), ...ctTuple });
  group('ct_tuple6', { src: show('ct_ipv6_src', ipv6), dst: show('ct_ipv6_dst', ipv6) });
  group('eth', { src: show('dl_src', ethernet), dst: show('dl_dst', ethernet) });

  const tagged = !isZero(bytes(key, 'vlan_tci'));
  if (tagged && !isZero(bytes(mask, 'vlan_tci'))) {
    const tci = toNumber(bytes(key, 'vlan_tci'));
    const tpid = show('vlan_tpid', hex4);
    parts.push(`eth_type(${tpid ?? '0x8100'})`, `vlan(vid=${tci & 0xfff},pcp=${tci >> 13})`);
  }
  const inner = parts.length;
  single('eth_type', show('dl_type', hex4));

  const type = toNumber(bytes(key, 'dl_type'));
  const proto = toNumber(bytes(key, 'nw_proto'));
  const ip = {
    proto: show('nw_proto', decimal),
    tos: show('nw_tos', hex),
    ttl: show('nw_ttl', decimal),
    frag: show('nw_frag', frag),
  };
  if (type === ETHERTYPE.arp) {
    group('arp', {
      sip: show('nw_src', ipv4),
      tip: show('nw_dst', ipv4),
      op: show('arp_op', decimal),
      sha: show('arp_sha', ethernet),
      tha: show('arp_tha', ethernet),
    });
  } else if (type === ETHERTYPE.ipv4) {
    group('ipv4', { ...addresses(ipv4), ...ip });
  } else if (type === ETHERTYPE.ipv6) {
    group('ipv6', {
      ...addresses(ipv6),
      label: show('ipv6_label', hex),
      proto: ip.proto,
      tclass: ip.tos,
      hlimit: ip.ttl,
      frag: ip.frag,
    });
  }
  if (type === ETHERTYPE.ipv4 || type === ETHERTYPE.ipv6) {
    const icmp = { type: show('icmp_type', decimal), code: show('icmp_code', decimal) };
    if (PROTOCOL[proto])
      group(PROTOCOL[proto], { src: show('tp_src', decimalHexMask), dst: show('tp_dst', decimalHexMask) });
    else if (proto === 1) group('icmp', icmp);
    else if (proto === 58) group('icmpv6', icmp);
    if (proto === 6) single('tcp_flags', show('tcp_flags', flags(TCP_FLAG_BITS)));
    if (proto === 58)
      group('nd', { target: show('nd_target', ipv6), sll: show('arp_sha', ethernet), tll: show('arp_tha', ethernet) });
  }
  if (!tagged || inner === parts.length || isZero(bytes(mask, 'vlan_tci'))) return parts.join(',');
  return [...parts.slice(0, inner), `encap(${parts.slice(inner).join(',')})`].join(',');
}

/** nw_frag is looked at as a whole by nearly every flow: no, first, later. */
const frag: Show = (value, mask) => {
  const looked = mask[0] & 3;
  if (looked === 0) return undefined;
  const name = value[0] & 2 ? 'later' : value[0] & 1 ? 'first' : 'no';
  return looked === 3 ? name : `${name}/0x${looked.toString(16)}`;
};

/** The option bytes up to the last one that is looked at. */
function metadataText(value: Uint8Array, mask: Uint8Array): string | undefined {
  let size = mask.length;
  while (size > 0 && mask[size - 1] === 0) size--;
  if (size === 0) return undefined;
  const end = Math.ceil(size / 4) * 4;
  const v = '0x' + Buffer.from(value.subarray(0, end)).toString('hex');
  const m = mask.subarray(0, end);
  return isOnes(m) ? v : `${v}/0x${Buffer.from(m).toString('hex')}`;
}
