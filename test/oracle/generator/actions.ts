// Random actions, as text, that go with a match: writes only to fields whose prerequisites the match has, tables only
// further on. What the switch does not run yet may be drawn as well: scenario.ts leaves out flows that are refused by
// name. To: scenario.ts.
import type { Random } from '../../helpers/random.js';
import { isArp, isIcmpv6, isIp, isIpv4, isIpv6, isNd, type RandomMatch, transport } from './matches.js';
import * as u from './universe.js';
import { controller, finTimeout, larger, learn, spread } from './wide-actions.js';

export interface ActionContext {
  match: RandomMatch;
  table: number;
  /** OpenFlow 1.1 and later: instructions and groups. */
  instructions: boolean;
  /** How many groups there are, from 1 on. */
  groups: number;
  /** ct(commit) with force, or with nat, but not both: see docs/design/differences.md. */
  forces: boolean;
  /** Inside clone() or write_actions(). */
  nested?: boolean;
}

type Choice = (r: Random, c: ActionContext) => string;

/**
 * With room for two tags that go before the output does: a frame that gets shorter than its header takes those behind
 * it with it, in OVS's dummy device.
 */
const CUTS = [22, 30, 60, 100, 1500];

const nxm = (names: [text: string, bits: number][]) => names;

/** Registers that no other table of this generator asks for by name: one in so many is one of them. */
const OTHER_REGISTERS: readonly (readonly [kind: string, first: number, last: number, bits: number])[] = [
  ['NXM_NX_REG', 3, 14, 32],
  ['OXM_OF_PKT_REG', 1, 7, 64],
  ['NXM_NX_XXREG', 1, 2, 128],
];
const OTHERS = 12;

function anyRegister(r: Random): [text: string, bits: number] {
  const [kind, first, last, bits] = r.pick(OTHER_REGISTERS);
  return [`${kind}${first + r.below(last - first + 1)}`, bits];
}

function written(r: Random, c: ActionContext): [text: string, bits: number] {
  return r.chance(OTHERS) ? anyRegister(r) : r.pick(writable(c));
}

function read(r: Random, c: ActionContext): [text: string, bits: number] {
  return r.chance(OTHERS) ? anyRegister(r) : r.pick(readable(c));
}

/** Fields that may be written, with their width. */
function writable({ match, instructions }: ActionContext): [text: string, bits: number][] {
  const p = match.protocol;
  const l4 = transport(p)?.toUpperCase();
  return [
    ...nxm([
      ['NXM_NX_REG0', 32],
      ['NXM_NX_REG1', 32],
      ['NXM_NX_REG2', 32],
      ['NXM_NX_REG15', 32],
      ['NXM_NX_XXREG0', 128],
    ]),
    ...nxm([
      ['NXM_NX_REG8', 32],
      ['OXM_OF_PKT_REG4', 64],
      ['NXM_NX_XXREG3', 128],
    ]),
    ...nxm([
      ['OXM_OF_PKT_REG0', 64],
      ['OXM_OF_METADATA', 64],
      ['NXM_NX_PKT_MARK', 32],
      ['NXM_NX_TUN_ID', 64],
    ]),
    ...nxm([
      ['NXM_OF_ETH_SRC', 48],
      ['NXM_OF_ETH_DST', 48],
      ['NXM_NX_TUN_METADATA0', 32],
    ]),
    ...(match.vlan ? nxm([['OXM_OF_VLAN_PCP', 3]]) : []),
    ...(isIpv4(p)
      ? nxm([
          ['NXM_OF_IP_SRC', 32],
          ['NXM_OF_IP_DST', 32],
        ])
      : []),
    ...(isIpv6(p)
      ? nxm([
          ['NXM_NX_IPV6_SRC', 128],
          ['NXM_NX_IPV6_DST', 128],
          ['NXM_NX_IPV6_LABEL', 20],
        ])
      : []),
    ...(isIp(p)
      ? nxm([
          ['OXM_OF_IP_DSCP', 6],
          ['NXM_NX_IP_ECN', 2],
          ['NXM_NX_IP_TTL', 8],
        ])
      : []),
    ...(l4 === 'SCTP'
      ? nxm([
          ['OXM_OF_SCTP_SRC', 16],
          ['OXM_OF_SCTP_DST', 16],
        ])
      : []),
    ...(l4 === 'TCP' || l4 === 'UDP'
      ? nxm([
          [`NXM_OF_${l4}_SRC`, 16],
          [`NXM_OF_${l4}_DST`, 16],
        ])
      : []),
    ...(p === 'icmp'
      ? nxm([
          ['NXM_OF_ICMP_TYPE', 8],
          ['NXM_OF_ICMP_CODE', 8],
        ])
      : []),
    ...(p === 'icmp6'
      ? nxm([
          ['NXM_NX_ICMPV6_TYPE', 8],
          ['NXM_NX_ICMPV6_CODE', 8],
        ])
      : []),
    ...(isNd(p)
      ? nxm([
          ['NXM_NX_ND_TARGET', 128],
          [p === 'ns' ? 'NXM_NX_ND_SLL' : 'NXM_NX_ND_TLL', 48],
        ])
      : []),
    ...(isArp(p)
      ? nxm([
          ['NXM_OF_ARP_OP', instructions ? 8 : 16],
          ['NXM_OF_ARP_SPA', 32],
          ['NXM_OF_ARP_TPA', 32],
        ])
      : []),
    ...(isArp(p)
      ? nxm([
          ['NXM_NX_ARP_SHA', 48],
          ['NXM_NX_ARP_THA', 48],
        ])
      : []),
  ];
}

/** Fields that may only be read. */
function readable(c: ActionContext): [text: string, bits: number][] {
  const { match } = c;
  return [
    ...writable(c),
    ...nxm([
      ['NXM_OF_IN_PORT', 16],
      ['NXM_NX_CT_MARK', 32],
      ['NXM_NX_CT_STATE', 32],
      ['NXM_NX_CT_ZONE', 16],
    ]),
    ...nxm([
      ['NXM_OF_VLAN_TCI', 16],
      ['NXM_NX_CT_LABEL', 128],
      ['NXM_OF_ETH_TYPE', 16],
    ]),
    ...(isIp(match.protocol) ? nxm([['NXM_OF_IP_PROTO', 8]]) : []),
    ...(transport(match.protocol) === 'tcp' ? nxm([['NXM_NX_TCP_FLAGS', 12]]) : []),
  ];
}

/** In OpenFlow 1.5 a load is a set_field, whose mask OVS prints even where no mask can be read. */
const WHOLE = /ARP_OP|_TTL|_ECN|_DSCP|_PCP|ICMP/;

function writtenBits(r: Random, c: ActionContext, field: string, width: number): { text: string; count: number } {
  return c.instructions && WHOLE.test(field) ? { text: '[]', count: width } : bitsOf(r, width);
}

/** A Geneve option's size is not known to ovs-ofctl: its bits are always named. Of arp_op OVS keeps 8 bits,
 *  and refuses more as a value of OpenFlow 1.5. */
const named = (field: string, width: number, text: string): string =>
  text === '[]' && /TUN_METADATA|ARP_OP/.test(field) ? range(0, width) : text;

const range = (from: number, count: number): string => (count === 1 ? `[${from}]` : `[${from}..${from + count - 1}]`);

/** Some bits of a field. */
function bitsOf(r: Random, width: number, count = 1 + r.below(width)): { text: string; count: number } {
  const some = r.chance(2) ? width : Math.min(count, width);
  return { text: some === width ? '[]' : range(r.below(width - some + 1), some), count: some };
}

function value(r: Random, bits: number): string {
  const v = r.chance(3) ? u.randomBits(r, bits) : BigInt(r.below(Math.min(2 ** bits, 4)));
  return `0x${v.toString(16)}`;
}

function load(r: Random, c: ActionContext): string {
  const [field, width] = written(r, c);
  const { text, count } = writtenBits(r, c, field, Math.min(width, 64));
  // load takes 64 bits at most.
  const part = width > 64 && text === '[]' ? '[0..63]' : text;
  if (field === 'NXM_OF_ARP_OP' && c.instructions) return `load:${1 + r.below(3)}->${field}[]`;
  const v = value(r, part === '[0..63]' ? 64 : count);
  return `load:${v}->${field}${named(field, width, part)}`;
}

function move(r: Random, c: ActionContext): string {
  const [src, from] = read(r, c);
  const [dst, to] = written(r, c);
  const count = r.chance(2) ? Math.min(from, to) : 1 + r.below(Math.min(from, to));
  const part = (width: number) => (count === width ? '[]' : range(r.below(width - count + 1), count));
  return `move:${src}${named(src, from, part(from))}->${dst}${named(dst, to, part(to))}`;
}

const SET_FIELDS: Record<string, (r: Random) => string> = {
  reg1: (r) => masked(r, 32),
  reg2: (r) => masked(r, 32),
  reg7: (r) => masked(r, 32),
  xreg1: (r) => masked(r, 64),
  xxreg3: (r) => masked(r, 128),
  metadata: (r) => masked(r, 64),
  pkt_mark: (r) => masked(r, 32),
  eth_src: (r) => r.pick(u.MACS),
  eth_dst: (r) => r.pick(u.MACS),
  tun_id: (r) => value(r, 24),
  tun_dst: (r) => u.ip4(r),
  tun_src: (r) => u.ip4(r),
  tun_metadata0: (r) => masked(r, 32),
};

function masked(r: Random, bits: number): string {
  if (r.chance(2)) return value(r, bits);
  const mask = u.randomMask(r, bits);
  return `0x${(u.randomBits(r, bits) & mask).toString(16)}/0x${mask.toString(16)}`;
}

function setField(r: Random, { match: { protocol: p, vlan }, instructions }: ActionContext): string {
  const fields: Record<string, (r: Random) => string> = { ...SET_FIELDS };
  const l4 = transport(p);
  const port = () => String(r.pick(u.PORTS));
  if (vlan) fields.vlan_pcp = () => String(r.pick(u.PCPS));
  if (vlan) fields.vlan_vid = () => String(0x1000 + r.pick(u.VIDS));
  if (isIpv4(p)) Object.assign(fields, { ip_src: u.ip4, ip_dst: u.ip4 });
  // In OpenFlow 1.0 ovs-ofctl loses the mask.
  if (instructions) fields.eth_src = () => '02:00:00:00:00:07/ff:ff:00:00:00:ff';
  if (instructions && isIpv4(p)) fields.ip_src = () => '198.51.0.0/255.255.0.0';
  if (isIpv6(p)) Object.assign(fields, { ipv6_src: u.ip6, ipv6_dst: u.ip6, ipv6_label: () => value(r, 20) });
  if (isIp(p)) Object.assign(fields, { ip_dscp: () => String(r.below(64)), nw_ecn: () => String(r.below(4)) });
  if (isIp(p)) fields.nw_ttl = () => String(r.pick(u.TTLS));
  if (l4) Object.assign(fields, { [`${l4}_src`]: port, [`${l4}_dst`]: port });
  if (p === 'icmp')
    Object.assign(fields, { icmp_type: () => String(r.below(256)), icmp_code: () => String(r.below(16)) });
  if (isNd(p)) Object.assign(fields, { nd_target: u.ip6 });
  if (isArp(p)) Object.assign(fields, { arp_spa: u.ip4, arp_tpa: u.ip4, arp_op: () => String(1 + r.below(3)) });
  const name = r.pick(Object.keys(fields));
  return `set_field:${fields[name](r)}->${name}`;
}

function mod(r: Random, { match: { protocol: p } }: ActionContext): string {
  const choices = [`mod_dl_src:${r.pick(u.MACS)}`, `mod_dl_dst:${r.pick(u.MACS)}`, `set_tunnel:${value(r, 24)}`];
  choices.push(`set_tunnel64:${value(r, 24)}`);
  if (isIpv4(p)) choices.push(`mod_nw_src:${u.ip4(r)}`, `mod_nw_dst:${u.ip4(r)}`);
  if (isIp(p))
    choices.push(`mod_nw_tos:${r.pick(u.TOSES)}`, `mod_nw_ecn:${r.below(4)}`, `mod_nw_ttl:${r.pick(u.TTLS)}`);
  if (transport(p)) choices.push(`mod_tp_src:${r.pick(u.PORTS)}`, `mod_tp_dst:${r.pick(u.PORTS)}`);
  return r.pick(choices);
}

function vlan(r: Random, c: ActionContext): string {
  const choices = [`mod_vlan_vid:${r.pick(u.VIDS)}`, `mod_vlan_pcp:${r.pick(u.PCPS)}`, 'strip_vlan'];
  choices.push(`set_vlan_vid:${r.pick(u.VIDS)}`, `set_vlan_pcp:${r.pick(u.PCPS)}`);
  if (!c.instructions) return r.pick(choices);
  // Later versions want to know from the match that there is a tag to be taken off, and tell mod_vlan_* as a push.
  return r.pick(
    c.match.vlan ? ['pop_vlan', 'strip_vlan', 'push_vlan:0x8100'] : ['push_vlan:0x8100', 'push_vlan:0x88a8'],
  );
}

function output(r: Random): string {
  switch (r.below(14)) {
    case 0:
      return 'IN_PORT';
    case 1:
      return `output(port=${1 + r.below(3)},max_len=${r.pick(CUTS)})`;
    case 2:
      return `load:${1 + r.below(3)}->NXM_NX_REG2[0..15],output:NXM_NX_REG2[0..15]`;
    case 3:
      return r.chance(3) ? `output:${u.TUNNEL}` : `set_field:${r.pick(u.FAR_IPS)}->tun_dst,output:${u.TUNNEL}`;
    case 4:
      return r.pick(['LOCAL', 'output:77', 'ALL', 'FLOOD', 'NORMAL']);
    default:
      return `output:${1 + r.below(3)}`;
  }
}

function jump(r: Random, { table }: ActionContext): string {
  if (table >= u.LAST_TABLE) return output(r);
  const next = table + 1 + r.below(u.LAST_TABLE - table);
  if (r.chance(12)) return `resubmit(,${next},ct)`;
  return r.chance(5) ? `resubmit(${1 + r.below(4)},${next})` : `resubmit(,${next})`;
}

function stack(r: Random, c: ActionContext): string {
  const [field, width] = read(r, c);
  const push = bitsOf(r, width);
  const [dst, to] = written(r, c);
  const pop = bitsOf(r, to);
  const first = `push:${field}${named(field, width, push.text)}`;
  return r.chance(6) ? first : `${first},pop:${dst}${named(dst, to, pop.text)}`;
}

function zone(r: Random): string[] {
  return r.chance(3)
    ? []
    : [`zone=${r.chance(4) ? r.pick(['NXM_NX_REG0[0..15]', 'NXM_NX_REG1[16..31]']) : r.pick(u.ZONES)}`];
}

function nat(r: Random, p: RandomMatch['protocol']): string {
  const address = isIpv4(p) ? r.pick(u.IPS) : r.pick(u.IP6S);
  // Where a port is chosen out of a range by a hash, the hash has a random basis in OVS: one port, or none.
  const chosen = r.pick(u.PORTS);
  const port = transport(p) && r.chance(3) ? `:${chosen}${r.chance(4) ? `-${chosen}` : ''}` : '';
  const where = port && isIpv6(p) ? `[${address}]` : address;
  const flag = r.chance(4) ? r.pick([',hash', ',random', ',persistent']) : '';
  return `nat(${r.pick(['src', 'dst'])}=${where}${port}${flag})`;
}

function exec(r: Random): string {
  const choices: (() => string)[] = [
    () => `load:${value(r, 32)}->NXM_NX_CT_MARK[]`,
    () => `load:${value(r, 4)}->NXM_NX_CT_MARK[${r.below(4) * 4}..${19}]`,
    () => `set_field:${masked(r, 32)}->ct_mark`,
    () => `set_field:${masked(r, 128)}->ct_label`,
    () => `load:${value(r, 8)}->NXM_NX_CT_LABEL[${8 * r.below(8)}..${70}]`,
    () => 'move:NXM_NX_REG1[0..7]->NXM_NX_CT_MARK[8..15]',
    () => 'move:NXM_OF_ETH_SRC[]->NXM_NX_CT_LABEL[0..47]',
  ];
  return `exec(${Array.from({ length: 1 + r.below(2) }, () => r.pick(choices)()).join(',')})`;
}

function ct(r: Random, { match, table, forces }: ActionContext): string {
  if (r.chance(8)) return 'ct_clear';
  const parts: string[] = [];
  const commit = !match.ctInvalid && r.chance(2);
  if (commit) parts.push('commit', ...(forces && r.chance(2) ? ['force'] : []));
  if (table < u.LAST_TABLE && !r.chance(4)) parts.push(`table=${table + 1 + r.below(u.LAST_TABLE - table)}`);
  parts.push(...zone(r));
  // nat before exec: otherwise OVS prints it inside exec(), where not even ovs-ofctl reads it.
  if (!forces && r.chance(commit ? 3 : 2)) parts.push(commit ? nat(r, match.protocol) : 'nat');
  if (commit && r.chance(2)) parts.push(exec(r));
  return parts.length ? `ct(${parts.join(',')})` : 'ct(zone=0)';
}

function clone(r: Random, c: ActionContext): string {
  const inner = { ...c, nested: true };
  return `clone(${Array.from({ length: 1 + r.below(3) }, () => one(r, inner)).join(',')})`;
}

const ANY: [weight: number, choice: Choice][] = [
  [16, output],
  [14, jump],
  [6, load],
  [4, move],
  [5, setField],
  [5, mod],
  [3, vlan],
  [2, stack],
  [1, () => 'note:00.01.02'],
  [1, (r) => r.pick(['exit', 'delete_field:tun_metadata0', 'exit'])],
  [1, controller],
  [2, spread],
  [1, larger],
  [2, learn],
];

function one(r: Random, c: ActionContext): string {
  const p = c.match.protocol;
  const choices: [number, Choice][] = [...ANY];
  if (isIp(p)) choices.push([8, ct], [3, (rr) => (rr.chance(5) ? 'dec_ttl(1,2)' : 'dec_ttl')]);
  if (isArp(p) || isIcmpv6(p)) choices.push([3, () => 'NORMAL']);
  if (p === 'tcp' || p === 'tcp6') choices.push([2, finTimeout]);
  if (c.groups > 0) choices.push([8, () => `group:${1 + r.below(c.groups)}`]);
  if (!c.nested) choices.push([2, clone]);
  let n = r.below(choices.reduce((sum, [weight]) => sum + weight, 0));
  for (const [weight, choice] of choices) {
    if (n < weight) return choice(r, c);
    n -= weight;
  }
  throw new Error('weights do not add up');
}

/** What an action set may hold: each kind once counts. */
function actionSet(r: Random, c: ActionContext): string {
  const choices: Choice[] = [() => `output:${1 + r.below(3)}`, (rr) => `set_field:${rr.pick(u.MACS)}->eth_dst`];
  if (c.groups > 0) choices.push(() => `group:${1 + r.below(c.groups)}`);
  choices.push(
    () => (c.match.vlan ? 'pop_vlan' : 'push_vlan:0x8100'),
    (rr) => `set_field:${value(rr, 8)}->reg1`,
  );
  if (isIp(c.match.protocol))
    choices.push(
      () => 'dec_ttl',
      () => `set_field:${r.below(64)}->ip_dscp`,
    );
  const drawn = Array.from({ length: 1 + r.below(3) }, () => r.pick(choices)(r, c));
  return [...new Set(drawn)].join(',');
}

export function randomActions(r: Random, c: ActionContext): string {
  if (r.chance(20)) return 'drop';
  const list = Array.from({ length: 1 + r.below(4) }, () => one(r, c));
  if (c.instructions && r.chance(3)) {
    if (r.chance(4)) list.push('clear_actions');
    if (r.chance(2)) list.push(`write_actions(${actionSet(r, c)})`);
    if (r.chance(3)) list.push(`write_metadata:${masked(r, 64)}`);
    if (c.table < u.LAST_TABLE && r.chance(2)) {
      list.push(`goto_table:${c.table + 1 + r.below(u.LAST_TABLE - c.table)}`);
    }
  }
  return list.join(',');
}
