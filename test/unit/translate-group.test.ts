// Groups in the slow path: which buckets a packet goes through, and what is left of it afterwards.
import { describe, expect, test } from 'vitest';
import { fieldByName } from '../../dataplane/key/fields.js';
import type { GroupSpec } from '../../dataplane/openflow/index.js';
import { spec } from '../helpers/flows.js';
import { PaperSwitch, TCP } from '../helpers/paper-switch.js';

type Bucket = Partial<GroupSpec['buckets'][number]> & { do: string };

function groupOf(id: number, type: GroupSpec['type'], buckets: Bucket[], rest: Partial<GroupSpec> = {}): GroupSpec {
  return {
    id,
    type,
    ...rest,
    buckets: buckets.map(({ do: actions, ...bucket }, i) => ({
      id: i,
      weight: 1,
      actions: spec(`actions=${actions}`).actions,
      ...bucket,
    })),
  };
}

function withGroups(groups: GroupSpec[], ...flows: string[]): PaperSwitch {
  const paper = new PaperSwitch();
  paper.offline.tables.groups.load(groups);
  paper.offline.tables.load(flows.map((text) => spec(text)));
  return paper;
}

const HASH = { selection: { method: 'hash' as const, param: 0n, fields: [] } };
const from = (port: number): string => TCP.replace('tcp_src=1000', `tcp_src=${port}`);

describe('all and indirect', () => {
  test('every bucket has its own copy of the packet, and what follows has the packet as it was', () => {
    const buckets = [{ do: 'mod_dl_dst:02:00:00:00:00:0a,output:2' }, { do: 'output:3' }];
    const paper = withGroups([groupOf(1, 'all', buckets)], 'actions=group:1,output:11');
    const set = (mac: string): string => `set(eth(dst=02:00:00:00:00:${mac}))`;
    expect(paper.actions(TCP)).toMatch(`${set('0a')},2,${set('02')},3,`);
  });

  test('a bucket is an action set: one output, and none that sends the packet nowhere', () => {
    const buckets = [{ do: 'output:2,output:3' }, { do: 'mod_dl_dst:02:00:00:00:00:0a' }];
    const paper = withGroups([groupOf(1, 'all', buckets)], 'actions=group:1');
    expect(paper.actions(TCP)).toBe('3');
  });

  test('a bucket goes on in another table, with registers that end with it', () => {
    const paper = withGroups(
      [groupOf(1, 'indirect', [{ do: 'load:5->NXM_NX_REG0[],resubmit(,5)' }])],
      'actions=group:1,resubmit(,5)',
      'table=5,reg0=5 actions=output:2',
      'table=5,reg0=0 actions=output:3',
    );
    expect(paper.actions(TCP)).toBe('2,3');
  });
});

describe('fast_failover', () => {
  const buckets = [
    { do: 'output:2', watchPort: 9 },
    { do: 'output:3', watchGroup: 2 },
    { do: 'IN_PORT', watchPort: 1 },
  ];
  test('the first bucket whose port or group is live', () => {
    const live = groupOf(2, 'fast_failover', [{ do: 'drop', watchPort: 2 }]);
    const dead = groupOf(2, 'fast_failover', [{ do: 'drop', watchPort: 8 }]);
    const first = groupOf(1, 'fast_failover', buckets);
    expect(withGroups([first, live], 'actions=group:1').actions(TCP)).toBe('3');
    expect(withGroups([first, dead], 'actions=group:1').actions(TCP)).toBe('1');
  });

  test('with no live bucket the packet is dropped, and groups that watch each other end', () => {
    const one = groupOf(1, 'fast_failover', [{ do: 'output:2', watchGroup: 2 }]);
    const two = groupOf(2, 'fast_failover', [{ do: 'output:2', watchGroup: 1 }]);
    expect(withGroups([one, two], 'actions=group:1').actions(TCP)).toBe('drop');
  });
});

describe('select', () => {
  const buckets = [{ do: 'output:2' }, { do: 'output:3', weight: 3 }];
  const shares = (paper: PaperSwitch, packets: string[]): number =>
    packets.filter((text) => paper.actions(text) === '3').length / packets.length;
  const connections = Array.from({ length: 800 }, (_, i) => from(1000 + 13 * i));

  test('connections are spread as the weights say', () => {
    const paper = withGroups([groupOf(1, 'select', buckets)], 'actions=group:1');
    expect(shares(paper, connections)).toBeCloseTo(0.75, 1);
  });

  test('packets of one connection go the same way, and the megaflow looks at what was hashed', () => {
    const paper = withGroups([groupOf(1, 'select', buckets)], 'actions=group:1');
    const { actions, mask } = paper.run(TCP);
    expect(paper.actions(TCP.replace('nw_ttl=64', 'nw_ttl=3'))).toBe(actions);
    expect(mask).toContain('nw_src=192.0.2.1,nw_dst=198.51.100.2,nw_frag=no,tp_src=1000,tp_dst=80');
  });

  test('only the named fields are looked at', () => {
    const fields = [{ field: fieldByName('nw_src') }];
    const selection = { method: 'hash' as const, param: 0n, fields };
    const paper = withGroups([groupOf(1, 'select', buckets, { selection })], 'actions=group:1');
    expect(paper.run(TCP).mask).not.toContain('tp_src');
    expect(paper.run(TCP).mask).toContain('nw_src=192.0.2.1');
    expect(new Set(connections.map((text) => paper.actions(text))).size).toBe(1);
  });

  test('when a bucket dies, only its connections move', () => {
    const three = [
      { do: 'output:2', watchPort: 2 },
      { do: 'output:3', watchPort: 3 },
      { do: 'IN_PORT', watchPort: 1 },
    ];
    const paper = withGroups([groupOf(1, 'select', three)], 'actions=group:1');
    const before = connections.map((text) => paper.actions(text));
    paper.offline.tables.groups.modify(groupOf(1, 'select', [three[0], { ...three[1], watchPort: 9 }, three[2]]));
    connections.forEach((text, i) => {
      if (before[i] !== '3') expect(paper.actions(text)).toBe(before[i]);
      else expect(paper.actions(text)).not.toBe('3');
    });
  });

  test('a bucket of weight 0 is never selected, and is dead for the group that watches its group', () => {
    const weightless = groupOf(2, 'select', [{ do: 'output:2', weight: 0 }], HASH);
    expect(withGroups([weightless], 'actions=group:2').actions(TCP)).toBe('drop');
    const watching = groupOf(1, 'fast_failover', [
      { do: 'output:2', watchGroup: 2 },
      { do: 'output:3', watchPort: 3 },
    ]);
    expect(withGroups([watching, weightless], 'actions=group:1').actions(TCP)).toBe('3');
  });

  test('the symmetric hash sends both directions the same way', () => {
    const paper = withGroups([groupOf(1, 'select', buckets, HASH)], 'actions=group:1');
    const back =
      'tcp,in_port=1,dl_src=02:00:00:00:00:02,dl_dst=02:00:00:00:00:01,' +
      'nw_src=198.51.100.2,nw_dst=192.0.2.1,nw_ttl=64,tcp_src=80,tcp_dst=';
    for (let i = 0; i < 50; i++) expect(paper.actions(`${back}${1000 + i}`)).toBe(paper.actions(from(1000 + i)));
  });
});

test('a group that sends to itself is given up', () => {
  const paper = withGroups([groupOf(7, 'all', [{ do: 'output:2' }])], 'actions=group:7');
  paper.offline.tables.groups.modify(groupOf(7, 'all', [{ do: 'group:7' }]));
  expect(paper.translate(TCP)).toMatchObject({ error: 'Recursion too deep' });
});

test('packets are counted by the group and the buckets that they went through', () => {
  const buckets = [{ do: 'output:2', watchPort: 2 }, { do: 'output:3' }];
  const paper = withGroups([groupOf(1, 'fast_failover', buckets)], 'actions=group:1');
  for (const counter of paper.translate(TCP).credited) counter.credit(3, 300, 0, 0);
  const group = paper.offline.tables.groups.get(1)!;
  expect([group.packets, ...group.buckets.map((b) => b.packets)]).toEqual([3, 3, 0]);
});

test('the trace tells the buckets', () => {
  const buckets = [
    { do: 'output:2', watchPort: 9 },
    { do: 'output:3', watchPort: 3 },
  ];
  const paper = withGroups([groupOf(4, 'fast_failover', buckets)], 'actions=group:4');
  expect(paper.traceText(TCP)).toContain(
    [
      '    group:4',
      '     -> bucket 0: not live due to port 9',
      '     -> using bucket 1',
      '    bucket 1',
      '            output:3',
      '',
    ].join('\n'),
  );
});
