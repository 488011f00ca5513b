// Frames through a switch with ports in memory: flows, learning, counters.
import { afterEach, describe, expect, it } from 'vitest';
import type { FlowRow } from '../../dataplane/flow-dump.js';
import type { Switch } from '../../dataplane/switch.js';
import type { WatchRecord } from '../../dataplane/datapath/watch.js';
import { keyFromFrame, macText } from '../../dataplane/wire/index.js';
import { addon } from '../helpers/addon.js';
import { passes } from '../helpers/article.js';
import { frameOf } from '../helpers/frames.js';
import { articleSwitch, memorySwitch } from '../helpers/memory-switch.js';

let sw: Switch | undefined;
afterEach(() => {
  sw?.close();
  sw = undefined;
});

const pass = (id: string) => passes.find((p) => p.id === id)!;

/** n_packets of the flows that had any, by table. */
function packetsByTable(rows: FlowRow[]): Record<number, number> {
  const sums: Record<number, number> = {};
  for (const row of rows) if (row.packets > 0) sums[row.table] = (sums[row.table] ?? 0) + row.packets;
  return sums;
}

async function send(sw: Switch, id: string, more: Record<string, string | number> = {}): Promise<Uint8Array[]> {
  const { in: port, packet, out } = pass(id);
  sw.inject(port, frameOf({ ...packet, ...more }));
  await sw.settle();
  return sw.collect(out!);
}

describe.skipIf(addon.missing)(
  `switch: the article's packets through the real addon${addon.missing ? ` (skipped: ${addon.missing})` : ''}`,
  () => {
    it('B4: the pod asks for the Service and the packet leaves to the gateway with its MAC', async () => {
      sw = await articleSwitch('worker1');
      const [frame, ...others] = await send(sw, 'B4');
      expect(others).toEqual([]);
      expect(macText(frame, 0)).toBe('4e:99:08:c1:53:be');
      expect(packetsByTable(sw.flows())).toEqual({ 0: 1, 10: 1, 30: 1, 31: 1, 40: 1, 105: 1, 110: 1 });
      expect(sw.dumpConntrack({ zone: 65520 })).toHaveLength(1);
    });

    it('B5: from the gateway to the backend, marked by the commit', async () => {
      sw = await articleSwitch('worker1');
      expect(await send(sw, 'B5')).toHaveLength(1);
      expect(packetsByTable(sw.flows())).toEqual({
        0: 1,
        10: 1,
        30: 1,
        31: 1,
        40: 1,
        50: 1,
        70: 1,
        80: 1,
        90: 1,
        105: 1,
        110: 1,
      });
      expect(sw.dumpConntrack()[0]).toContain('mark=32');
    });

    it('D12: the ARP responder answers the gateway out of its own port', async () => {
      sw = await articleSwitch('worker1');
      const [reply] = await send(sw, 'D12');
      expect(Buffer.from(reply.subarray(20, 22)).toString('hex')).toBe('0002');
      expect(macText(reply, 6)).toBe('aa:bb:cc:dd:ee:ff');
    });

    it('counts each packet exactly once for each flow on its way, whatever flows come and go', async () => {
      sw = await articleSwitch('worker1');
      await send(sw, 'B4');
      for (let i = 0; i < 10; i++) await send(sw, 'B4', { tcp_flags: 'ack' });
      const expected = { 0: 11, 10: 11, 30: 11, 31: 11, 40: 11, 105: 11, 110: 11 };
      expect(packetsByTable(sw.flows())).toEqual(expected);
      expect(packetsByTable(sw.flows())).toEqual(expected);
      sw.addFlows('table=200,priority=5,udp actions=drop');
      expect(sw.counters().megaflows).toBe(4);
      expect(packetsByTable(sw.flows())).toEqual(expected);
      for (let i = 0; i < 5; i++) await send(sw, 'B4', { tcp_flags: 'ack' });
      sw.delFlows('table=200');
      expect(packetsByTable(sw.flows())).toEqual({ 0: 16, 10: 16, 30: 16, 31: 16, 40: 16, 105: 16, 110: 16 });
      const row = sw.flows('table=30')[0];
      expect(row.bytes).toBe(16 * frameOf(pass('B4').packet).length);
    });

    it('tells a watcher of each pass, with what the tables did, and only of packets that match', async () => {
      sw = await articleSwitch('worker1');
      const records: WatchRecord[] = [];
      const watch = sw.watch('tcp,nw_dst=10.104.65.133', (r) => records.push(r));
      await send(sw, 'B4');
      await send(sw, 'B5');
      expect(records.map((r) => [r.pass, r.trace.steps.map((s) => s.table)])).toEqual([
        [0, [0, 10, 30]],
        [1, [31, 40, 105]],
        [2, [110]],
      ]);
      expect(new Set(records.map((r) => r.traceId)).size).toBe(1);
      expect(records[1].trace.ct).toEqual({ state: '+new+trk', zone: 65520, mark: '0x0' });
      expect(records[2].outputs).toEqual([{ port: 2, name: 'antrea-gw0' }]);
      expect(records[0].inPort).toEqual({ no: 49, name: 'frontend-a3ba2f' });
      expect(records[0].fields).toMatchObject({ nw_src: '10.222.1.48', tcp_dst: '80' });
      expect(keyFromFrame(Buffer.from(records[0].frame, 'hex'), 49)).toEqual(
        keyFromFrame(frameOf(pass('B4').packet), 49),
      );
      expect(JSON.parse(JSON.stringify(records))).toEqual(records);
      watch.close();
      await send(sw, 'B4', { tcp_src: 12345 });
      expect(records).toHaveLength(3);
      expect(packetsByTable(sw.flows())[0]).toBe(3);
    });

    it('traces a packet on the running tables without any effect', async () => {
      sw = await articleSwitch('worker1');
      const before = sw.counters();
      const trace = sw.trace({
        flow: 'in_port="frontend-a3ba2f",tcp,dl_src=be:2c:bf:e4:ec:c5,nw_src=10.222.1.48,nw_dst=10.104.65.133,tcp_dst=80',
        defaultTtl: 64,
      });
      expect(trace.path).toEqual([0, 10, 30, 31, 40, 105, 110]);
      expect(trace.outputs).toEqual([{ port: 2, name: 'antrea-gw0' }]);
      expect(trace.assumed).toEqual(['nw_ttl=64']);
      expect(sw.counters()).toEqual(before);
      expect(packetsByTable(sw.flows())).toEqual({});
    });
  },
);

describe.skipIf(addon.missing)('switch: flows and learning', () => {
  const arp = (src: string, dst: string) =>
    frameOf({
      dl_src: src,
      dl_dst: dst,
      arp_op: 1,
      arp_sha: src,
      arp_spa: '192.0.2.1',
      arp_tha: '00:00:00:00:00:00',
      arp_tpa: '192.0.2.2',
    });
  const [a, b, all] = ['02:00:00:00:00:0a', '02:00:00:00:00:0b', 'ff:ff:ff:ff:ff:ff'];

  async function through(sw: Switch, port: string, frame: Uint8Array): Promise<string[]> {
    sw.inject(port, frame);
    await sw.settle();
    return sw
      .ports()
      .map((p) => p.name)
      .filter((name) => sw.collect(name).length > 0);
  }

  it('a text with an error in its last flow adds none of a hundred', async () => {
    sw = await memorySwitch('actions=drop', ['p1']);
    const good = Array.from({ length: 100 }, (_, i) => `table=1,priority=${i + 1},in_port=p1 actions=drop`);
    expect(() => sw!.addFlows([...good, 'table=1,in_port=p9 actions=drop'].join('\n'), 'x.flows')).toThrow(
      /^x\.flows:101:17: /,
    );
    expect(sw.flows()).toHaveLength(1);
    expect(sw.addFlows(good.join('\n')).added).toBe(100);
    expect(sw.flows('table=1')).toHaveLength(100);
    expect(sw.delFlows('table=1')).toBe(100);
  });

  it('NORMAL floods what it does not know, learns, and forgets what a moved address was', async () => {
    sw = await memorySwitch('actions=NORMAL', ['p1', 'p2', 'p3']);
    expect(await through(sw, 'p1', arp(a, b))).toEqual(['p2', 'p3']);
    expect(await through(sw, 'p2', arp(b, a))).toEqual(['p1']);
    expect(await through(sw, 'p1', arp(a, b))).toEqual(['p2']);
    expect(sw.fdb().map((e) => [e.name, e.mac])).toEqual([
      ['p1', a],
      ['p2', b],
    ]);
    // b moves to p3; the megaflow that sent a's packets to p2 must go.
    expect(await through(sw, 'p3', arp(b, all))).toEqual(['p1', 'p2']);
    expect(await through(sw, 'p1', arp(a, b))).toEqual(['p3']);
    // And back, although a megaflow for b at p2 was installed before.
    expect(await through(sw, 'p2', arp(b, a))).toEqual(['p1']);
    expect(await through(sw, 'p1', arp(a, b))).toEqual(['p2']);
  });

  it('a changed flow counts for the very next packet', async () => {
    sw = await memorySwitch('in_port=p1 actions=output:p2', ['p1', 'p2', 'p3']);
    expect(await through(sw, 'p1', arp(a, b))).toEqual(['p2']);
    expect(await through(sw, 'p1', arp(a, b))).toEqual(['p2']);
    sw.addFlows('in_port=p1 actions=output:p3');
    expect(await through(sw, 'p1', arp(a, b))).toEqual(['p3']);
    sw.delFlows('');
    expect(await through(sw, 'p1', arp(a, b))).toEqual([]);
    expect(sw.counters().drops.no_match).toBe(1);
  });

  it('a flow whose time is up goes, and what it forwarded goes nowhere', async () => {
    sw = await memorySwitch(
      'in_port=p1,hard_timeout=1 actions=output:p2\nin_port=p2,idle_timeout=1 actions=output:p1',
      ['p1', 'p2'],
    );
    expect(await through(sw, 'p1', arp(a, b))).toEqual(['p2']);
    const end = Date.now() + 2600;
    while (Date.now() < end) {
      await through(sw, 'p2', arp(b, a)); // used all the time: not idle
      await new Promise((done) => setTimeout(done, 100));
    }
    expect(sw.flows().map((f) => f.match)).toEqual(['in_port="p2"']);
    expect(await through(sw, 'p1', arp(a, b))).toEqual([]);
    expect(await through(sw, 'p2', arp(b, a))).toEqual(['p1']);
    await expect.poll(() => sw!.flows().length, { timeout: 4000 }).toBe(0);
  });

  it('prints megaflows as dpctl/dump-flows does', async () => {
    sw = await memorySwitch('in_port=p1,ip actions=output:p2', ['p1', 'p2', 'p3']);
    const tcp = frameOf({
      dl_src: a,
      dl_dst: b,
      nw_src: '192.0.2.1',
      nw_dst: '192.0.2.2',
      nw_ttl: 64,
      tcp_src: 1,
      tcp_dst: 2,
      tcp_flags: 'syn',
    });
    await through(sw, 'p1', tcp);
    expect(sw.dumpMegaflows()).toEqual([
      'recirc_id(0),in_port(1),eth_type(0x0800),ipv4(frag=no), packets:0, bytes:0, used:never, actions:2',
    ]);
    await through(sw, 'p1', tcp);
    expect(sw.dumpMegaflows({ names: true })[0]).toMatch(
      /in_port\(p1\).* packets:1, bytes:\d+, used:0\.\d+s, flags:S, actions:p2$/,
    );
  });

  it('a port comes and goes, and its name with it', async () => {
    sw = await memorySwitch('actions=NORMAL', ['p1', 'p2']);
    sw.addPort({ kind: 'memory', name: 'p3', ofport: 9, mtu: 1500 });
    expect(await through(sw, 'p1', arp(a, all))).toEqual(['p2', 'p3']);
    expect(() => sw!.addPort({ kind: 'memory', name: 'p3', ofport: 10, mtu: 1500 })).toThrow(
      "expected each port's name once",
    );
    expect(() => sw!.addPort({ kind: 'memory', name: 'p4', ofport: 9, mtu: 1500 })).toThrow(
      "expected each ofport once, got 9 for 'p3' and 'p4'",
    );
    sw.delPort('p3');
    expect(sw.ports().map((p) => p.name)).toEqual(['p1', 'p2']);
    expect(() => sw!.addFlows('in_port=p3 actions=drop')).toThrow('expected a port');
    expect(() => sw!.delPort('p3')).toThrow("expected the name of a port, got 'p3'; the ports are p1, p2");
  });

  it('two watchers each hear of what they asked for, and nothing else', async () => {
    sw = await memorySwitch('actions=NORMAL', ['p1', 'p2']);
    const heard: string[] = [];
    const one = sw.watch('in_port=p1,arp', (r) => heard.push(`one:${r.inPort.name}`));
    const two = sw.watch(`dl_src=${b}`, (r) => heard.push(`two:${r.inPort.name}`));
    await through(sw, 'p1', arp(a, b));
    await through(sw, 'p2', arp(b, a));
    await through(sw, 'p2', arp('02:00:00:00:00:0c', a));
    expect(heard).toEqual(['one:p1', 'two:p2']);
    one.close();
    await through(sw, 'p1', arp(a, b));
    await through(sw, 'p2', arp(b, a));
    expect(heard).toEqual(['one:p1', 'two:p2', 'two:p2']);
    two.close();
    await through(sw, 'p2', arp(b, a));
    expect(heard).toHaveLength(3);
  });

  it('sends a packet out as if it had come from a port', async () => {
    sw = await memorySwitch('actions=drop', ['p1', 'p2']);
    sw.packetOut({ frame: arp(a, b), actions: '2' });
    await sw.settle();
    expect(sw.collect('p2')).toEqual([arp(a, b)]);
    expect(sw.counters()).toMatchObject({ received: 0, executed: 1, sent: 1, delivered: 1 });
  });

  it('loads no flow and keeps no port open when one of its ports cannot be opened', async () => {
    const { createSwitch } = await import('../../dataplane/switch.js');
    const { switchConfigSchema } = await import('../../dataplane/config.js');
    const config = switchConfigSchema.parse({
      rundir: '/nonexistent',
      ports: [{ kind: 'veth', name: 'v', ofport: 3, ifname: 'pw-absent' }],
    });
    await expect(createSwitch(config, { baseDir: '/' })).rejects.toThrow(/pw-absent \(port v\): E[A-Z]+/);
    const unsupported = memorySwitch('actions=set_queue:1,output:1', ['p1']);
    await expect(unsupported).rejects.toThrow(/^<flows>:1:9: set_queue \(queues\) is not supported/);
  });

  it('counters add up: every packet received ended once', async () => {
    sw = await memorySwitch('in_port=p1 actions=output:p2,output:p3\nin_port=p2 actions=drop', ['p1', 'p2', 'p3']);
    for (let i = 0; i < 5; i++) await through(sw, i % 2 ? 'p2' : 'p1', arp(a, b));
    expect(sw.counters()).toMatchObject({
      received: 5,
      sent: 6,
      delivered: 3,
      consumed: 5,
      upcallsPending: 0,
      drops: { flow: 2 },
    });
  });
});
