// Random groups of every type. To: scenario.ts, whose flows send packets there. A select group always says how to
// select: what OVS does when it does not is its datapath's hash (docs/design/differences.md).
import type { Random } from '../../helpers/random.js';
import * as u from './universe.js';

const MOST_BUCKETS = 3;
const HASHED = [
  'ip_src',
  'ip_dst',
  'nw_proto',
  'tcp_src',
  'tcp_dst',
  'eth_src',
  'eth_dst',
  'reg1',
  'ipv6_src=ffff:ffff::',
];

/** Groups 1, 2, ...; a bucket sends packets on to groups of lower number only. */
export function randomGroups(r: Random): string[] {
  return Array.from({ length: 1 + r.below(3) }, (_, i) => randomGroup(r, i + 1));
}

function randomGroup(r: Random, id: number): string {
  const type = r.pick(['all', 'all', 'select', 'select', 'indirect', 'ff']);
  const head = [`group_id=${id}`, `type=${type}`];
  if (type === 'select') {
    head.push('selection_method=hash');
    if (r.chance(3)) head.push(`selection_method_param=${r.below(1000)}`);
    if (!r.chance(3)) head.push(`fields(${distinct(r, HASHED, 1 + r.below(4)).join(',')})`);
  }
  const count = type === 'indirect' ? 1 : r.below(MOST_BUCKETS + 1);
  const buckets = Array.from({ length: count }, (_, n) => `bucket=${bucket(r, id, type, n)}`);
  return [...head, ...buckets].join(',');
}

function bucket(r: Random, id: number, type: string, n: number): string {
  const parts = [`bucket_id:${n + r.below(2) * 7}`];
  if (type === 'select') parts.push(`weight:${r.pick([0, 1, 1, 2, 100])}`);
  if (type === 'ff' || (type === 'select' && r.chance(4))) {
    parts.push(r.chance(4) && id > 1 ? `watch_group:${1 + r.below(id - 1)}` : `watch_port:${r.pick([1, 2, 3, 9])}`);
  }
  return `${parts.join(',')},actions=${actions(r, id)}`;
}

/**
 * Without NAT: a bucket does not know whether its packets are IPv4 or IPv6, and OVS takes the one's address for the
 * other's.
 */
function actions(r: Random, id: number): string {
  const choices = [
    () => `set_field:${r.pick(u.MACS)}->eth_dst`,
    () => `set_field:${r.below(4)}->reg1`,
    () => `set_field:${u.ip4(r)}->ip_dst`,
    () => 'dec_ttl',
    () => `push_vlan:0x8100,set_field:${0x1000 + r.pick(u.VIDS)}->vlan_vid`,
  ];
  const ends = [
    () => `output:${1 + r.below(3)}`,
    () => `output:${1 + r.below(3)}`,
    () => 'IN_PORT',
    () => `resubmit(,${1 + r.below(u.LAST_TABLE)})`,
    () => `ct(commit,table=${1 + r.below(u.LAST_TABLE)},zone=${r.pick(u.ZONES)})`,
    () => (id > 1 ? `group:${1 + r.below(id - 1)}` : 'output:2'),
    () => `output:${1 + r.below(2)},output:3`,
  ];
  return [...distinct(r, choices, r.below(3)).map((draw) => draw()), r.pick(ends)()].join(',');
}

/** `count` of them, in their order. */
export function distinct<T>(r: Random, all: readonly T[], count: number): T[] {
  const left = all.map((_, i) => i);
  while (left.length > count) left.splice(r.below(left.length), 1);
  return left.map((i) => all[i]);
}
