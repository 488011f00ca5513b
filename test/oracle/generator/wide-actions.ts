// Random actions that are more than a write, an output or a jump: learn, groups, hashes over links, and what hands
// packets to a controller. To: actions.ts, which draws all others.
import type { Random } from '../../helpers/random.js';
import type { ActionContext } from './actions.js';
import { distinct } from './groups.js';
import { isIpv4, isIpv6, transport } from './matches.js';
import * as u from './universe.js';

/** A flow for the answer, or for more of the same. Its table is a later one, so that nothing learns itself for ever. */
export function learn(r: Random, { match, table }: ActionContext): string {
  const later = table >= u.LAST_TABLE ? u.LAST_TABLE : table + 1 + r.below(u.LAST_TABLE - table);
  const parts = [`table=${later}`, `priority=${1500 + r.below(3)}`];
  // Longer than any run: what passes through is compared, not the clock.
  if (r.chance(2)) parts.push(`idle_timeout=${1000 + r.below(2)}`);
  if (r.chance(3)) parts.push(`hard_timeout=${2000 + r.below(2)}`);
  if (r.chance(4)) parts.push(`cookie=0x${(1 + r.below(3)).toString(16)}`);
  if (r.chance(6)) parts.push('delete_learned');
  if (r.chance(6))
    parts.push(`limit=${1 + r.below(3)}`, ...(r.chance(2) ? [`result_dst=NXM_NX_REG1[${r.below(32)}]`] : []));
  const learned = learnedMatch(r, match.protocol);
  // Not for a flow that others than TCP meet: OVS takes the type of a neighbor's option, 1, for the flag FIN.
  if (learned.includes('nw_proto=6') && r.chance(2)) parts.push(`fin_idle_timeout=${500 + r.below(2)}`);
  return `learn(${[...parts, ...learned, ...learnedActions(r)].join(',')})`;
}

function learnedMatch(r: Random, p: ActionContext['match']['protocol']): string[] {
  const choices = [
    'NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[]',
    'NXM_OF_ETH_SRC[]',
    'NXM_OF_IN_PORT[]',
    'NXM_NX_REG0[0..15]',
    'NXM_NX_REG1[4..7]=NXM_NX_REG0[0..3]',
    'NXM_NX_REG2[0..7]=0x3',
    'NXM_OF_VLAN_TCI[0..11]',
  ];
  const picked = distinct(r, choices, 1 + r.below(2));
  const l4 = transport(p)?.toUpperCase();
  if (isIpv4(p)) {
    const terms = ['eth_type=0x800', r.pick(['NXM_OF_IP_SRC[]', 'NXM_OF_IP_DST[]=NXM_OF_IP_SRC[]'])];
    if ((l4 === 'TCP' || l4 === 'UDP') && r.chance(2)) {
      terms.push(
        `nw_proto=${l4 === 'TCP' ? 6 : 17}`,
        r.pick([`NXM_OF_${l4}_DST[]`, `NXM_OF_${l4}_SRC[]=NXM_OF_${l4}_DST[]`]),
      );
    }
    return [...terms, ...(r.chance(2) ? picked : [])];
  }
  if (isIpv6(p))
    return ['eth_type=0x86dd', r.pick(['NXM_NX_IPV6_SRC[]', 'NXM_NX_IPV6_DST[]=NXM_NX_IPV6_SRC[]']), ...picked];
  return picked;
}

function learnedActions(r: Random): string[] {
  const choices = [
    'load:NXM_NX_REG0[]->NXM_NX_REG1[]',
    'load:0x5->NXM_NX_REG2[0..15]',
    'load:NXM_OF_ETH_SRC[]->NXM_OF_ETH_DST[]',
    'output:NXM_OF_IN_PORT[]',
    'output:NXM_NX_REG0[0..15]',
    'load:0x2->NXM_NX_REG0[0..15]',
  ];
  return distinct(r, choices, 1 + r.below(2));
}

const HASHES = ['eth_src', 'symmetric_l4', 'symmetric_l3l4', 'symmetric_l3l4+udp', 'nw_src', 'nw_dst', 'symmetric_l3'];

/** Tables in which a choice is made by the packet's hash. */
export function spread(r: Random): string {
  const [fields, basis] = [r.pick(HASHES), r.below(100)];
  if (r.chance(2)) {
    const algorithm = r.pick(['modulo_n', 'hash_threshold', 'hrw', 'iter_hash']);
    return `multipath(${fields},${basis},${algorithm},${1 + r.below(5)},${1 + r.below(4)},NXM_NX_REG1[0..7])`;
  }
  const algorithm = r.pick(['hrw', 'active_backup']);
  const members = distinct(r, [9, 1, 2, 3], 1 + r.below(3)).join(',');
  if (r.chance(2)) return `bundle(${fields},${basis},${algorithm},ofport,members:${members})`;
  return `bundle_load(${fields},${basis},${algorithm},ofport,NXM_NX_REG2[0..15],members:${members})`;
}

export function controller(r: Random): string {
  return r.pick([
    'CONTROLLER:65535',
    'controller(max_len=128,id=5)',
    'controller(reason=no_match)',
    'controller(userdata=01.02.03)',
    'controller(userdata=07,pause)',
  ]);
}

export const larger = (r: Random): string =>
  `check_pkt_larger(${r.pick([50, 64, 80, 1000])})->NXM_NX_REG1[${r.below(8)}]`;

export const finTimeout = (r: Random): string =>
  `fin_timeout(idle_timeout=${500 + r.below(2)},hard_timeout=${800 + r.below(2)})`;
