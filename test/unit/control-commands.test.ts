// The control socket's commands, on a switch with ports in memory.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CommandError, ControlClient } from '../../dataplane/control/client.js';
import { type Control, serveControl } from '../../dataplane/control/serve.js';
import type { FlowEvent } from '../../dataplane/flow-events.js';
import type { Switch } from '../../dataplane/switch.js';
import { addon } from '../helpers/addon.js';
import { frameOf } from '../helpers/frames.js';
import { memorySwitch } from '../helpers/memory-switch.js';

const FLOW = 'in_port=1,tcp,nw_src=192.0.2.1,nw_dst=192.0.2.2,tcp_dst=80';
const frame = frameOf({
  dl_src: '02:00:00:00:00:0a',
  dl_dst: '02:00:00:00:00:0b',
  nw_src: '192.0.2.1',
  nw_dst: '192.0.2.2',
  nw_ttl: 64,
  tcp_src: 5,
  tcp_dst: 80,
  tcp_flags: 'syn',
});

describe.skipIf(addon.missing)(
  `control: the commands of a running switch${addon.missing ? ` (skipped: ${addon.missing})` : ''}`,
  () => {
    let folder: string;
    let sw: Switch;
    let control: Control;
    let client: ControlClient;

    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), 'pw-commands-'));
      sw = await memorySwitch(
        'tcp actions=ct(table=1,zone=9)\ntable=1,ct_state=+trk,tcp actions=ct(commit,zone=9),output:p2',
        ['p1', 'p2'],
      );
      control = await serveControl(sw, { rundir: folder, bridge: 'br' });
      client = await ControlClient.connect(control.path);
      sw.inject('p1', frame);
      await sw.settle();
    });
    afterAll(async () => {
      client.close();
      await control.close();
      sw.close();
      rmSync(folder, { recursive: true, force: true });
    });

    const refusal = async (method: string, ...args: string[]): Promise<string> => {
      const error = await client.call(method, ...args).catch((e: unknown) => e);
      expect(error).toBeInstanceOf(CommandError);
      return (error as Error).message;
    };

    it('change flows as ovs-ofctl does: commands, bundles, replacement, limits, and what is told of them', async () => {
      const call = async (method: string, ...args: string[]): Promise<unknown> =>
        JSON.parse(await client.call(method, ...args));
      const told: FlowEvent[] = [];
      const listener = await ControlClient.connect(control.path);
      listener.onNotify = (_, [event]) => void told.push(event as FlowEvent);
      await listener.call('packetwalk/flows-monitor', '--all');
      expect(
        await call('packetwalk/flows-mod', 'table=9,priority=4,udp actions=drop\nadd table=9,arp actions=drop'),
      ).toMatchObject({ added: 2 });
      expect(await call('packetwalk/flows-mod', '--command', 'modify', 'table=9,ip actions=output:p1')).toMatchObject({
        modified: 1,
      });
      expect(
        await call('packetwalk/bundle', 'flow delete table=9,arp\ngroup add group_id=4,type=all,bucket=actions=drop'),
      ).toMatchObject({ deleted: 1, groups: 1 });
      expect(
        await call('packetwalk/groups-mod', '--command', 'insert_bucket', 'group_id=4,bucket=actions=output:p2'),
      ).toMatchObject({ groups: 1 });
      expect(await client.call('packetwalk/groups-dump', '--no-names')).toContain(
        'bucket=bucket_id:1,actions=output:2',
      );
      expect(
        await refusal('packetwalk/groups-mod', '--command', 'remove_bucket', 'group_id=4,command_bucket_id=9'),
      ).toContain('it has no bucket 9');
      expect(await client.call('packetwalk/groups-del', 'group_id=4')).toBe('{"deleted":1}\n');
      expect(await call('packetwalk/flows-aggregate', 'table=9')).toEqual({ packets: 0, bytes: 0, flows: 1 });
      expect(await client.call('packetwalk/flows-dump', '--no-stats', '--rsort', '--sort=udp_dst', 'table=9')).toBe(
        ' table=9, priority=4,udp actions=output:"p1"\n',
      );
      const limits = (await call('packetwalk/table-limit', '9', '{"flow_limit": 1}')) as {
        table: number;
        max_flows: number;
      }[];
      expect(limits.find((row) => row.table === 9)).toMatchObject({ active: 1, max_flows: 1 });
      expect(await refusal('packetwalk/flows-add', 'table=9,tcp actions=drop')).toContain('table 9 has its 1 already');
      expect(await refusal('packetwalk/table-limit', '9', '{"flow_limits": 1}')).toContain(
        'this key is not known here',
      );
      expect(await refusal('packetwalk/flows-mod', '--command', 'replace', 'udp actions=drop')).toContain(
        "got 'replace'",
      );
      const flows = await client.call('packetwalk/flows-dump', '--no-stats', 'table=0');
      const difference = (await call('packetwalk/flows-replace', '--dry-run', flows)) as { difference: string[] };
      expect(difference.difference.every((line) => line.startsWith('-table='))).toBe(true);
      expect(await call('packetwalk/flows-del', 'table=9')).toEqual({ deleted: 1 });
      expect(told.map(({ event, match }) => `${event} ${match}`)).toEqual([
        'added udp',
        'added arp',
        'modified udp',
        'deleted arp',
        'deleted udp',
      ]);
      listener.close();
    });

    it('trace as ofproto/trace does: nw_ttl is 0 unless said, options may stand anywhere', async () => {
      const text = await client.call('ofproto/trace', 'br-int', FLOW, '--ct-next', 'trk,est', '-generate');
      expect(text).toContain('nw_ttl=0,');
      expect(text).toContain('recirc(0x1) - resume conntrack with ct_state=est|trk');
      expect(text).toMatch(/Datapath actions: ct\(commit,zone=9\),2\n$/);
      expect(await client.call('ofproto/trace', '--ct-next=trk,new', 'br-int', FLOW)).toContain('ct_state=new|trk');
      expect(await client.call('ofproto/trace', 'br-int', 'in_port=1', Buffer.from(frame).toString('hex'))).toContain(
        'tp_dst=80',
      );
      const sent = ['ofproto/trace-packet-out', 'br-int', 'in_port=1,arp'] as const;
      expect(await client.call(...sent, 'pop_vlan,in_port')).toMatch(
        /^ {4}pop_vlan\n {4}IN_PORT\n.*Datapath actions: 1$/ms,
      );
      expect(await refusal(...sent, '-consistent', 'pop_vlan')).toContain('expected a VLAN tag');
      expect(await refusal('ofproto/trace', 'br-ext', FLOW)).toBe("no bridge 'br-ext' here; this switch is 'br-int'");
      expect(await refusal('ofproto/trace', 'br-int', 'in_port=1,tpc')).toMatch(
        /^flow:1:11: [^]*\n {2}in_port=1,tpc\n {12}\^/,
      );
      expect(await refusal('ofproto/trace', 'br-int', FLOW, '--ct-next')).toBe('expected a value after --ct-next');
      expect(await refusal('ofproto/trace', 'br-int', FLOW, '--l7')).toContain('got --l7');
    });

    it('dump and flush connections by zone', async () => {
      expect(await client.call('dpctl/dump-conntrack', '-m', 'zone=9')).toMatch(/^tcp,orig=\(src=192\.0\.2\.1.*zone=9/);
      expect(await client.call('dpctl/dump-conntrack', 'zone=8')).toBe('');
      expect(await refusal('dpctl/dump-conntrack', 'zone=x')).toBe("expected zone=N with N from 0 to 65535, got 'x'");
      expect(await client.call('dpctl/ct-get-nconns')).toBe('1\n');
      expect(await client.call('dpctl/flush-conntrack', 'zone=9')).toBe('');
      expect(await client.call('dpctl/ct-get-nconns')).toBe('0\n');
      await client.call('dpctl/ct-set-maxconns', '500');
      expect(await client.call('dpctl/ct-get-maxconns')).toBe('500\n');
      expect(await refusal('dpctl/ct-set-maxconns', 'many')).toContain("got 'many'");
    });

    it('take timeout policies in the words of ovs-vsctl', async () => {
      expect(await client.call('packetwalk/add-zone-tp', 'zone=5', 'udp_single=20', 'udp_first=10')).toBe('');
      await client.call('packetwalk/add-zone-tp', 'zone=3', 'tcp_unack=1');
      expect(await client.call('packetwalk/list-zone-tp')).toBe(
        'Zone:3, Timeout Policies: tcp_unack=1\nZone:5, Timeout Policies: udp_first=10 udp_single=20\n',
      );
      expect(await refusal('packetwalk/add-zone-tp', 'zone=5', 'udp_first=1')).toBe(
        'zone 5 has a timeout policy; --may-exist replaces it',
      );
      await client.call('packetwalk/add-zone-tp', '--may-exist', 'zone=5', 'udp_first=1');
      await client.call('packetwalk/del-zone-tp', 'zone=3');
      expect(await client.call('packetwalk/list-zone-tp')).toBe('Zone:5, Timeout Policies: udp_first=1\n');
      expect(await refusal('packetwalk/del-zone-tp', 'zone=3')).toBe('zone 3 has no timeout policy');
      await client.call('packetwalk/del-zone-tp', '--if-exists', 'zone=3');
      expect(await refusal('packetwalk/add-zone-tp', 'zone=6', 'udp_first=x')).toContain("for udp_first, got 'x'");
      expect(await refusal('packetwalk/add-zone-tp', 'udp_first=1', 'udp_single=1')).toBe('expected zone=N');
      expect(await refusal('packetwalk/add-zone-tp', 'zone=6', '--may-exist')).toContain('expected one of icmp_first');
    });

    it('show what the datapath and the process are at', async () => {
      expect(await client.call('dpctl/dump-flows')).toMatch(
        /^recirc_id\(0\),in_port\(1\),eth_type\(0x0800\),ipv4\(proto=6,frag=no\).*actions:ct\(zone=9\),recirc\(0x1\)\n/,
      );
      expect(await client.call('dpif/show')).toMatch(
        /^packetwalk@br-int: hit:\d+ missed:\d+\n {2}br-int:\n {4}p1 1\/1: \(memory\)\n/,
      );
      expect(await client.call('coverage/show')).toMatch(/^received +total: 1$/m);
      expect(JSON.parse(await client.call('packetwalk/process'))).toMatchObject({ pid: process.pid, bridge: 'br-int' });
    });

    it('add and remove ports', async () => {
      const port = { kind: 'veth', name: 'v1', ofport: 7, ifname: 'pw-absent' };
      expect(await refusal('packetwalk/port-add', JSON.stringify({ ...port, ofport: 0 }))).toMatch(
        /^<port>:1:\d+: ofport: /,
      );
      expect(await refusal('packetwalk/port-add', JSON.stringify(port))).toContain('pw-absent (port v1)');
      expect((JSON.parse(await client.call('packetwalk/ports')) as unknown[]).length).toBe(2);
      expect(await refusal('packetwalk/port-del', 'v1')).toBe(
        "expected the name of a port, got 'v1'; the ports are p1, p2",
      );
    });

    it('stream what is watched, until the connection ends', async () => {
      const watcher = await ControlClient.connect(control.path);
      const records: { trace: { steps: { table: number }[] }; lost: number }[] = [];
      watcher.onNotify = (method, [record]) =>
        void (method === 'record' && records.push(record as (typeof records)[0]));
      expect(JSON.parse(await watcher.call('packetwalk/watch', 'tcp'))).toEqual({ watching: 'tcp' });
      sw.inject('p1', frame);
      await sw.settle();
      await expect.poll(() => records.length).toBe(2);
      expect(records.map((r) => r.trace.steps.map((s) => s.table))).toEqual([[0], [1]]);
      expect(records[0].lost).toBe(0);
      watcher.close();
      await expect
        .poll(async () => {
          const before = sw.counters().upcalls;
          sw.inject('p1', frame);
          await sw.settle();
          sw.inject('p1', frame);
          await sw.settle();
          return sw.counters().upcalls - before; // watched packets come up on each pass; others do once
        })
        .toBeLessThan(4);
      const seen = records.length;
      sw.inject('p1', frame);
      await sw.settle();
      await client.call('version');
      expect(records.length).toBe(seen);
      expect(await refusal('packetwalk/watch', 'reg0=1')).toBe(
        "expected fields that a packet has when it comes in, got 'reg0=1'",
      );
      expect(await refusal('packetwalk/watch', 'table=1')).toBe("expected fields of a packet, got 'table=1'");
    });

    it('ask for the end with exit', async () => {
      expect(await client.call('exit')).toBe('');
      expect(await control.exitRequested).toBe('exit was asked for');
    });

    it('groups: added, changed, told as dump-groups and dump-group-stats do, deleted', async () => {
      const add = (...args: string[]): Promise<string> => client.call('packetwalk/groups-add', ...args);
      expect(await add('group_id=5,type=indirect,bucket=actions=output:2')).toBe('{"added":1}\n');
      expect(await refusal('packetwalk/groups-add', 'group_id=5,type=all')).toContain('there is a group 5 already');
      expect(await add('--modify', 'group_id=5,type=all,bucket=actions=output:p2')).toBe('{"added":1}\n');
      const dump = (...args: string[]): Promise<string> => client.call('packetwalk/groups-dump', ...args);
      expect(await dump('--no-names')).toBe(' group_id=5,type=all,bucket=bucket_id:0,actions=output:2\n');
      expect(await dump('--stats', 'group_id=5')).toMatch(
        /ref_count=0,packet_count=0,byte_count=0,bucket0:packet_count=0/,
      );
      expect(await dump('group_id=6')).toBe('');
      expect(await refusal('packetwalk/groups-del', 'group_id=x')).toContain("got 'x'");
      expect(await client.call('packetwalk/groups-del', 'group_id=5')).toBe('{"deleted":1}\n');
      expect(await client.call('packetwalk/groups-del')).toBe('{"deleted":0}\n');
    });

    it('meters: added, changed, told as dump-meters and meter-stats do, deleted with the flows that name them', async () => {
      const add = (...args: string[]): Promise<string> => client.call('packetwalk/meters-add', ...args);
      expect(await refusal('packetwalk/flows-add', 'table=9 actions=meter:5,output:2')).toContain('got meter:5');
      expect(await add('meter=5,pktps,bands=type=drop,rate=10')).toBe('{"added":1}\n');
      expect(await refusal('packetwalk/meters-add', 'meter=5,kbps,bands=type=drop,rate=1')).toContain(
        'there is a meter 5 already',
      );
      expect(await add('--modify', 'meter=5,kbps,burst,bands=type=drop,rate=1,burst_size=2')).toBe('{"added":1}\n');
      expect(
        await refusal('packetwalk/meters-add', 'meter=6,kbps,bands=type=dscp_remark,rate=1,prec_level=1'),
      ).toContain('dscp_remark');
      await client.call('packetwalk/flows-add', 'table=9 actions=meter:5,output:2');
      const dump = (...args: string[]): Promise<string> => client.call('packetwalk/meters-dump', ...args);
      expect(await dump()).toBe('meter=5 kbps burst bands=\ntype=drop rate=1 burst_size=2\n');
      expect(await dump('--stats', 'meter=5')).toMatch(
        /^meter:5 flow_count:1 packet_in_count:0 byte_in_count:0 duration:[\d.]+s bands:\n0: packet_count:0 byte_count:0\n$/,
      );
      expect(await dump('meter=6')).toBe('');
      expect(await refusal('packetwalk/meters-del', 'meter=0')).toContain(
        "expected meter=N with N from 1 to 4294901760, got '0'",
      );
      expect(await client.call('packetwalk/meters-del', 'meter=5')).toBe('{"deleted":1}\n');
      expect(await client.call('packetwalk/flows-dump', 'table=9')).not.toContain('meter');
      expect(await client.call('packetwalk/meters-del')).toBe('{"deleted":0}\n');
    });

    // The last: what random commands leave behind is anybody's guess.
    it('answer whatever arguments they are given', async () => {
      const names = [...(await client.call('list-commands')).matchAll(/^ {2}(\S+)/gm)]
        .map((m) => m[1])
        .filter((n) => n !== 'exit' && n !== 'packetwalk/watch');
      const word = fc.oneof(
        fc.string({ unit: 'grapheme', maxLength: 30 }),
        fc.constantFrom(
          'br-int',
          FLOW,
          '--json',
          '-m',
          'zone=9',
          '--ct-next',
          'trk',
          '--hex',
          '{}',
          'p1',
          'actions=drop',
          'table=1',
        ),
      );
      await fc.assert(
        fc.asyncProperty(fc.constantFrom(...names), fc.array(word, { maxLength: 4 }), async (name, args) => {
          const answer = await client.call(name, ...args).catch((e: unknown) => e);
          expect(typeof answer === 'string' || answer instanceof CommandError).toBe(true);
        }),
        { seed: 20200902, numRuns: 500 },
      );
      expect(await client.call('version')).toMatch(/^packetwalk /);
    });
  },
);
