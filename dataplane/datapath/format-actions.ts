// Datapath actions as ovs-dpctl and ofproto/trace print them. From: a translation or an installed megaflow. To: the
// trace's `Datapath actions:` line and dpctl/dump-flows.
//
// A set names a field by its bytes; the packet's key tells which header these are, and neighbours of one header are
// printed as one set(...).
import { formatIpv4, formatIpv6, formatMac } from '../key/numbers.js';
import type { TlvMapping } from '../key/tlv-map.js';
import type { PacketInOrder } from '../translate/types.js';
import { type DatapathAction, type DatapathNat, isMeteredCopy, type PrintedOrder } from './actions.js';
import { KEY_FIELDS, type FieldName } from './key-fields.js';

export interface FormatActionsOptions {
  /** Name of a port, to be printed in place of its number. */
  port?(no: number): string | undefined;
  /** The TLV map, by which Geneve options are printed. */
  options?: readonly TlvMapping[];
  /** What an upcall is for, by its cookie. */
  order?(cookie: number): PrintedOrder | undefined;
}

type SetAction = Extract<DatapathAction, { type: 'set' }>;
type Header = 'eth' | 'arp' | 'ipv4' | 'ipv6' | 'tcp' | 'udp' | 'sctp' | 'icmp' | 'icmpv6' | 'nd' | 'skb_mark';

/** `key`: of a packet that these actions are for. Nothing to do is a drop. */
export function formatActions(
  actions: readonly DatapathAction[],
  key: Uint8Array,
  options: FormatActionsOptions = {},
): string {
  const parts: string[] = [];
  for (let i = 0; i < actions.length; i++) {
    const action = actions[i];
    if (action.type !== 'set') {
      // What was done before is not undone: only the packet's own end as a whole is printed as a drop.
      if (action.type !== 'drop' || actions.length === 1) parts.push(formatAction(action, key, options));
      continue;
    }
    const header = headerOf(action.field, key);
    const members = [action];
    for (
      let next = actions[i + 1];
      next?.type === 'set' && headerOf(next.field, key) === header;
      next = actions[i + 1]
    ) {
      members.push(next);
      i++;
    }
    parts.push(`set(${formatSets(header, members)})`);
  }
  return parts.join(',') || 'drop';
}

function formatAction(
  action: Exclude<DatapathAction, SetAction>,
  key: Uint8Array,
  options: FormatActionsOptions,
): string {
  switch (action.type) {
    case 'output':
      return options.port?.(action.port) ?? String(action.port);
    case 'push_vlan': {
      const tpid = action.tpid === 0x8100 ? '' : `tpid=0x${action.tpid.toString(16).padStart(4, '0')},`;
      return `push_vlan(${tpid}vid=${action.tci & 0xfff},pcp=${action.tci >> 13})`;
    }
    case 'pop_vlan':
    case 'ct_clear':
    case 'drop':
      return action.type;
    case 'set_tunnel':
      return `set(tunnel(${formatTunnel(action.key, options.options ?? [])}))`;
    case 'ct':
      return formatCt(action);
    case 'recirc':
      return `recirc(${hex(action.id)})`;
    case 'upcall':
      return formatUpcall(action.cookie, action.order ?? options.order?.(action.cookie));
    case 'clone':
      return formatClone(action.actions, formatActions(action.actions, key, options));
    case 'trunc':
      return `trunc(${action.size})`;
    case 'meter':
      return `meter(${action.id})`;
    case 'check_pkt_len': {
      const [gt, le] = [action.greater, action.lessEqual].map((list) => formatActions(list, key, options));
      return `check_pkt_len(size=${action.length},gt(${gt}),le(${le}))`;
    }
  }
}

// --- set -------------------------------------------------------------------------------------------------------

/** Zero is plain 0, as C's %#x has it. */
const hex = (n: number | bigint): string => (Number(n) === 0 ? '0' : `0x${n.toString(16)}`);
const decimal = (n: bigint): string => n.toString();

/** By field: the name that it has in its header, and how it reads. */
const MEMBERS: Partial<Record<FieldName, { name: string; print: (value: bigint) => string; hexMask?: boolean }>> = {
  dl_src: { name: 'src', print: formatMac },
  dl_dst: { name: 'dst', print: formatMac },
  nw_src: { name: 'src', print: formatIpv4 },
  nw_dst: { name: 'dst', print: formatIpv4 },
  ipv6_src: { name: 'src', print: formatIpv6 },
  ipv6_dst: { name: 'dst', print: formatIpv6 },
  ipv6_label: { name: 'label', print: hex },
  nw_tos: { name: 'tos', print: hex },
  nw_ttl: { name: 'ttl', print: decimal },
  arp_op: { name: 'op', print: decimal, hexMask: true },
  arp_sha: { name: 'sha', print: formatMac },
  arp_tha: { name: 'tha', print: formatMac },
  tp_src: { name: 'src', print: decimal, hexMask: true },
  tp_dst: { name: 'dst', print: decimal, hexMask: true },
  icmp_type: { name: 'type', print: decimal, hexMask: true },
  icmp_code: { name: 'code', print: decimal, hexMask: true },
  nd_target: { name: 'target', print: formatIpv6 },
  pkt_mark: { name: '', print: hex },
};

/** The same field under another header's name. */
const RENAMED: Partial<Record<Header, Partial<Record<FieldName, string>>>> = {
  arp: { nw_src: 'sip', nw_dst: 'tip' },
  ipv6: { nw_tos: 'tclass', nw_ttl: 'hlimit' },
  nd: { arp_sha: 'sll', arp_tha: 'tll' },
};

function headerOf(field: FieldName, key: Uint8Array): Header {
  const type = (key[KEY_FIELDS.dl_type[0]] << 8) | key[KEY_FIELDS.dl_type[0] + 1];
  const ip = type === 0x0800 ? 'ipv4' : type === 0x86dd ? 'ipv6' : 'arp';
  switch (field) {
    case 'dl_src':
    case 'dl_dst':
      return 'eth';
    case 'pkt_mark':
      return 'skb_mark';
    case 'tp_src':
    case 'tp_dst':
      return key[KEY_FIELDS.nw_proto[0]] === 6 ? 'tcp' : key[KEY_FIELDS.nw_proto[0]] === 17 ? 'udp' : 'sctp';
    case 'icmp_type':
    case 'icmp_code':
      return ip === 'ipv6' ? 'icmpv6' : 'icmp';
    case 'nd_target':
      return 'nd';
    case 'arp_sha':
    case 'arp_tha':
      return ip === 'ipv6' ? 'nd' : 'arp';
    default:
      return ip;
  }
}

function formatSets(header: Header, sets: readonly SetAction[]): string {
  const members = sets.map(({ field, value, mask }) => {
    const member = MEMBERS[field];
    if (!member) throw new Error(`the datapath cannot set ${field}`);
    const name = RENAMED[header]?.[field] ?? member.name;
    const exact = mask.every((byte) => byte === 0xff) || (field === 'ipv6_label' && number(mask) === 0xfffffn);
    const bits = exact ? '' : `/${member.hexMask ? hex(number(mask)) : member.print(number(mask))}`;
    return `${name === '' ? '' : `${name}=`}${member.print(number(value))}${bits}`;
  });
  return `${header}(${members.join(',')})`;
}

function number(bytes: Uint8Array): bigint {
  return BigInt(`0x0${Buffer.from(bytes).toString('hex')}`);
}

// --- tunnel ----------------------------------------------------------------------------------------------------

const FLAGS: readonly [bit: number, name: string][] = [
  [2, 'df'],
  [4, 'csum'],
  [8, 'key'],
  [1, 'oam'],
];

function formatTunnel(key: Uint8Array, mappings: readonly TlvMapping[]): string {
  const get = (field: FieldName): bigint => {
    const at = KEY_FIELDS[field][0] - KEY_FIELDS.tun_id[0];
    return number(key.subarray(at, at + KEY_FIELDS[field][1]));
  };
  const parts: string[] = [];
  const flags = Number(get('tun_flags'));
  const unlessZero = (name: string, field: FieldName, print: (value: bigint) => string): void => {
    const value = get(field);
    if (value !== 0n) parts.push(`${name}=${print(value)}`);
  };
  if (flags & 8) parts.push(`tun_id=0x${get('tun_id').toString(16)}`);
  unlessZero('src', 'tun_src', formatIpv4);
  unlessZero('dst', 'tun_dst', formatIpv4);
  unlessZero('ipv6_src', 'tun_ipv6_src', formatIpv6);
  unlessZero('ipv6_dst', 'tun_ipv6_dst', formatIpv6);
  unlessZero('tos', 'tun_tos', hex);
  unlessZero('ttl', 'tun_ttl', decimal);
  unlessZero('tp_src', 'tun_tp_src', decimal);
  unlessZero('tp_dst', 'tun_tp_dst', decimal);
  const geneve = formatOptions(get('tun_metadata_present'), key, mappings);
  if (geneve !== '') parts.push(`geneve(${geneve})`);
  const names = FLAGS.filter(([bit]) => flags & bit).map(([, name]) => name);
  if (names.length > 0) parts.push(`flags(${names.join('|')})`);
  return parts.join(',');
}

function formatOptions(present: bigint, key: Uint8Array, mappings: readonly TlvMapping[]): string {
  const start = KEY_FIELDS.tun_metadata[0] - KEY_FIELDS.tun_id[0];
  return mappings
    .filter(({ index }) => (present >> BigInt(index)) & 1n)
    .map(({ optClass, type, size, offset }) => {
      const value = key.subarray(start + offset, start + offset + size);
      return `{class=${hex(optClass)},type=${hex(type)},len=${size}${size > 0 ? `,${hex(number(value))}` : ''}}`;
    })
    .join('');
}

// --- ct --------------------------------------------------------------------------------------------------------

function formatCt(ct: Extract<DatapathAction, { type: 'ct' }>): string {
  const parts: string[] = [];
  if (ct.commit) parts.push(ct.force ? 'force_commit' : 'commit');
  if (ct.zone !== 0) parts.push(`zone=${ct.zone}`);
  if (ct.mark) parts.push(`mark=${hex(ct.mark.value)}/${hex(ct.mark.mask)}`);
  if (ct.label) {
    const exact = ct.label.mask.every((byte) => byte === 0xff);
    parts.push(`label=${hex(number(ct.label.value))}${exact ? '' : `/${hex(number(ct.label.mask))}`}`);
  }
  if (ct.alg) parts.push(`helper=${ct.alg}`);
  if (ct.nat) parts.push(formatNat(ct.nat));
  return parts.length === 0 ? 'ct' : `ct(${parts.join(',')})`;
}

function formatNat(nat: DatapathNat): string {
  if (nat.kind === 'restore') return 'nat';
  const range = (min: string | number, max?: string | number): string =>
    max === undefined || max === min ? `${min}` : `${min}-${max}`;
  let target = '';
  if (nat.minAddr !== undefined) {
    const address = range(nat.minAddr, nat.maxAddr);
    // A port after an IPv6 address needs to be told from it.
    target = `=${nat.minPort !== undefined && nat.minAddr.includes(':') ? `[${address}]` : address}`;
    if (nat.minPort !== undefined) target += `:${range(nat.minPort, nat.maxPort)}`;
  } else if (nat.minPort !== undefined) target = `=:${range(nat.minPort, nat.maxPort)}`;
  return `nat(${[`${nat.kind}${target}`, ...nat.flags].join(',')})`;
}

/** As Open vSwitch numbers them in its datapath actions. */
const REASONS: Record<PacketInOrder['reason'], number> = {
  no_match: 0,
  action: 1,
  invalid_ttl: 2,
  action_set: 3,
  group: 4,
  packet_out: 5,
  explicit_miss: 6,
};

function formatClone(actions: readonly DatapathAction[], text: string): string {
  return isMeteredCopy(actions) ? `sample(sample=100.0%,actions(${text}))` : `clone(${text})`;
}

function formatUpcall(cookie: number, order?: PrintedOrder): string {
  if (!order) return `userspace(pid=0,controller(recirc_id=${cookie}))`;
  const { reason, dontSend = false, pause, cookie: flow = 0xffff_ffff_ffff_ffffn, id, maxLen } = order;
  const cookieText = flow === 0n ? '0' : hex(flow);
  return `userspace(pid=0,controller(reason=${REASONS[reason]},dont_send=${Number(dontSend)},continuation=${Number(pause)},recirc_id=${cookie},rule_cookie=${cookieText},controller_id=${id},max_len=${maxLen}))`;
}
