// learn() in the slow path: which flow a packet teaches, and when that one is refreshed, refused or forgotten.
import { describe, expect, test } from 'vitest';
import { printFlow } from '../../dataplane/openflow/index.js';
import { Tables } from '../../dataplane/tables/index.js';
import { spec } from '../helpers/flows.js';
import { PaperSwitch, TCP } from '../helpers/paper-switch.js';

const dump = ({ offline }: PaperSwitch, table: number): string[] =>
  offline.tables.entries({ table }).map((entry) => printFlow(entry.spec).trim());
const from = (port: number): string => TCP.replace('tcp_src=1000', `tcp_src=${port}`);

const LEARN =
  'tcp actions=load:0x7->NXM_NX_REG4[],learn(table=7,idle_timeout=10,hard_timeout=20,fin_idle_timeout=3,priority=50,' +
  'cookie=0x7,eth_type=0x800,nw_proto=6,NXM_OF_IP_SRC[],NXM_OF_TCP_DST[]=NXM_OF_TCP_SRC[],NXM_OF_IN_PORT[],' +
  'load:NXM_NX_REG4[]->NXM_NX_REG4[],load:0x1->NXM_NX_REG0[16..18],output:NXM_OF_IN_PORT[]),output:2';

describe('what is learned', () => {
  test('matches, loads and outputs come from the packet; what is read is looked at', () => {
    const paper = new PaperSwitch(LEARN);
    const { mask, actions } = paper.run(TCP);
    expect(dump(paper, 7)).toEqual([
      'cookie=0x7, table=7, idle_timeout=10, hard_timeout=20, priority=50,tcp,in_port=1,nw_src=192.0.2.1,tp_dst=1000 ' +
        'actions=fin_timeout(idle_timeout=3),load:0x7->NXM_NX_REG4[],load:0x1->NXM_NX_REG0[16..18],output:1',
    ]);
    expect(mask).toContain('nw_src=192.0.2.1');
    expect(mask).toContain('tp_src=1000');
    expect(actions).toBe('2');
  });

  test('an output to a port that there cannot be is left out', () => {
    const paper = new PaperSwitch('actions=load:0xfffd->NXM_NX_REG1[0..15],learn(table=7,output:NXM_NX_REG1[0..15])');
    paper.run(TCP);
    expect(dump(paper, 7)).toEqual(['table=7, actions=drop']);
  });

  test('a trace leaves it out, and says so', () => {
    const paper = new PaperSwitch(LEARN);
    expect(paper.traceText(TCP)).toContain('>> suppressing side effects, so learn action ignored');
    expect(dump(paper, 7)).toEqual([]);
  });
});

describe('limit and result_dst', () => {
  const paper = (): PaperSwitch =>
    new PaperSwitch(
      'tcp actions=learn(table=8,limit=1,cookie=9,result_dst=NXM_NX_REG0[3],NXM_OF_ETH_SRC[]),resubmit(,1)',
      'table=1,reg0=0x8 actions=output:2',
      'table=1,reg0=0 actions=output:3',
    );

  test('a second flow is not learned', () => {
    const sw = paper();
    expect(sw.actions(TCP)).toBe('2');
    expect(sw.actions(TCP.replace('dl_src=02:00:00:00:00:01', 'dl_src=02:00:00:00:00:05'))).toBe('3');
    expect(dump(sw, 8)).toHaveLength(1);
  });
});

describe('the life of a learned flow', () => {
  const learned = spec('table=7,cookie=5,hard_timeout=10,tcp actions=output:1');
  const clock = (): { tables: Tables; at(seconds: number): void } => {
    let now = 0;
    return { tables: new Tables(() => now), at: (seconds) => (now = seconds * 1000) };
  };

  test('learning again changes nothing that lookups could see, and puts off its end', () => {
    const { tables, at } = clock();
    tables.learn(learned);
    const { generation } = tables;
    at(8);
    tables.learn(learned);
    expect(tables.generation).toBe(generation);
    at(15);
    expect(tables.expire()).toEqual([]);
    at(18);
    expect(tables.expire()).toHaveLength(1);
  });

  test('packets of the megaflow put off its end, too', () => {
    const { tables, at } = clock();
    const credited = tables.learn(learned)!;
    credited.credit(1, 60, 9000);
    at(15);
    expect(tables.expire()).toEqual([]);
  });

  test('other actions replace those learned before', () => {
    const { tables } = clock();
    tables.learn(learned);
    tables.learn(spec('table=7,cookie=5,hard_timeout=10,tcp actions=output:2'));
    expect(tables.entries().map((entry) => printFlow(entry.spec).trim())).toEqual([
      'cookie=0x5, table=7, hard_timeout=10, tcp actions=output:2',
    ]);
  });

  test('it goes with the last flow that learns with its table and cookie, when that says delete_learned', () => {
    const { tables } = clock();
    const teacher = (priority: number): string =>
      `priority=${priority},tcp actions=learn(table=7,cookie=5,delete_learned,NXM_OF_ETH_SRC[])`;
    tables.load([spec(teacher(1)), spec(teacher(2))]);
    tables.learn(learned);
    tables.learn(spec('table=7,cookie=6,udp actions=output:1'));
    tables.delete(spec(teacher(1)), true);
    expect(tables.entries({ table: 7 })).toHaveLength(2);
    tables.delete(spec(teacher(2)), true);
    expect(tables.entries({ table: 7 }).map((entry) => entry.cookie)).toEqual([6n]);
  });

  test('after a FIN its time is shorter', () => {
    const paper = new PaperSwitch('tcp actions=fin_timeout(idle_timeout=3),output:2');
    const [entry] = paper.offline.tables.entries();
    for (const counter of paper.translate(TCP).credited) counter.credit(1, 60, 0, 0x10);
    expect(entry.idleTimeout).toBe(0);
    for (const counter of paper.translate(TCP).credited) counter.credit(1, 60, 0, 0x11);
    expect(entry.idleTimeout).toBe(3);
  });
});

test('each source port is learned once', () => {
  const paper = new PaperSwitch(LEARN);
  for (const port of [1000, 1001, 1000]) paper.translate(from(port));
  expect(dump(paper, 7)).toHaveLength(2);
});
