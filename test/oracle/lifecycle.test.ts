// The life of flows and what is counted, in Open vSwitch and in packetwalk side by side: the same commands and frames,
// then every statistic that ovs-ofctl can ask for, and the messages that flows send when they end.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { switchConfigSchema } from '../../dataplane/config.js';
import { InputError } from '../../dataplane/errors.js';
import type { FlowEvent } from '../../dataplane/flow-events.js';
import { createSwitch, type Switch } from '../../dataplane/switch.js';
import { buildFrame } from '../../dataplane/wire/index.js';
import { addon } from '../helpers/addon.js';
import { Ovs, ovsMissing } from './ovs.js';

const PORTS = { bridge: 'br0', ports: [1, 2, 3].map((n) => ({ name: `p${n}`, ofport: n })) };
const missing = addon.missing ?? ovsMissing();
const VERSION = 'OpenFlow15';

let ovs: Ovs;
let sw: Switch;
let monitor: Awaited<ReturnType<Ovs['monitorPacketIns']>>;

const udp = (udp_dst: number, last = 1, payload = 20) =>
  buildFrame({
    ethernet: { dl_src: '02:00:00:00:00:01', dl_dst: '02:00:00:00:00:02' },
    ipv4: { nw_src: `192.0.2.${last}`, nw_dst: '198.51.100.1' },
    udp: { udp_src: 1000, udp_dst },
    payload: Buffer.alloc(payload),
  });

/** To both. What one has not counted yet is counted by the time that this is asked. */
async function send(port: string, ...frames: Uint8Array[]): Promise<void> {
  for (const frame of frames) {
    await ovs.send(port, frame);
    sw.inject(port, frame);
  }
  await sw.settle();
}

async function flows(...list: string[]): Promise<void> {
  for (const flow of list) {
    await ovs.ofctl(VERSION, 'add-flow', flow);
    sw.addFlows(flow);
  }
}

const terms = (text: string): string[] =>
  text
    .split('\n')
    .map((line) =>
      line
        .trim()
        .replace(/(duration|idle_age|hard_age)=[^,]*, ?/g, '')
        .replace(/duration[:=]?[\d.]+s,? ?/, ''),
    )
    .filter((line) => line !== '' && !/^(OFP|NXST)/.test(line))
    .sort();

async function compareAll(): Promise<void> {
  await ovs.appctl('revalidator/purge');
  const ask = async (command: string): Promise<string> => ovs.ofctl(VERSION, command);
  expect(terms(sw.dumpFlows('', { names: false }))).toEqual(terms((await ovs.countedFlows(VERSION)).join('\n')));
  expect(terms(sw.dumpGroups({ stats: true }))).toEqual(terms(await ask('dump-group-stats')));
  expect(terms(sw.openflow.dumpMeters({ stats: true }))).toEqual(terms(await ask('meter-stats')));
  expect(tablesOf(await ask('dump-tables'))).toEqual(
    sw.openflow.tables().map(({ table, active, lookup, matched }) => ({ table, active, lookup, matched })),
  );
  const { packets, bytes, flows: count } = sw.openflow.aggregate('');
  expect((await ask('dump-aggregate')).trim()).toMatch(
    new RegExp(`packet_count=${packets} byte_count=${bytes} flow_count=${count}$`),
  );
  expect(portsOf(await ask('dump-ports'))).toEqual(
    sw
      .ports()
      .map(({ no, rxPackets, rxBytes, txPackets, txBytes }) => ({ no, rxPackets, rxBytes, txPackets, txBytes })),
  );
}

/** Those that have flows or saw packets. */
function tablesOf(text: string): { table: number; active: number; lookup: number; matched: number }[] {
  // A table that is like the one before is just `ditto`; so may be many.
  const heads = [
    ...text.matchAll(
      /tables? (\d+)(?:\.\.\.(\d+))?(?: \([^)]*\))?: ?(ditto|\n\s+active=(\d+), lookup=(\d+), matched=(\d+))/g,
    ),
  ];
  let last = [0, 0, 0];
  const rows = heads.flatMap(([, first, end = first, rest, ...counts]) => {
    if (rest !== 'ditto') last = counts.map(Number);
    const [active, lookup, matched] = last;
    return Array.from({ length: Number(end) - Number(first) + 1 }, (_, i) => ({
      table: Number(first) + i,
      active,
      lookup,
      matched,
    }));
  });
  return rows.filter(({ active, lookup }) => active > 0 || lookup > 0);
}

function portsOf(
  text: string,
): { no: number; rxPackets: number; rxBytes: number; txPackets: number; txBytes: number }[] {
  const found = [...text.matchAll(/port\s+(\S+?): rx pkts=(\d+), bytes=(\d+),[^\n]*\n\s+tx pkts=(\d+), bytes=(\d+)/g)];
  const rows = found.map(([, name, ...n]) => [Number(name.replace(/^"?p?(\d+)"?$/, '$1')), ...n.map(Number)]);
  return rows
    .filter(([no]) => !Number.isNaN(no))
    .map(([no, rxPackets, rxBytes, txPackets, txBytes]) => ({ no, rxPackets, rxBytes, txPackets, txBytes }));
}

const removals = (text: string): string[] =>
  text
    .split('\n')
    .filter((line) => line.startsWith('OFPT_FLOW_REMOVED'))
    .map((line) =>
      line
        .replace(/\(OF[\d.]+\) /, '')
        .replace(/"p(\d)"/g, '$1')
        .replace(/duration[\d.]+s/, 'duration'),
    );

async function until(is: () => boolean): Promise<void> {
  for (const end = performance.now() + 20_000; !is() && performance.now() < end;) await sleep(20);
}

describe.skipIf(missing)(
  `flows from their first packet to their end, against Open vSwitch${missing ? ` (skipped: ${missing})` : ''}`,
  () => {
    beforeAll(async () => {
      ovs = await Ovs.start({ ports: PORTS });
      monitor = await ovs.monitorPacketIns(VERSION);
    }, 60_000);
    beforeEach(async () => {
      const extraPorts = PORTS.ports.map((p) => ({ kind: 'memory' as const, ...p, mtu: 1500 }));
      sw = await createSwitch(switchConfigSchema.parse({ rundir: '/nonexistent' }), { baseDir: '/', extraPorts });
      await ovs.ofctl(VERSION, 'del-flows');
      await ovs.ofctl(VERSION, 'del-groups');
      await ovs.ofctl(VERSION, 'del-meters');
    });
    afterEach(() => {
      vi.useRealTimers();
      sw?.close();
    });
    afterAll(() => ovs?.stop());

    it('flows, groups, buckets, meters, tables and ports count what was sent, through every change of the tables', async () => {
      const groups = [
        'group_id=1,type=all,bucket=output:2,bucket=resubmit(,2)',
        'group_id=2,type=select,selection_method=hash,bucket=weight:1,output:2,bucket=weight:3,output:3',
        'group_id=3,type=fast_failover,bucket=watch_port:2,output:2,bucket=watch_port:3,output:3',
        'group_id=4,type=indirect,bucket=group:1',
      ];
      const meter = 'meter=5,pktps,burst,stats,bands=type=drop,rate=1000000,burst_size=1000000';
      await ovs.addGroups(groups);
      sw.addGroups(groups.join('\n'));
      await ovs.ofctl(VERSION, 'add-meter', meter);
      sw.addMeters(meter);
      const before = await ovs.ofctl(VERSION, 'dump-ports');
      expect(before).toContain('rx pkts=0');
      await flows(
        'cookie=0x1,udp,udp_dst=1 actions=resubmit(,1),output:3',
        'cookie=0x2,udp,udp_dst=2 actions=group:1,resubmit(,1)',
        'udp,udp_dst=3 actions=group:2',
        'udp,udp_dst=4 actions=meter:5,group:3',
        'udp,udp_dst=5 actions=clone(group:4),resubmit(,7)',
        'table=1,cookie=0x3,priority=9,udp,udp_dst=1 actions=ct(table=3)',
        'table=1,udp actions=drop',
        'table=2,udp actions=output:3',
        'table=3,ct_state=+new,udp actions=ct(commit,table=4)',
        'table=3,ct_state=+est,udp actions=2',
        'table=4 actions=2',
      );
      for (let round = 0; round < 3; round++) {
        for (const port of [1, 2, 3, 4, 5, 6])
          await send('p1', ...[1, 2, 3, 4, 5].map((last) => udp(port, last, 20 + port)));
        await compareAll();
        await flows(`table=2,priority=${50000 + round},udp,nw_src=192.0.2.${round + 1} actions=output:1,output:2`);
        await send('p2', udp(2, round + 1), udp(2, 9), udp(3, 1));
        const text = `udp,udp_dst=1 actions=output:${2 + (round % 2)},resubmit(,1)`;
        await ovs.ofctl(VERSION, 'mod-flows', text);
        sw.openflow.mod(text, { command: 'modify', modern: true });
      }
      await compareAll();
      const bucket = 'group_id=1,type=all,bucket=output:3,bucket=resubmit(,2)';
      await ovs.ofctl(VERSION, 'mod-group', bucket);
      sw.addGroups(bucket, { modify: true });
      await send('p1', udp(2), udp(2, 7));
      await compareAll();
    });

    it('a flow with send_flow_rem says why it ended and what had passed it', async () => {
      // No clock but the test's own.
      await ovs.appctl('time/stop');
      vi.useFakeTimers({ toFake: ['Date'] });
      const events: FlowEvent[] = [];
      sw.onFlowEvent((event) => void events.push(event));
      const start = removals(monitor.text()).length;
      const theirs = (): string[] => removals(monitor.text()).slice(start);
      const ours = (): string[] => removals(events.flatMap(({ lines }) => lines).join('\n'));
      await ovs.addGroups(['group_id=1,type=all,bucket=output:2']);
      sw.addGroups('group_id=1,type=all,bucket=output:2');
      await flows(
        'table=3,cookie=0x5,priority=7,send_flow_rem,udp,udp_dst=1 actions=output:2',
        'send_flow_rem,udp,udp_dst=2,actions=group:1',
        'udp,udp_dst=3,actions=drop',
        'priority=1,udp actions=resubmit(,3)',
        'idle_timeout=1,send_flow_rem,priority=3,udp,udp_dst=4 actions=resubmit(,3),3',
        'hard_timeout=1,cookie=0x6,send_flow_rem,udp,udp_dst=5 actions=3',
        'send_flow_rem,udp,udp_dst=6,actions=3',
        'send_flow_rem,in_port=2,udp,udp_dst=7 actions=3',
        'idle_timeout=2,hard_timeout=9,send_flow_rem,in_port=2,actions=drop',
      );
      await send('p1', ...[1, 1, 2, 3, 4, 5, 5, 6].map((port) => udp(port, 1, port)));
      await send('p2', udp(7), udp(8));
      // Of what a flow has not counted when it goes, Open vSwitch loses some.
      await ovs.appctl('revalidator/purge');
      const drop = async (match: string, ...options: string[]): Promise<void> => {
        await ovs.ofctl(VERSION, 'del-flows', ...(match ? [match] : []), ...options);
        sw.delFlows(match, { strict: options.length > 0 });
      };
      await drop('table=3,cookie=0x5/-1');
      await drop('udp,udp_dst=6', '--strict');
      await drop('out_port=3,in_port=2');
      await ovs.ofctl(VERSION, 'del-groups', 'group_id=1');
      sw.delGroups(1);
      await until(() => theirs().length >= 4 && ours().length >= 4);
      expect(ours().sort()).toEqual(theirs().sort());
      for (let seconds = 0; seconds < 3; seconds++) {
        await ovs.appctl('time/warp', '1000', '100');
        vi.setSystemTime(Date.now() + 1000);
      }
      await until(() => theirs().length >= 7 && ours().length >= 7);
      expect(ours().sort()).toEqual(theirs().sort());
      expect(ours()).toHaveLength(7);
      await compareFlowsOnly();
    });

    it('Geneve options are mapped and forgotten alike, and those in use stay', async () => {
      const [a, b] = ['{class=0x104,type=0x80,len=4}->tun_metadata0', '{class=0xffff,type=0,len=124}->tun_metadata63'];
      const story: [command: 'add' | 'del' | 'flow', text?: string][] = [
        ['add', `${a},${b}`],
        ['add', '{class=0x104,type=0x80,len=4}->tun_metadata1'],
        ['add', '{class=0x104,type=0x81,len=4}->tun_metadata0'],
        ['add', a],
        ['add', '{class=0x105,type=0x80,len=128}->tun_metadata1'],
        ['add', '{class=0x105,type=0x80,len=6}->tun_metadata1'],
        ['add', '{class=0x105,type=0x80,len=0}->tun_metadata1'],
        ['add', '{class=0x106,type=0x80,len=124}->tun_metadata2,{class=0x106,type=0x81,len=124}->tun_metadata3'],
        ['add', '{class=0x104,type=0x80,len=4}->tun_metadata64'],
        ['add', 'foo'],
        ['flow', 'tun_metadata0=5,actions=drop'],
        ['flow', 'actions=set_field:1->tun_metadata63'],
        ['flow', 'actions=set_field:1->tun_metadata7'],
        ['del', a],
        ['del', '{class=0x106,type=0x80,len=124}->tun_metadata2'],
        ['del'],
        ['flow'],
        ['del', a],
        ['del', a],
        ['add', '{class=0x1,type=1,len=8}->tun_metadata5'],
        ['del'],
      ];
      await ovs.ofctl(VERSION, 'del-tlv-map');
      const printed = (text: string): string[] =>
        text.split('\n').filter((line) => line.trim() !== '' && !/^NXT|max option space/.test(line));
      for (const [command, text] of story) {
        const given = text === undefined ? [] : [text];
        const theirs = ovs.ofctl(
          VERSION,
          command === 'flow' ? (text ? 'add-flow' : 'del-flows') : `${command}-tlv-map`,
          ...given,
        );
        const agreed = await theirs.then(
          () => true,
          () => false,
        );
        const ours = (): unknown =>
          command === 'add'
            ? sw.addTlvMap(text!)
            : command === 'del'
              ? sw.delTlvMap(text)
              : text
                ? sw.addFlows(text)
                : sw.delFlows('');
        if (agreed) ours();
        else expect(ours, `${command} ${text}`).toThrow(InputError);
        expect(printed(sw.dumpTlvMap()), `${command} ${text}`).toEqual(
          printed(await ovs.ofctl(VERSION, 'dump-tlv-map')),
        );
      }
    });

    it('a table that is full refuses a flow, or evicts the one that counts least', async () => {
      const events: FlowEvent[] = [];
      sw.onFlowEvent((event) => void events.push(event));
      const start = removals(monitor.text()).length;
      await ovs.limitTable(9, { flow_limit: 3, overflow_policy: 'evict' });
      sw.openflow.limitTable(9, { flow_limit: 3, overflow_policy: 'evict' });
      await flows(
        'table=9,send_flow_rem,importance=5,hard_timeout=90,udp,udp_dst=1 actions=drop',
        'table=9,send_flow_rem,importance=3,hard_timeout=80,udp,udp_dst=2 actions=drop',
        'table=9,send_flow_rem,udp,udp_dst=3 actions=drop',
        'table=9,send_flow_rem,importance=9,hard_timeout=5,udp,udp_dst=4 actions=drop',
        'table=9,send_flow_rem,importance=4,hard_timeout=60,udp,udp_dst=5 actions=drop',
      );
      const theirs = (): string[] => removals(monitor.text()).slice(start);
      const ours = (): string[] => removals(events.flatMap(({ lines }) => lines).join('\n'));
      await until(() => theirs().length >= 2 && ours().length >= 2);
      expect(ours()).toEqual(theirs());
      expect(ours().map((line) => /reason=\w+/.exec(line)![0])).toEqual(['reason=eviction', 'reason=eviction']);
      await ovs.limitTable(9, { flow_limit: 3, overflow_policy: 'refuse' });
      sw.openflow.limitTable(9, { flow_limit: 3, overflow_policy: 'refuse' });
      const more = 'table=9,udp,udp_dst=6 actions=drop';
      await expect(ovs.ofctl(VERSION, 'add-flow', more)).rejects.toThrow(/TABLE_FULL/);
      expect(() => sw.addFlows(more)).toThrow(/expected room for a flow/);
      await compareFlowsOnly();
    });
  },
);

async function compareFlowsOnly(): Promise<void> {
  expect(terms(sw.dumpFlows('', { names: false }))).toEqual(terms((await ovs.countedFlows(VERSION)).join('\n')));
}
