// The mask of a translation: whatever of the packet it leaves out must not matter. A bit too many costs speed; a bit
// too few sends other packets the wrong way.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { DatapathAction } from '../../dataplane/datapath/actions.js';
import { KEY_FIELDS } from '../../dataplane/datapath/key-fields.js';
import { KEY_SIZE } from '../../dataplane/datapath/native.js';
import { type Flow } from '../../dataplane/key/flow.js';
import { makeOfflineSwitch, type OfflineSwitch } from '../../dataplane/trace/index.js';
import { type Translation, translatePacket } from '../../dataplane/translate/index.js';
import { derived, flowsPath, passes, portsFile } from '../helpers/article.js';
import { packet } from '../helpers/flows.js';
import { flowText } from '../helpers/frames.js';
import { Random } from '../helpers/random.js';
import { serviceFlows } from '../helpers/node-twins.js';
import { PIPELINE_PORTS, randomPacket, randomPipeline } from '../helpers/random-pipeline.js';
import { SERVICE_FLOWS, SERVICE_PORTS, serviceGroups } from '../helpers/service-node.js';

/** What the actions come to for this packet: of a set, the field as it is then. A set may write bits as they were,
 *  and  which of them it does depends on how a lookup went. Equal frozen states share an id, so recirc is compared
 *  as it is. */
function effects(actions: readonly DatapathAction[], packet: Uint8Array): unknown[] {
  const key = packet.slice();
  return actions.map((action) => {
    if (action.type === 'clone') return { clone: effects(action.actions, key) };
    if (action.type !== 'set') return action;
    const [offset, size] = KEY_FIELDS[action.field];
    for (let i = 0; i < size; i++) key[offset + i] = (key[offset + i] & ~action.mask[i]) | action.value[i];
    return { set: action.field, to: [...key.subarray(offset, offset + size)] };
  });
}

function run(offline: OfflineSwitch, flow: Flow): Translation {
  return translatePacket(offline.env, flow, { learn: false });
}

/** Changes bits of the key that the mask leaves out, and expects the same actions. */
function checkMask(offline: OfflineSwitch, flow: Flow, r: Random): Translation {
  const translation = run(offline, flow);
  const free: number[] = [];
  for (let bit = 0; bit < KEY_SIZE * 8; bit++) {
    if (((translation.mask[bit >> 3] >> (bit & 7)) & 1) === 0) free.push(bit);
  }
  const check = (bits: number[]): void => {
    const other = flow.slice();
    for (const bit of bits) other[bit >> 3] ^= 1 << (bit & 7);
    const got = run(offline, other);
    const changed = `bits ${bits.slice(0, 5).map((bit) => `${fieldOf(bit >> 3)}.${bit & 7}`)}`;
    expect(effects(got.actions, other), changed).toEqual(effects(translation.actions, other));
  };
  for (let i = 0; i < 60; i++) check([r.pick(free)]);
  // The headers are where it matters; they are few bits among the tunnel's many.
  const headers = free.filter((bit) => bit < KEY_FIELDS.tun_id[0] * 8);
  for (let i = 0; i < 60; i++) check([r.pick(headers)]);
  for (let i = 0; i < 20; i++) check(headers.filter(() => r.chance(2)));
  return translation;
}

function fieldOf(byte: number): string {
  return (
    Object.entries(KEY_FIELDS).find(([, [offset, size]]) => byte >= offset && byte < offset + size)?.[0] ?? String(byte)
  );
}

/** The packet as it comes back from conntrack, when it does. */
function nextPass(flow: Flow, translation: Translation, r: Random): Flow | undefined {
  const recirc = translation.actions.find((action) => action.type === 'recirc');
  if (!recirc) return undefined;
  const next = flow.slice();
  new DataView(next.buffer).setUint32(KEY_FIELDS.recirc_id[0], recirc.id);
  next[KEY_FIELDS.ct_state[0] + 3] = r.pick([0x21, 0x22, 0x2a, 0x30]);
  next[KEY_FIELDS.ct_mark[0] + 3] = r.pick([0, 1, 0x20]);
  return next;
}

function checkPasses(offline: OfflineSwitch, first: Flow, r: Random): void {
  let flow: Flow | undefined = first;
  for (let pass = 0; flow && pass < 4; pass++) flow = nextPass(flow, checkMask(offline, flow, r), r);
}

describe('bits that a mask leaves out do not matter', () => {
  test.each(['worker1', 'worker2'] as const)("for the article's packets on %s", (node) => {
    const r = new Random();
    const offline = makeOfflineSwitch([{ name: node, text: readFileSync(flowsPath(node), 'utf8') }], portsFile(node));
    for (const p of [...passes, ...derived]) {
      if (p.node === node) checkPasses(offline, packet(flowText(p.in, p.packet), offline.ports), r);
    }
  });

  test('for Services, their groups and SNAT on worker1', () => {
    const r = new Random();
    const flows = [{ name: 'services', text: SERVICE_FLOWS.join('\n') }];
    const groups = [{ name: 'groups', text: serviceGroups([100, 100]) }];
    const offline = makeOfflineSwitch(flows, SERVICE_PORTS, groups);
    for (const text of serviceFlows()) checkPasses(offline, packet(text, offline.ports), r);
  });

  test.each(Array.from({ length: 12 }, (_, i) => i))('for random pipelines, %d', (round) => {
    const r = new Random(7000 + round);
    const offline = makeOfflineSwitch([{ name: 'random', text: randomPipeline(r).join('\n') }], PIPELINE_PORTS);
    for (let i = 0; i < 25; i++) checkPasses(offline, packet(randomPacket(r), offline.ports), r);
  });
});
