// The mask check, in packetwalk alone: bits of a packet that its translation's mask leaves out must not matter. What
// the cache would do with the changed packet (the megaflow's actions) is compared with a fresh translation of it.
import type { DatapathAction } from '../../../dataplane/datapath/actions.js';
import { KEY_FIELDS } from '../../../dataplane/datapath/key-fields.js';
import { KEY_SIZE } from '../../../dataplane/datapath/native.js';
import type { Flow } from '../../../dataplane/key/flow.js';
import type { OfflineSwitch } from '../../../dataplane/trace/index.js';
import { type Translation, translatePacket } from '../../../dataplane/translate/index.js';
import type { Random } from '../../helpers/random.js';

const SINGLE_FLIPS = 12;
const MANY_FLIPS = 4;
const PASSES = 4;
const HEADERS_END = KEY_FIELDS.tun_id[0];

/**
 * Headers behind IP: those of a later fragment are always 0, so that their bits cannot differ. Nor can ARP's upper
 * eight.
 */
const L4: readonly (readonly [number, number])[] = [
  KEY_FIELDS.icmp_type,
  KEY_FIELDS.icmp_code,
  KEY_FIELDS.tcp_flags,
  KEY_FIELDS.tp_src,
  KEY_FIELDS.tp_dst,
];
const FRAG_LATER = 2;

function isFixed(flow: Flow, bit: number): boolean {
  if (bit >> 3 === KEY_FIELDS.arp_op[0]) return true;
  const isLater = (flow[KEY_FIELDS.nw_frag[0]] & FRAG_LATER) !== 0;
  return isLater && L4.some(([offset, size]) => bit >> 3 >= offset && bit >> 3 < offset + size);
}

/** What the actions do to this packet: of a set, the field as it is then; a set of bits to what they were is none. */
function effects(actions: readonly DatapathAction[], packet: Uint8Array): string[] {
  const key = packet.slice();
  return actions.map((action) => {
    if (action.type === 'clone') return `clone(${effects(action.actions, key).join()})`;
    if (action.type !== 'set') return JSON.stringify(action, (_, v: unknown) => (typeof v === 'bigint' ? `${v}` : v));
    const [offset, size] = KEY_FIELDS[action.field];
    for (let i = 0; i < size; i++) key[offset + i] = (key[offset + i] & ~action.mask[i]) | action.value[i];
    return `set ${action.field} ${Buffer.from(key.subarray(offset, offset + size)).toString('hex')}`;
  });
}

function fieldOf(bit: number): string {
  const byte = bit >> 3;
  const found = Object.entries(KEY_FIELDS).find(([, [offset, size]]) => byte >= offset && byte < offset + size);
  return `${found?.[0] ?? byte}.${bit & 7}`;
}

/** The first bit, or set of bits, that matters although the mask leaves it out; undefined when there is none. */
export function maskLeak(offline: OfflineSwitch, first: Flow, r: Random): string | undefined {
  let flow: Flow | undefined = first;
  for (let pass = 0; flow && pass < PASSES; pass++) {
    const translation: Translation = translatePacket(offline.env, flow, { learn: false });
    const leak = leakOfPass(offline, flow, translation, r);
    if (leak) return `pass ${pass}: ${leak}`;
    flow = nextPass(flow, translation, r);
  }
  return undefined;
}

function leakOfPass(offline: OfflineSwitch, flow: Flow, translation: Translation, r: Random): string | undefined {
  const free: number[] = [];
  for (let bit = 0; bit < KEY_SIZE * 8; bit++) {
    if (((translation.mask[bit >> 3] >> (bit & 7)) & 1) === 0 && !isFixed(flow, bit)) free.push(bit);
  }
  const headers = free.filter((bit) => bit < HEADERS_END * 8);
  const flips = Array.from({ length: SINGLE_FLIPS }, () => [r.pick(r.chance(6) ? free : headers)]);
  for (let i = 0; i < MANY_FLIPS; i++) flips.push(headers.filter(() => r.chance(2)));
  for (const bits of flips) {
    const other = flow.slice();
    for (const bit of bits) other[bit >> 3] ^= 1 << (bit & 7);
    const [cached, fresh] = [
      effects(translation.actions, other),
      effects(translatePacket(offline.env, other, { learn: false }).actions, other),
    ];
    if (cached.join() === fresh.join()) continue;
    return `${bits.length} bits with ${bits.slice(0, 3).map(fieldOf).join()} matter: ${cached.join(' ')} | ${fresh.join(' ')}`;
  }
  return undefined;
}

/** The packet as it comes back from conntrack, when it does. */
function nextPass(flow: Flow, { actions }: Translation, r: Random): Flow | undefined {
  const recirc = actions.find((action) => action.type === 'recirc');
  if (!recirc) return undefined;
  const next = flow.slice();
  new DataView(next.buffer, next.byteOffset).setUint32(KEY_FIELDS.recirc_id[0], recirc.id);
  next[KEY_FIELDS.ct_state[0] + 3] = r.pick([0x21, 0x22, 0x2a, 0x30, 0x64]);
  next[KEY_FIELDS.ct_mark[0] + 3] = r.pick([0, 1, 3]);
  next[KEY_FIELDS.ct_zone[0] + 1] = r.pick([0, 1, 7]);
  return next;
}
