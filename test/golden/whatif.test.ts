// The ready experiments of `packetwalk whatif`, with their known answers: which packet first differs, on which node, in
// which table, and what the application sees. And the language of changes.
import { beforeAll, describe, expect, it } from 'vitest';
import { packageFile } from '../../dataplane/root.js';
import { loadTopology, resolveLab } from '../../lab/index.js';
import { type Blueprint, blueprintOf } from '../../lab/paper/make.js';
import { loadWalks } from '../../lab/walk/expected.js';
import { applyChanges } from '../../lab/whatif/change.js';
import { compare, type Comparison } from '../../lab/whatif/compare.js';
import { EXPERIMENTS } from '../../lab/whatif/experiments.js';
import { type Replay, replay, replayOfNames, replayOfRecord, replayOfWalk } from '../../lab/whatif/replay.js';
import { tellComparison } from '../../lab/whatif/tell.js';

const lab = resolveLab(loadTopology());
const walks = loadWalks(packageFile('lab', 'article', 'walks.yaml'));
let blueprint: Blueprint;

beforeAll(() => {
  blueprint = blueprintOf(lab);
});

const walkReplay = (id: string): Replay =>
  replayOfWalk(
    lab,
    walks.find((w) => w.id === id)!,
  );

function whatif(change: string, what: Replay): Comparison {
  return compare(replay({ blueprint, mtu: {} }, what), replay(applyChanges(blueprint, change), what));
}

const answer = ({ same, divergence, outcomes }: Comparison) => ({
  same: same.join(' '),
  where: divergence && [divergence.what, divergence.node, divergence.table],
  ok: outcomes.after.ok,
  sees: outcomes.after.application,
});

describe('the experiments', () => {
  const NEVER_ASKED =
    'frontend gets the SYN-ACK from 10.222.1.47:80, whom it never asked (it asked 10.104.65.133): its kernel answers with a reset, and the connection never opens';
  const known: Record<string, ReturnType<typeof answer>> = {
    'mac-rewrite': { same: 'SYN', where: ['SYN-ACK', 'worker1', 31], ok: false, sees: NEVER_ASKED },
    mark: { same: '', where: ['SYN', 'worker1', 105], ok: false, sees: NEVER_ASKED },
    priorities: {
      same: 'SYN SYN-ACK',
      where: ['third packet', 'worker1', 31],
      ok: false,
      sees: "frontend believes to be connected, but nothing that it sends arrives: worker1's switch dropped it in table 110; the request hangs",
    },
    mtu: {
      same: 'SYN SYN-ACK third packet request',
      where: ['answer', 'worker2', undefined],
      ok: false,
      sees: "frontend connects and asks, but an answer that fills a frame never arrives: 1500 bytes with the tunnel's headers do not fit through worker2's ens160, whose MTU is 1400; small answers do, large ones hang",
    },
    'dec-ttl': { same: '', where: ['SYN', 'worker1', 70], ok: true, sees: 'frontend gets its answer from backend2' },
    policy: {
      same: '',
      where: ['SYN', 'worker1', 50],
      ok: false,
      sees: "frontend hears nothing: worker1's switch dropped it in table 60; it times out",
    },
    arp: {
      same: '',
      where: ['SYN', 'worker1', undefined],
      ok: false,
      sees: "frontend hears nothing: nobody answered worker1's ARP question for 10.222.2.1; it times out",
    },
  };

  it.each(EXPERIMENTS.map((e) => e.name))('%s has its known answer', (name) => {
    const { change, walk } = EXPERIMENTS.find((e) => e.name === name)!;
    const comparison = whatif(change, walkReplay(walk));
    expect(answer(comparison)).toEqual(known[name]);
    expect(comparison.outcomes.before.ok).toBe(true);
  });

  it('are seven, and each has an answer here', () => {
    expect(EXPERIMENTS.map((e) => e.name).sort()).toEqual(Object.keys(known).sort());
  });

  it('leave the blueprint as it was', () => {
    const before = JSON.stringify([...blueprint.content]);
    applyChanges(blueprint, 'del table=31; nat del KUBE-MARK-MASQ');
    expect(JSON.stringify([...blueprint.content])).toBe(before);
    expect(
      compare(replay({ blueprint, mtu: {} }, walkReplay('F')), replay({ blueprint, mtu: {} }, walkReplay('F')))
        .divergence,
    ).toBeUndefined();
  });
});

describe('changes', () => {
  it('take the source translation of a node port away: the answer takes another way home', () => {
    const { outcomes, divergence } = whatif('nat del KUBE-MARK-MASQ', walkReplay('F'));
    expect(divergence).toMatchObject({
      what: 'SYN',
      node: 'worker2',
      text: expect.stringMatching(/^the kernel translates DNAT .*, not DNAT .*, SNAT /) as string,
    });
    expect(outcomes.after.ok).toBe(false);
    expect(outcomes.after.application).toMatch(/whom it never asked|is lost/);
  });

  it('add and modify flows', () => {
    const what = replayOfNames(lab, 'frontend', 'backend2:80');
    expect(answer(whatif('worker1: add table=50,priority=220,ip,nw_dst=10.222.2.34 actions=drop', what))).toMatchObject(
      { where: ['SYN', 'worker1', 50], ok: false },
    );
    expect(answer(whatif('mod table=110,priority=200 actions=drop', what))).toMatchObject({
      where: ['SYN', 'worker1', 110],
      ok: false,
    });
  });

  it('ask for a neighbour in walk D', () => {
    const { outcomes } = whatif('del table=20,priority=200', walkReplay('D'));
    expect([outcomes.before.application, outcomes.after.application]).toEqual([
      'worker1 learns that 10.222.2.1 is at aa:bb:cc:dd:ee:ff',
      'worker1 hears nothing: nobody has 10.222.2.1',
    ]);
  });

  it.each([
    ['', /expected a change/],
    ['explode table=1', /expected 'del MATCH'/],
    ['del table=32', /changes nothing/],
    ['nobody: del table=31', /expected a node \(master, worker1, worker2\)/],
    ['swap 200 table=31', /expected 'swap PRIORITY/],
    ['mtu ens160', /expected 'mtu DEVICE BYTES'/],
    ['del table=31,nonsense=1', /nonsense/],
  ])('refuse %s', (text, message) => {
    expect(() => applyChanges(blueprint, text)).toThrow(message);
  });
});

describe('replaying', () => {
  it('takes the connection and the choice from what watch --json recorded', () => {
    const line = JSON.stringify({
      connection: 1,
      proto: 'tcp',
      src: '10.222.1.48',
      dst: '10.104.65.133',
      sport: 35200,
      dport: 80,
      packet: 'SYN',
      stages: [{ kind: 'host', changes: [{ what: 'DNAT', to: '10.222.2.34:80' }] }],
    });
    const what = replayOfRecord(lab, `${line}\n{"totals":{}}\n`, 'watched.json');
    expect(answer(whatif('strip dec_ttl table=70', what)).sees).toBe('frontend gets its answer from backend2');
    expect(() => replayOfRecord(lab, '{"totals":{}}', 'watched.json')).toThrow(
      /expected lines of packetwalk watch --json/,
    );
  });
});

describe('telling', () => {
  it('says what stayed the same, what differs where, and what the application sees', () => {
    const text = tellComparison(whatif('del table=31,priority=200', walkReplay('B')));
    expect(text.replace(/\u001b\[\d+m/g, '').split('\n')).toEqual([
      'same     SYN',
      'differs  SYN-ACK on worker1 in table 31',
      '  before 200 ct_state=-new+trk,ct_mark=0x20,ip -> load:0x4e9908c153be->NXM_OF_ETH_DST[],resubmit(,40)',
      '  after  0 * -> resubmit(,40)',
      '  before tables 0 10 30 31 40 50 70 80 90 105 110 > antrea-gw0',
      '  after  tables 0 10 30 31 40 50 70 80 90 105 110 > frontend-a3ba2f',
      'before   frontend gets its answer from backend1',
      expect.stringContaining('after    frontend gets the SYN-ACK from 10.222.1.47:80'),
    ]);
  });
});
