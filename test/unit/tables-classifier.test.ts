// The classifier: which flow a packet matches, and which bits had to be looked at to know.
import { describe, expect, test } from 'vitest';
import { formatFlow } from '../../dataplane/openflow/index.js';
import { type Flow, newFlow } from '../../dataplane/key/flow.js';
import { type Classifier, type FlowEntry, TupleSpace } from '../../dataplane/tables/index.js';
import { entry, packet } from '../helpers/flows.js';
import { LinearClassifier } from '../helpers/linear-classifier.js';
import { Random } from '../helpers/random.js';

const KINDS: [string, () => Classifier][] = [
  ['tuple space', () => new TupleSpace()],
  ['linear reference', () => new LinearClassifier()],
];

function filled(make: () => Classifier, ...flows: string[]): { classifier: Classifier; entries: FlowEntry[] } {
  const classifier = make();
  const entries = flows.map(entry);
  for (const e of entries) classifier.insert(e);
  return { classifier, entries };
}

const HTTP = 'in_port=1,tcp,dl_src=02:00:00:00:00:01,nw_src=192.0.2.1,nw_dst=198.51.100.7,tcp_src=40000,tcp_dst=80';

describe.each(KINDS)('%s', (_name, make) => {
  test('the flow with the highest priority wins', () => {
    const { classifier, entries } = filled(
      make,
      'priority=1,ip actions=1',
      'priority=3,tcp actions=2',
      'priority=2 actions=3',
    );
    expect(classifier.lookup(packet(HTTP), newFlow()).entry).toBe(entries[1]);
    expect(classifier.lookup(packet('in_port=1,arp'), newFlow()).entry).toBe(entries[2]);
  });

  test('a packet that no flow matches has no entry', () => {
    const { classifier } = filled(make, 'priority=1,udp actions=1');
    expect(classifier.lookup(packet(HTTP), newFlow())).toEqual({});
    expect(make().lookup(packet(HTTP), newFlow())).toEqual({});
  });

  test('a removed flow is found no more, and the one under it is', () => {
    const { classifier, entries } = filled(make, 'priority=1,ip actions=1', 'priority=2,ip actions=2');
    classifier.remove(entries[1]);
    expect(classifier.lookup(packet(HTTP), newFlow()).entry).toBe(entries[0]);
    classifier.remove(entries[0]);
    expect(classifier.lookup(packet(HTTP), newFlow())).toEqual({});
    expect(classifier.size).toBe(0);
  });

  test('find wants the same match and priority', () => {
    const { classifier, entries } = filled(
      make,
      'priority=5,tcp,tp_dst=80 actions=1',
      'priority=6,tcp,tp_dst=80 actions=2',
    );
    const { value, mask } = entries[0];
    expect(classifier.find(value, mask, 5)).toBe(entries[0]);
    expect(classifier.find(value, mask, 6)).toBe(entries[1]);
    expect(classifier.find(value, mask, 7)).toBeUndefined();
    expect(classifier.find(newFlow(), newFlow(), 5)).toBeUndefined();
  });

  describe('conjunctive match', () => {
    const CLAUSES = [
      'priority=10,ip,nw_src=192.0.2.0/24 actions=conjunction(7,1/3)',
      'priority=10,ip,nw_dst=198.51.100.0/24 actions=conjunction(7,2/3),conjunction(8,1/2)',
      'priority=10,tcp,tp_dst=80 actions=conjunction(7,3/3)',
    ];

    test('needs a flow of every clause', () => {
      const { classifier, entries } = filled(
        make,
        ...CLAUSES,
        'priority=10,conj_id=7,ip actions=1',
        'priority=0 actions=2',
      );
      const found = classifier.lookup(packet(HTTP), newFlow());
      expect(found.entry).toBe(entries[3]);
      expect(found.conjunction?.id).toBe(7);
      expect(new Set(found.conjunction?.clauses)).toEqual(new Set(entries.slice(0, 3)));
      expect(classifier.lookup(packet(HTTP.replace('tcp_dst=80', 'tcp_dst=81')), newFlow()).entry).toBe(entries[4]);
    });

    test('its conj_id flow may have a lower priority than the clauses', () => {
      const { classifier, entries } = filled(
        make,
        ...CLAUSES,
        'priority=1,conj_id=7,ip actions=1',
        'priority=0,ip actions=2',
      );
      expect(classifier.lookup(packet(HTTP), newFlow()).entry).toBe(entries[3]);
    });

    test('loses to an ordinary flow of its own or a higher priority', () => {
      const { classifier, entries } = filled(
        make,
        ...CLAUSES,
        'priority=20,conj_id=7,ip actions=1',
        'priority=10,tcp actions=2',
      );
      expect(classifier.lookup(packet(HTTP), newFlow()).entry).toBe(entries[4]);
    });

    test('without its conj_id flow is no match, and lower flows get their turn', () => {
      const { classifier, entries } = filled(make, ...CLAUSES, 'priority=5,tcp actions=1');
      expect(classifier.lookup(packet(HTTP), newFlow()).entry).toBe(entries[3]);
    });

    test('does not mix clauses of different priorities', () => {
      const { classifier } = filled(
        make,
        'priority=10,ip,nw_src=192.0.2.0/24 actions=conjunction(7,1/2)',
        'priority=11,tcp,tp_dst=80 actions=conjunction(7,2/2)',
        'priority=10,conj_id=7,ip actions=1',
      );
      expect(classifier.lookup(packet(HTTP), newFlow())).toEqual({});
    });

    test('is tried again with the clauses of a lower priority', () => {
      const { classifier, entries } = filled(
        make,
        'priority=20,ip,nw_src=192.0.2.0/24 actions=conjunction(3,1/2)',
        'priority=10,ip,nw_src=192.0.2.0/24 actions=conjunction(4,1/2)',
        'priority=10,tcp,tp_dst=80 actions=conjunction(4,2/2)',
        'priority=1,conj_id=4,ip actions=1',
        'priority=1,conj_id=3,ip actions=2',
      );
      expect(classifier.lookup(packet(HTTP), newFlow()).entry).toBe(entries[3]);
    });

    test('under a clause that leads nowhere, an ordinary flow with the same match is found', () => {
      const { classifier, entries } = filled(
        make,
        'priority=20,ip,nw_src=192.0.2.0/24 actions=conjunction(3,1/2)',
        'priority=10,ip,nw_src=192.0.2.0/24 actions=1',
        'priority=5,ip actions=2',
      );
      expect(classifier.lookup(packet(HTTP), newFlow()).entry).toBe(entries[1]);
    });

    test('leaves conj_id of the packet as it was', () => {
      const { classifier } = filled(make, ...CLAUSES, 'priority=10,conj_id=7,ip actions=1');
      const flow = packet(HTTP);
      classifier.lookup(flow, newFlow());
      expect(flow).toEqual(packet(HTTP));
    });
  });
});

describe('what a lookup looks at', () => {
  const lookedAt = (flows: string[], text: string): string => {
    const { classifier } = filled(() => new TupleSpace(), ...flows);
    const mask = newFlow();
    const flow = packet(text);
    classifier.lookup(flow, mask);
    return formatFlow(flow, mask).replace('recirc_id=0,eth,', '');
  };

  test('nothing, when every packet matches', () => {
    expect(lookedAt(['actions=1'], HTTP)).toBe('recirc_id=0,eth');
  });

  test('not the flows below the one found', () => {
    expect(lookedAt(['priority=2,ip actions=1', 'priority=1,ip,nw_src=192.0.2.1 actions=2'], HTTP)).toBe('ip');
  });

  test('not the ports, when the addresses rule out already', () => {
    expect(lookedAt(['tcp,nw_src=203.0.113.1,tp_dst=80 actions=1'], HTTP)).not.toContain('tp_dst');
  });

  test('of an address, the leading bits that tell it from all prefixes', () => {
    expect(lookedAt(['ip,nw_dst=10.0.0.0/8 actions=1', 'ip,nw_dst=192.0.2.0/24 actions=2'], HTTP)).toBe(
      'ip,nw_dst=196.0.0.0/6',
    );
  });

  test('of the ports, the leading bits that tell them from all that are matched', () => {
    expect(lookedAt(['tcp,tp_dst=53 actions=1', 'tcp,tp_dst=443 actions=2'], HTTP)).toBe('tcp,tp_dst=0x40/0xffc0');
  });
});

// --- random flows ----------------------------------------------------------------------------------------------

const ADDRESSES = ['192.0.2.1', '192.0.2.9', '198.51.100.7', '203.0.113.250'];
const PORTS = [1, 80, 81, 443];
const MACS = ['02:00:00:00:00:01', '02:00:00:00:00:02'];

function randomMatch(r: Random): string {
  const terms: string[] = [];
  const protocol = r.pick(['', 'ip', 'tcp', 'udp', 'arp', 'icmp']);
  if (protocol) terms.push(protocol);
  const prefix = (): string => `${r.pick(ADDRESSES)}/${r.pick([32, 32, 24, 28, 8, 1])}`;
  if (r.chance(3)) terms.push(`in_port=${1 + r.below(3)}`);
  if (r.chance(4)) terms.push(`dl_src=${r.pick(MACS)}`);
  if (r.chance(4)) terms.push(`reg1=0x${r.below(4).toString(16)}/0x${(1 + r.below(7)).toString(16)}`);
  if (['ip', 'tcp', 'udp', 'icmp'].includes(protocol)) {
    if (r.chance(2)) terms.push(`nw_src=${prefix()}`);
    if (r.chance(2)) terms.push(`nw_dst=${prefix()}`);
    if (r.chance(5)) terms.push('ct_state=+trk-new');
  }
  if (protocol === 'tcp' || protocol === 'udp') {
    if (r.chance(2)) terms.push(r.chance(3) ? 'tp_dst=0x50/0xfff0' : `tp_dst=${r.pick(PORTS)}`);
    if (r.chance(5)) terms.push(`tp_src=${r.pick(PORTS)}`);
  }
  if (protocol === 'icmp' && r.chance(2)) terms.push(`icmp_type=${r.below(3)}`);
  if (protocol === 'arp') {
    if (r.chance(2)) terms.push(`arp_spa=${prefix()}`);
    if (r.chance(2)) terms.push(`arp_sha=${r.pick(MACS)}`);
  }
  return terms.join(',');
}

function randomPacket(r: Random): Flow {
  const protocol = r.pick(['tcp', 'udp', 'arp', 'icmp']);
  const terms = [protocol, `in_port=${1 + r.below(3)}`, `dl_src=${r.pick(MACS)}`, `reg1=${r.below(8)}`];
  if (protocol === 'arp') terms.push(`arp_spa=${r.pick(ADDRESSES)}`, `arp_sha=${r.pick(MACS)}`);
  else
    terms.push(
      `nw_src=${r.pick(ADDRESSES)}`,
      `nw_dst=${r.pick(ADDRESSES)}`,
      `ct_state=${r.pick(['0', 'trk', 'trk|new'])}`,
    );
  if (protocol === 'icmp') terms.push(`icmp_type=${r.below(4)}`);
  if (protocol === 'tcp' || protocol === 'udp')
    terms.push(`${protocol}_src=${r.pick(PORTS)}`, `${protocol}_dst=${r.pick(PORTS)}`);
  return packet(terms.join(','));
}

/** Ordinary flows have a priority each, so that there is one answer; clauses of one conjunction share theirs. */
function randomFlows(r: Random, count: number): string[] {
  const flows = new Map<string, string>();
  for (let i = 0; i < count; i++) {
    const match = randomMatch(r);
    if (r.chance(3)) {
      const id = 1 + r.below(3);
      const clause = 1 + r.below(2);
      const text = `priority=${100 + 10 * id},${match} actions=conjunction(${id},${clause}/2)`;
      flows.set(`${id} ${match}`, text.replace(',  actions', ' actions'));
      if (r.chance(2)) flows.set(`conj ${id}`, `priority=${r.below(200)},conj_id=${id} actions=${id}`);
    } else flows.set(`${i}`, `priority=${1000 - 7 * i + r.below(3)},${match} actions=1`);
  }
  return [...flows.values()].map((text) => text.replace(', actions', ' actions'));
}

describe('random flows', () => {
  test('the tuple space finds what the reference finds, also after removals', () => {
    const r = new Random();
    for (let round = 0; round < 30; round++) {
      const flows = randomFlows(r, 40);
      const { classifier, entries } = filled(() => new TupleSpace(), ...flows);
      const reference = new LinearClassifier();
      for (const e of entries) reference.insert(e);
      for (let step = 0; step < 30; step++) {
        if (step === 20) {
          for (const e of entries.filter(() => r.chance(2))) {
            classifier.remove(e);
            reference.remove(e);
          }
        }
        const flow = randomPacket(r);
        const got = classifier.lookup(flow, newFlow());
        const expected = reference.lookup(flow, newFlow());
        expect(got.entry).toBe(expected.entry);
        expect(got.conjunction?.id).toBe(expected.conjunction?.id);
      }
      expect([...classifier].length).toBe(reference.size);
    }
  });

  test('a packet that differs only in bits not looked at finds the same flow', () => {
    const r = new Random();
    for (let round = 0; round < 30; round++) {
      const { classifier } = filled(() => new TupleSpace(), ...randomFlows(r, 40));
      for (let step = 0; step < 12; step++) {
        const flow = randomPacket(r);
        const mask = newFlow();
        const found = classifier.lookup(flow, mask);
        // Whether a packet has the fields that its dl_type says is looked at by whoever translates it.
        mask.fill(0xff, 100, 102);
        for (let variant = 0; variant < 40; variant++) {
          const other = randomPacket(r);
          for (let i = 0; i < flow.length; i++) other[i] = (flow[i] & mask[i]) | (other[i] & ~mask[i]);
          expect(classifier.lookup(other, newFlow()).entry).toBe(found.entry);
        }
      }
    }
  });
});
