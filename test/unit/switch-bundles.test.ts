// Changes that take effect as a whole: bundles under traffic, refusals, what flows that end say of themselves.
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { FlowEvent } from '../../dataplane/flow-events.js';
import type { Switch } from '../../dataplane/switch.js';
import { addon } from '../helpers/addon.js';
import { frameOf } from '../helpers/frames.js';
import { memorySwitch } from '../helpers/memory-switch.js';
import { Random } from '../helpers/random.js';

let sw: Switch;
afterEach(() => {
  sw.close();
  vi.useRealTimers();
});

function udp(port: number, nw_src = '192.0.2.1'): Uint8Array {
  const ethernet = { dl_src: '02:00:00:00:00:01', dl_dst: '02:00:00:00:00:02' };
  return frameOf({ ...ethernet, nw_src, nw_dst: '198.51.100.1', nw_ttl: 64, udp_src: port, udp_dst: 53 });
}

/** Three passes; a packet gets through only if all its tables are of one generation. */
function generation(n: number): string {
  const next = (table: number): string => `ct(table=${table},zone=${table})`;
  return [
    'delete',
    `add table=0,udp actions=load:${n}->NXM_NX_REG0[],${next(1)}`,
    `add table=1,udp,reg0=${n} actions=load:${n}->NXM_NX_REG1[],${next(2)}`,
    `add table=2,udp,reg0=${n},reg1=${n} actions=ct(commit,zone=7),output:${2 + (n % 2)}`,
  ].join('\n');
}

const lines = (text: string): string[] => text.split('\n').filter((line) => line !== '');

describe.skipIf(addon.missing)(`switch: bundles${addon.missing ? ` (skipped: ${addon.missing})` : ''}`, () => {
  it('every packet meets the old tables or the new, in all its passes, and none is lost', async () => {
    sw = await memorySwitch('', ['in', 'even', 'odd']);
    sw.openflow.mod(generation(0), { bundle: true });
    const r = new Random(7);
    let sent = 0;
    for (let n = 1; n <= 60; n++) {
      // Old connections go by the flow cache, new ones by the slow path: some are between two passes at any time.
      for (let i = r.below(40); i > 0; i--, sent++) sw.inject('in', udp(r.chance(2) ? 1 + r.below(8) : 100 + sent));
      for (let i = r.below(4); i > 0; i--) await new Promise((done) => setImmediate(done));
      sw.openflow.mod(generation(n), { bundle: true });
      for (let i = r.below(3); i > 0; i--, sent++) sw.inject('in', udp(1 + r.below(8)));
    }
    await sw.settle();
    expect(sw.collect('even').length + sw.collect('odd').length).toBe(sent);
    const { drops, slowPath } = sw.counters();
    expect(Object.entries(drops).filter(([, count]) => count > 0)).toEqual([]);
    expect(slowPath.failed).toBe(0);
  });

  it('a bundle with one line that cannot be is refused whole, and the line is named', async () => {
    sw = await memorySwitch('table=1,udp actions=drop', ['in', 'out']);
    const changes = [
      'group add group_id=1,type=all,bucket=actions=output:2',
      'flow add udp actions=group:1',
      'flow add tcp actions=group:2',
    ];
    expect(() => sw.openflow.bundle(changes.join('\n'), 'x')).toThrow(
      /x:3:.*expected a group that exists, got group:2/s,
    );
    expect(sw.flows()).toHaveLength(1);
    expect(sw.dumpGroups()).toBe('');
    expect(sw.openflow.bundle(changes.slice(0, 2).join('\n'))).toMatchObject({ added: 1, groups: 1 });
    sw.inject('in', udp(1));
    await sw.settle();
    expect(sw.collect('out')).toHaveLength(1);
  });

  it('replace leaves flows that are alike alone, with their counts', async () => {
    sw = await memorySwitch('udp actions=output:2\ntcp actions=output:2\ntable=3,ip actions=drop', ['in', 'out']);
    sw.inject('in', udp(1));
    await sw.settle();
    const text = 'udp actions=output:2\ntcp actions=drop\narp actions=drop';
    const { difference } = sw.openflow.replace(text, { dryRun: true });
    expect(difference).toEqual([
      '+arp actions=drop',
      '-tcp actions=output:"out"',
      '+tcp actions=drop',
      '-table=3 ip actions=drop',
    ]);
    expect(sw.flows()).toHaveLength(3);
    expect(sw.openflow.replace(text, { bundle: true })).toMatchObject({ added: 2, deleted: 1 });
    expect(
      sw
        .flows()
        .map((f) => `${f.match} ${f.packets}`)
        .sort(),
    ).toEqual(['arp 0', 'tcp 0', 'udp 1']);
    expect(sw.openflow.replace(text, { dryRun: true }).difference).toEqual([]);
  });

  it('a flow with send_flow_rem says at its end what passed it, the last packets included', async () => {
    const start = Date.now();
    vi.useFakeTimers({ toFake: ['Date', 'setInterval', 'clearInterval'], now: start });
    sw = await memorySwitch('', ['in', 'out']);
    const events: FlowEvent[] = [];
    const listener = sw.onFlowEvent((event) => events.push(event));
    sw.addFlows(
      'cookie=5,send_flow_rem,udp actions=output:2\nhard_timeout=3,send_flow_rem,arp actions=drop\ntcp actions=drop',
    );
    for (let i = 0; i < 5; i++) {
      sw.inject('in', udp(1));
      await sw.settle();
    }
    sw.openflow.mod('tcp actions=output:1', { command: 'modify' });
    sw.delFlows('udp');
    sw.delFlows('tcp');
    vi.setSystemTime(start + 4000);
    await vi.advanceTimersByTimeAsync(2000);
    await sw.settled();
    expect(events.filter((e) => e.flowRemoved).map((e) => [e.match, e.reason, e.packets])).toEqual([
      ['udp', 'delete', 5],
      ['arp', 'hard', 0],
    ]);
    expect(events.flatMap((e) => e.lines).map((line) => line.replace(/duration[\d.]+s/, 'duration'))).toEqual([
      ' event=ADDED table=0 cookie=0x5 udp actions=output:"out"',
      ' event=ADDED table=0 hard_timeout=3 cookie=0 arp actions=drop',
      ' event=ADDED table=0 cookie=0 tcp actions=drop',
      ' event=MODIFIED table=0 cookie=0 tcp actions=output:"in"',
      ' event=DELETED reason=delete table=0 cookie=0x5 udp actions=output:"out"',
      'OFPT_FLOW_REMOVED (xid=0x0): udp reason=delete table_id=0 cookie:0x5 duration idle0 pkts5 bytes260',
      ' event=DELETED reason=delete table=0 cookie=0 tcp actions=output:"in"',
      ' event=DELETED reason=hard table=0 hard_timeout=3 cookie=0 arp actions=drop',
      'OFPT_FLOW_REMOVED (xid=0x0): arp reason=hard table_id=0 duration idle0 hard3 pkts0 bytes0',
    ]);
    listener.close();
    sw.addFlows('icmp actions=drop');
    await sw.settled();
    expect(events).toHaveLength(7);
  });

  it('tables count each packet that is looked up, by the flow cache too', async () => {
    sw = await memorySwitch('udp,nw_src=192.0.2.1 actions=resubmit(,4),output:2\nudp actions=resubmit(,9)', [
      'in',
      'out',
    ]);
    for (const from of ['192.0.2.1', '192.0.2.1', '192.0.2.1', '192.0.2.2']) {
      sw.inject('in', udp(1, from));
      await sw.settle();
    }
    const rows = sw.openflow.tables().map(({ table, active, lookup, matched }) => [table, active, lookup, matched]);
    expect(rows).toEqual([
      [0, 2, 4, 4],
      [4, 0, 3, 0],
      [9, 0, 1, 0],
    ]);
    expect(sw.openflow.aggregate('udp')).toEqual({ packets: 4, bytes: 208, flows: 2 });
  });

  it('dumps in the order that is asked for, flows without the field last', async () => {
    sw = await memorySwitch(
      'priority=3,udp,udp_dst=80 actions=drop\npriority=9,udp,udp_dst=8 actions=drop\npriority=5,arp actions=drop',
      ['in'],
    );
    const order = (...keys: string[]): string[] => {
      const sort = keys.map((key) => ({ by: key.slice(1), descending: key[0] === '-' }));
      return lines(sw.dumpFlows('', { stats: false, sort })).map((line) => /priority=(\d)/.exec(line)![1]);
    };
    expect(order()).toEqual(['9', '5', '3']);
    expect(order('+priority')).toEqual(['3', '5', '9']);
    expect(order('+udp_dst')).toEqual(['9', '3', '5']);
    expect(order('-udp_dst')).toEqual(['3', '9', '5']);
    expect(() => order('+nonsense')).toThrow("expected a field or priority to sort by, got 'nonsense'");
  });
});
