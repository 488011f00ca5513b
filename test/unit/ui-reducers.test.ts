// The page's pure parts: the player's time control, the list of walks, addresses, a frame's bytes with what was
// written.
import { describe, expect, it } from 'vitest';
import type { WalkSummary } from '../../ui/schema/walk.js';
import { bytesAt, bytesOf } from '../../ui/web/parts/hex.js';
import { actionOfKey, play, type Player, SPEEDS, STOPPED } from '../../ui/web/player/player.js';
import { addWalks, byConnection, matches, NO_WALKS } from '../../ui/web/state/walks.js';

const at = (index: number, more: Partial<Player> = {}): Player => ({ ...STOPPED, length: 5, at: index, ...more });

describe('the player', () => {
  it('steps between the first moment and the last, and stops playing when it is stepped', () => {
    expect(play(at(0), { type: 'back' }).at).toBe(0);
    expect(play(at(3, { playing: true }), { type: 'next' })).toMatchObject({ at: 4, playing: false });
    expect(play(at(4), { type: 'next' }).at).toBe(4);
    expect(play(at(2), { type: 'first' }).at).toBe(0);
    expect(play(at(2), { type: 'last' }).at).toBe(4);
    expect(play(at(2), { type: 'go', at: 99 }).at).toBe(4);
  });

  it('plays to the end and stops there; play at the end begins again', () => {
    let player = play(at(0), { type: 'toggle' });
    const seen: number[] = [];
    for (let i = 0; i < 10 && player.playing; i++) seen.push((player = play(player, { type: 'tick' })).at);
    expect(seen).toEqual([1, 2, 3, 4]);
    expect(player.playing).toBe(false);
    expect(play(player, { type: 'toggle' })).toMatchObject({ at: 0, playing: true });
    expect(play(player, { type: 'tick' })).toBe(player);
  });

  it('has nothing to play in a walk of one moment or none', () => {
    expect(play({ ...STOPPED, length: 1 }, { type: 'toggle' }).playing).toBe(false);
    expect(play(STOPPED, { type: 'next' }).at).toBe(0);
  });

  it('changes its speed by steps, within limits', () => {
    expect(play(at(0), { type: 'faster' }).speed).toBe(2);
    expect(play(at(0, { speed: SPEEDS.at(-1) }), { type: 'faster' }).speed).toBe(SPEEDS.at(-1));
    expect(play(at(0, { speed: SPEEDS[0] }), { type: 'slower' }).speed).toBe(SPEEDS[0]);
  });

  it('knows its keys and no others', () => {
    expect([' ', 'ArrowLeft', 'End', '-'].map((key) => actionOfKey(key)?.type)).toEqual([
      'toggle',
      'back',
      'last',
      'slower',
    ]);
    expect(actionOfKey('x')).toBeUndefined();
  });
});

const walk = (id: number, more: Partial<WalkSummary> = {}): WalkSummary => ({
  id,
  connection: 1,
  time: 0,
  proto: 'tcp',
  src: 'frontend:1',
  dst: 'svc/backendsvc:80',
  what: 'ACK',
  nodes: ['worker1'],
  tables: 9,
  took: 1,
  ...more,
});

describe('the list of walks', () => {
  it('holds the last ones and counts the others', () => {
    const list = addWalks(addWalks(NO_WALKS, [walk(1), walk(2)], 0, 3), [walk(3), walk(4)], 7, 3);
    expect(list.walks.map((w) => w.id)).toEqual([2, 3, 4]);
    expect(list.gone).toBe(8);
  });

  it('takes a walk once, in order, though it is told again after a new connection to the server', () => {
    expect(addWalks(addWalks(NO_WALKS, [walk(2)]), [walk(1), walk(2)]).walks.map((w) => w.id)).toEqual([1, 2]);
  });

  it('groups by connection, the one that had a packet last first, each trace by itself', () => {
    const walks = [
      walk(1),
      walk(2, { connection: 2 }),
      walk(3, { dropped: 'worker1 table 10' }),
      walk(4, { connection: 0, simulated: true }),
      walk(5, { connection: 0, simulated: true }),
    ];
    expect(byConnection(walks).map((g) => [g.walks.map((w) => w.id), g.dropped])).toEqual([
      [[5], false],
      [[4], false],
      [[1, 3], true],
      [[2], false],
    ]);
  });

  it('is searched by all words', () => {
    expect(matches(walk(12, { dropped: 'worker1 table 10 SpoofGuard' }), 'dropped spoof #12')).toBe(true);
    expect(matches(walk(12), 'frontend udp')).toBe(false);
  });
});

describe("a frame's bytes", () => {
  it('are made of MACs, addresses and numbers, and of nothing else', () => {
    expect(bytesOf('aa:bb:cc:00:01:02', 6)).toEqual(['aa', 'bb', 'cc', '00', '01', '02']);
    expect(bytesOf('10.222.1.48', 4)).toEqual(['0a', 'de', '01', '30']);
    expect([bytesOf('80', 2), bytesOf('0x20', 1)]).toEqual([['00', '50'], ['20']]);
    expect([bytesOf('syn', 2), bytesOf('10.0.0.1', 2)]).toEqual([undefined, undefined]);
  });

  it('carry what was written, coloured where it differs', () => {
    const frame = {
      size: 4,
      hex: '0a000140',
      headers: [
        { name: 'IPv4', at: 0, size: 4, depth: 0, fields: [{ name: 'nw_dst', value: '10.0.1.64', at: 0, size: 4 }] },
      ],
    };
    const bytes = bytesAt(frame, { nw_dst: '10.0.1.65' }, ['nw_dst'], ['nw_dst']);
    expect(bytes.map((b) => b.hex + b.state)).toEqual(['0a', '00', '01', '41now']);
    expect(bytesAt(frame, { nw_dst: '10.0.1.65' }, [], ['nw_dst'])[3].state).toBe('since');
    expect(bytesAt(frame).map((b) => b.hex)).toEqual(['0a', '00', '01', '40']);
  });
});
