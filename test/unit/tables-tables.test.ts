// The flow tables and the commands that change them.
import { describe, expect, test } from 'vitest';
import { InputError, UnsupportedError } from '../../dataplane/errors.js';
import { fieldByName } from '../../dataplane/key/fields.js';
import { newFlow } from '../../dataplane/key/flow.js';
import { formatMatch, parseMatch, printFlow } from '../../dataplane/openflow/index.js';
import { type FlowEntry, Tables, type TablesChange } from '../../dataplane/tables/index.js';
import { packet, spec } from '../helpers/flows.js';

function tablesOf(...flows: string[]): Tables {
  const tables = new Tables();
  tables.load(flows.map((text) => spec(text)));
  return tables;
}

const dumpOne = (e: FlowEntry): string => formatMatch(e.spec.match);
const dump = (tables: Tables): string[] => tables.entries().map((e) => printFlow(e.spec).trim());

function watch(tables: Tables): TablesChange[] {
  const changes: TablesChange[] = [];
  tables.onChange((change) => changes.push(change));
  return changes;
}

describe('adding', () => {
  test('a flow with the same table, match and priority is replaced, and its counters start again', () => {
    const tables = tablesOf('table=3,priority=7,tcp actions=1');
    tables.entries()[0].credit(5, 500, 1);
    const changes = watch(tables);
    const added = tables.add(spec('table=3,priority=7,tcp actions=2'));
    expect(dump(tables)).toEqual(['table=3, priority=7,tcp actions=output:2']);
    expect([added.packets, added.bytes]).toEqual([0, 0]);
    expect(changes).toHaveLength(1);
    expect(changes[0].removed).toHaveLength(1);
  });

  test('another priority, match or table makes another flow', () => {
    const tables = tablesOf(
      'tcp actions=1',
      'priority=1,tcp actions=1',
      'tcp,tp_dst=1 actions=1',
      'table=1,tcp actions=1',
    );
    expect(tables.size).toBe(4);
  });

  test('a set with one flow that cannot be is refused whole', () => {
    const tables = tablesOf('actions=1');
    const { generation } = tables;
    expect(() => tables.load([spec('tcp actions=1'), spec('udp actions=set_queue:4')])).toThrow(UnsupportedError);
    expect(() => tables.load([spec('tcp actions=1'), { ...spec('udp actions=1'), table: 255 }])).toThrow(InputError);
    expect(dump(tables)).toEqual(['actions=output:1']);
    expect(tables.generation).toBe(generation);
  });

  test('what is not supported is refused by name, inside of other actions, too', () => {
    expect(() => tablesOf('actions=clone(set_queue:1)')).toThrow('set_queue (queues) is not supported');
  });

  test('meter:4 needs the meter', () => {
    expect(() => new Tables().add(spec('actions=meter:4,output:1'))).toThrow(
      'expected a meter that exists, got meter:4',
    );
  });

  test.each(['group:4', 'clone(group:4)', 'write_actions(group:4)'])('%s needs the group', (actions) => {
    const tables = new Tables();
    const flow = spec(`actions=${actions}`);
    expect(() => tables.add(flow)).toThrow('expected a group that exists, got group:4');
    tables.groups.add({ id: 4, type: 'all', buckets: [] });
    tables.add(flow);
    expect(tables.delete({ outGroup: 3 })).toEqual([]);
    expect(tables.groups.delete(4)).toBe(1);
    expect(tables.size).toBe(0);
  });

  test('replaceAll puts one set in the place of another in one change', () => {
    const tables = tablesOf('tcp actions=1', 'udp actions=2');
    const changes = watch(tables);
    tables.replaceAll([spec('ip actions=3')]);
    expect(dump(tables)).toEqual(['ip actions=output:3']);
    expect(changes.map((c) => [c.added.length, c.removed.length])).toEqual([[1, 2]]);
  });
});

describe('modifying', () => {
  test('changes the actions of every narrower flow, and keeps counters and times', () => {
    const tables = tablesOf('tcp,tp_dst=80 actions=1', 'tcp,tp_dst=81 actions=1', 'udp actions=1');
    const old = tables.entries();
    for (const e of old) e.credit(3, 300, e.createdMs + 5);
    const modified = tables.modify(spec('tcp actions=9'));
    expect(modified.map((e) => e.packets)).toEqual([3, 3]);
    expect(dump(tables).sort()).toEqual([
      'tcp,tp_dst=80 actions=output:9',
      'tcp,tp_dst=81 actions=output:9',
      'udp actions=output:1',
    ]);
    expect(old[0].actions).toEqual([{ type: 'output', port: 1 }]);
  });

  test('strictly, changes only the flow with this match and priority', () => {
    const tables = tablesOf('priority=1,tcp actions=1', 'priority=2,tcp actions=1');
    tables.modify(spec('priority=2,tcp actions=9'), { strict: true });
    expect(dump(tables)).toEqual(['priority=2,tcp actions=output:9', 'priority=1,tcp actions=output:1']);
  });

  test('adds the flow when there is none', () => {
    const tables = tablesOf('udp actions=1');
    tables.modify(spec('tcp actions=9'));
    expect(tables.size).toBe(2);
  });
});

describe('deleting', () => {
  const FLOWS = [
    'cookie=0x10001,table=1,tcp,tp_dst=80 actions=1',
    'cookie=0x10002,table=1,tcp actions=2',
    'cookie=0x20001,table=2,udp actions=clone(output:1),3',
  ];
  const remaining = (filter: string, strict = false): string[] => {
    const tables = tablesOf(...FLOWS);
    tables.delete(parseMatch(filter), strict);
    return tables.entries().map((e) => `0x${e.cookie.toString(16)}`);
  };

  test('without a filter takes all', () => expect(remaining('')).toEqual([]));
  test('by table', () => expect(remaining('table=1')).toEqual(['0x20001']));
  test('by match takes the narrower ones', () => expect(remaining('tcp')).toEqual(['0x20001']));
  test('strictly takes the very same match', () =>
    expect(remaining('table=1,tcp', true)).toEqual(['0x10001', '0x20001']));
  test('strictly takes the flow of the priority that is said, and without one that of the default', () => {
    const left = (filter: string): number[] => {
      const tables = tablesOf('priority=7,tcp actions=1', 'tcp actions=2');
      tables.delete(parseMatch(filter, { strict: true }), true);
      return tables.entries().map((e) => e.priority);
    };
    expect(left('priority=7,tcp')).toEqual([32768]);
    expect(left('tcp')).toEqual([7]);
    expect(left('priority=8,tcp')).toEqual([32768, 7]);
  });
  test('by masked cookie', () => expect(remaining('cookie=0x10000/0xf0000')).toEqual(['0x20001']));
  test('by output port', () => expect(remaining('out_port=1')).toEqual(['0x10002']));
});

describe('what a flow may ask for', () => {
  test('check_overlap refuses a flow when a packet might match another of its priority', () => {
    const tables = tablesOf('priority=5,tcp,nw_src=192.0.2.1 actions=1');
    expect(() => tables.add(spec('priority=5,tcp,tp_dst=80,check_overlap actions=2'))).toThrow('(check_overlap)');
    tables.add(spec('priority=6,tcp,tp_dst=80,check_overlap actions=2'));
    tables.add(spec('priority=5,tcp,nw_src=192.0.2.2,check_overlap actions=2'));
    tables.add(spec('priority=5,tcp,nw_src=192.0.2.1,check_overlap actions=2'));
    expect(tables.size).toBe(3);
  });

  test('counts go on in OpenFlow 1.5 unless the flow says reset_counts, also those that come late', () => {
    const tables = tablesOf('tcp actions=1');
    const [first] = tables.entries();
    first.credit(5, 500, 1);
    const second = tables.add(spec('tcp actions=2'), { modern: true });
    first.credit(1, 100, 1);
    expect([second.packets, second.bytes]).toEqual([6, 600]);
    expect(tables.add(spec('reset_counts,tcp actions=3'), { modern: true }).packets).toBe(0);
  });

  test('a full table refuses a flow, or evicts the least important of the largest group that would end soonest', () => {
    const tables = new Tables(() => 1000);
    tables.configure({ maxFlows: 3 }, 2);
    const add = (text: string): number => tables.load([spec(`table=2,${text} actions=drop`)]).length;
    for (const n of [1, 2, 3]) add(`in_port=1,tcp,tp_dst=${n},idle_timeout=${10 * n}`);
    expect(() => add('in_port=1,tcp,tp_dst=4')).toThrow('expected room for a flow, but table 2 has its 3 already');
    add('in_port=1,tcp,tp_dst=3,idle_timeout=5');
    const inPort = { field: fieldByName('in_port'), start: 0, count: 32 };
    tables.configure({ overflow: 'evict', evictionFields: [inPort] }, 2);
    const changes = watch(tables);
    add('in_port=2,tcp,tp_dst=9,idle_timeout=1');
    expect([...changes[0].reasons].map(([e, reason]) => [dumpOne(e), reason])).toEqual([
      ['tcp,in_port=1,tp_dst=3', 'eviction'],
    ]);
    add('in_port=1,tcp,tp_dst=5,importance=9,hard_timeout=1');
    expect(dump(tables).some((line) => line.includes('tp_dst=1 '))).toBe(false);
    tables.configure({ maxFlows: 1 });
    expect(tables.entries({ table: 2 })).toHaveLength(3);
    tables.configure({ maxFlows: 1 }, 2);
    expect(tables.entries({ table: 2 })).toHaveLength(1);
  });

  test('flows without a timeout are never evicted', () => {
    const tables = new Tables();
    tables.configure({ maxFlows: 1, overflow: 'evict' });
    tables.add(spec('tcp actions=1'));
    expect(() => tables.add(spec('udp actions=1'))).toThrow('table 0 has its 1 already');
  });
});

test('one change of many steps is told once, and taken back whole when a step is refused', () => {
  const tables = tablesOf('tcp actions=1', 'udp actions=1');
  const before = dump(tables).sort();
  const changes = watch(tables);
  const steps = (): void => {
    tables.groups.add({ id: 7, type: 'all', buckets: [] });
    tables.add(spec('tcp actions=group:7'));
    tables.delete({ match: spec('udp actions=1').match });
    tables.add(spec('tcp actions=2'));
    tables.add(spec('arp actions=2'));
    tables.delete({ match: spec('arp actions=2').match });
  };
  expect(() =>
    tables.change(() => {
      steps();
      tables.add(spec('arp actions=group:8'));
    }),
  ).toThrow('got group:8');
  expect(dump(tables).sort()).toEqual(before);
  expect([...tables.groups]).toEqual([]);
  expect(changes).toEqual([]);
  const { staged } = tables.stage(steps);
  staged.undo();
  expect(dump(tables).sort()).toEqual(before);
  staged.redo();
  tables.publish(staged);
  expect(dump(tables)).toEqual(['tcp actions=output:2']);
  expect(changes).toHaveLength(1);
  const [{ added, removed, replaced, reasons, groups }] = changes;
  expect([added.length, removed.length, replaced.size, reasons.size, groups]).toEqual([1, 2, 1, 1, [7]]);
});

test('timeouts: an idle flow goes after its idle time, any flow after its hard time', () => {
  let now = 1000;
  const tables = new Tables(() => now);
  tables.load([spec('idle_timeout=10,tcp actions=1'), spec('hard_timeout=20,udp actions=1'), spec('arp actions=1')]);
  now += 9_999;
  tables
    .entries()
    .find((e) => e.spec.idleTimeout)
    ?.credit(1, 60, now);
  expect(tables.expire()).toEqual([]);
  now += 10_001;
  expect(tables.expire().map((e) => printFlow(e.spec).trim())).toEqual([
    'idle_timeout=10, tcp actions=output:1',
    'hard_timeout=20, udp actions=output:1',
  ]);
  expect(tables.size).toBe(1);
});

test('every change counts, and no change does not', () => {
  const tables = tablesOf('actions=1');
  const changes = watch(tables);
  const before = tables.generation;
  tables.delete(parseMatch('udp'));
  expect(tables.generation).toBe(before);
  tables.delete(parseMatch(''));
  expect(tables.generation).toBe(before + 1);
  expect(changes).toHaveLength(1);
});

test('a table without flows matches nothing', () => {
  expect(new Tables().lookup(7, packet('tcp,in_port=1'), newFlow())).toEqual({});
});

test('entries come by table, within it by falling priority', () => {
  const tables = tablesOf(
    'table=2,priority=1 actions=1',
    'table=1,priority=1 actions=1',
    'table=2,priority=9 actions=1',
  );
  expect(tables.entries().map((e) => `${e.table}/${e.priority}`)).toEqual(['1/1', '2/9', '2/1']);
  expect(tables.entries({ table: 2 }).map((e) => e.priority)).toEqual([9, 1]);
});
