// NORMAL: a learning switch among the flows.
import { expect, test } from 'vitest';
import { ARP, PaperSwitch } from '../helpers/paper-switch.js';

const A = '02:00:00:00:00:01';
const B = '02:00:00:00:00:02';
const frame = (port: number, src: string, dst: string, more = ''): string =>
  `ip,in_port=${port},dl_src=${src},dl_dst=${dst},nw_src=192.0.2.1,nw_dst=192.0.2.2${more}`;
/** Without the tunnel port that has a fixed remote, which a flood reaches, too. */
const flooded = (actions: string): string => actions.replace(/,set\(tunnel.*?\)\)\),11/, '');

test('an unknown destination is flooded, and the answer is not', () => {
  const paper = new PaperSwitch('actions=NORMAL');
  expect(flooded(paper.actions(frame(1, A, B)))).toBe('2,3,65534');
  expect(paper.actions(frame(2, B, A))).toBe('1');
  expect(paper.actions(frame(1, A, B))).toBe('2');
});

test('a broadcast is always flooded', () => {
  const paper = new PaperSwitch('actions=NORMAL');
  expect(flooded(paper.actions(ARP))).toBe('2,3,65534');
  expect(flooded(paper.actions(ARP))).toBe('2,3,65534');
});

test('an address that moves is followed', () => {
  const paper = new PaperSwitch('actions=NORMAL');
  paper.translate(frame(1, A, B));
  paper.translate(frame(3, A, B));
  expect(paper.actions(frame(2, B, A))).toBe('3');
});

test('a packet for the port that it came from is dropped', () => {
  const paper = new PaperSwitch('actions=NORMAL');
  paper.translate(frame(1, A, B));
  expect(paper.translate(frame(1, B, A)).drop).toEqual({ reason: 'same_port', table: 0 });
});

test('VLANs are apart', () => {
  const paper = new PaperSwitch('actions=NORMAL');
  paper.translate(frame(1, A, B, ',dl_vlan=5'));
  expect(flooded(paper.actions(frame(2, B, A, ',dl_vlan=6')))).toBe('1,3,65534');
  expect(paper.actions(frame(2, B, A, ',dl_vlan=5'))).toBe('1');
});

test('addresses that bridges keep to themselves are not passed on', () => {
  const { translation, actions } = new PaperSwitch('actions=NORMAL').run(frame(1, A, '01:80:c2:00:00:0e'));
  expect(actions).toBe('drop');
  expect(translation.usedNormal).toBe(true);
});

test('nothing is learned when learning is off, nor from a packet of the controller', () => {
  const paper = new PaperSwitch('actions=NORMAL');
  paper.translate(frame(1, A, B), { learn: false });
  expect(paper.offline.mac.size).toBe(0);
  expect(flooded(paper.actions(frame(0xfffd, A, B)))).toBe('1,2,3,65534');
  expect(paper.offline.mac.size).toBe(0);
});

test('what it depends on is looked at', () => {
  const { mask, translation } = new PaperSwitch('actions=NORMAL').run(frame(1, A, B));
  expect(mask).toContain(`dl_src=${A},dl_dst=${B}`);
  expect(translation.usedNormal).toBe(true);
});
