// The command line as a whole: help, errors and exit codes, on files and on a switch in this process.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { main } from '../../cli/main.js';
import { io } from '../../cli/output.js';
import { type Control, serveControl } from '../../dataplane/control/serve.js';
import type { Switch } from '../../dataplane/switch.js';
import { writePcap } from '../../dataplane/wire/index.js';
import { addon } from '../helpers/addon.js';
import { flowsPath, passes, ROOT } from '../helpers/article.js';
import { frameOf } from '../helpers/frames.js';
import { memorySwitch } from '../helpers/memory-switch.js';

let folder: string;
let out = '';
let err = '';
const real = { ...io };

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'pw-cli-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
beforeEach(() => {
  io.out = (text) => void (out += text);
  io.err = (text) => void (err += text);
});
afterEach(() => Object.assign(io, real));

async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  out = err = '';
  const code = await main(args);
  return { code, out, err };
}

function file(name: string, text: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const MAIN = `${ROOT}dist/cli/main.js`;
const VERBS = [
  'trace',
  'flows dump',
  'flows add',
  'flows del',
  'conntrack dump',
  'conntrack flush',
  'conntrack stats',
  'conntrack limits',
  'conntrack timeouts',
  'conntrack fragments',
  'ports',
  'counters',
  'controller',
  'packet-out',
  'tlv-map dump',
  'tlv-map add',
  'tlv-map del',
  'fdb',
  'switch',
];
const WORKER1 = ['--flows', flowsPath('worker1'), '--ports', `${ROOT}flows/article/worker1.ports.json`];
const B4 = 'in_port="frontend-a3ba2f",tcp,dl_src=be:2c:bf:e4:ec:c5,nw_src=10.222.1.48,nw_dst=10.104.65.133,tcp_dst=80';

describe('cli: the command line', () => {
  it('prints its version', async () => {
    expect(await run('--version')).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^packetwalk \d+\.\d+\.\d+\n$/),
      err: '',
    });
  });

  it.each(VERBS)('%s --help has an example and --json', async (verb) => {
    const help = await run(...verb.split(' '), '--help');
    expect(help.code).toBe(0);
    expect(help.out).toMatch(/\nExamples?:\n {2}packetwalk /);
    expect(help.out).toContain('--json');
    expect(help.err).toBe('');
  });

  it('says once what is wrong with it and ends with 2', async () => {
    expect(await run('tarce')).toEqual({
      code: 2,
      out: '',
      err: "packetwalk: unknown command 'tarce'\n(Did you mean trace?)\n(--help shows how)\n",
    });
    expect(await run('switch')).toEqual({
      code: 2,
      out: '',
      err: "packetwalk: required option '--config <file>' not specified\n(--help shows how)\n",
    });
    expect(await run('conntrack', 'dump', '--zone', '70000')).toMatchObject({
      code: 2,
      err: "packetwalk: option '--zone <number>' argument '70000' is invalid. expected a zone from 0 to 65535, got '70000'\n(--help shows how)\n",
    });
    expect(await run('trace')).toMatchObject({
      code: 2,
      err: 'packetwalk: expected a flow, or --hex FRAME, or --pcap FILE:N\n',
    });
    expect(await run('trace', '--hex', '00', 'in_port=1')).toMatchObject({
      code: 2,
      err: 'packetwalk: expected either a flow or a frame, got both\n',
    });
    expect(await run('trace', '--ports', 'x', 'in_port=1')).toMatchObject({
      code: 2,
      err: 'packetwalk: --ports goes with --flows; a running switch has its own\n',
    });
  });

  it('says once what the system or the configuration refused and ends with 1', async () => {
    expect(await run('ports', '-t', '/nonexistent/x.ctl')).toEqual({
      code: 1,
      out: '',
      err: 'packetwalk: connect /nonexistent/x.ctl: ENOENT; no switch has made this socket; is it running?\n',
    });
    const config = file('br.yaml', 'rundir: /tmp\nports: [{ kind: tap, name: a, ofport: 0 }]\n');
    expect((await run('switch', '--config', config)).err).toBe(
      `packetwalk: ${config}:2:39: ports.0.ofport: too small: expected number to be >=1\n  ports: [{ kind: tap, name: a, ofport: 0 }]\n                                        ^\n`,
    );
  });

  it.skipIf(!existsSync(MAIN))(
    `does not mind when its reader goes away${existsSync(MAIN) ? '' : ` (skipped: ${MAIN} is not built)`}`,
    () => {
      const trace = `'${process.execPath}' '${MAIN}' trace ${WORKER1.join(' ')} --json '${B4}'`;
      const piped = spawnSync('sh', ['-c', `${trace} | head -1`], { encoding: 'utf8' });
      expect(piped.stdout).toBe('{\n');
      expect(piped.stderr).not.toContain('EPIPE');
    },
  );
});

describe('cli: trace offline', () => {
  it('tells what a packet would do that brings actions of its own, on from behind a ct, too', async () => {
    const sent = async (actions: string, ...more: string[]): Promise<string> => {
      const { out, err } = await run('trace', ...WORKER1, '--actions', actions, ...more, B4);
      return `${err}${out}`;
    };
    expect(await sent('load:0x2->NXM_NX_REG0[0..15],resubmit(,10)')).toMatch(/^ *31\. .*^Datapath actions: 2$/ms);
    expect(await sent('pop_vlan,2')).toContain('Datapath actions: 2');
    expect(await sent('pop_vlan,2', '--consistent')).toContain('actions:1:1: expected a VLAN tag');
    expect(await sent('goto_table:9')).toContain('expected an action that a packet-out may hold');
    expect(await sent('group:7')).toContain('expected a group that exists, got group:7');
    expect((await run('trace', ...WORKER1, '--consistent', B4)).err).toContain('--consistent goes with --actions');
  });

  it('with --generate learns what the packet would teach', async () => {
    const flows = file('learn.flows', 'table=0 actions=learn(table=1,NXM_OF_ETH_SRC[]),resubmit(,1)\n');
    const learnt = async (...more: string[]): Promise<string> =>
      (await run('trace', '--flows', flows, ...more, 'in_port=1,tcp')).out;
    expect(await learnt()).toContain('suppressing side effects, so learn action ignored');
    expect(await learnt('--generate')).not.toContain('suppressing');
  });

  it("prints ofproto/trace's tree and notes what it took for granted", async () => {
    const { code, out, err } = await run('trace', ...WORKER1, B4);
    expect(code).toBe(0);
    expect(err).toBe('packetwalk: nw_ttl=64 is assumed; say nw_ttl= in the flow to have another\n');
    expect(out).toContain('\n40. ip,nw_dst=10.96.0.0/12, priority 200, cookie 0x1040000000000\n');
    expect(out).toMatch(/Final flow: unchanged\nMegaflow: .*\nDatapath actions: 2\n$/);
    expect((await run('trace', ...WORKER1, `${B4},nw_ttl=3`)).err).toBe('');
    expect((await run('trace', ...WORKER1, '--names', B4)).out).toMatch(/Datapath actions: antrea-gw0\n$/);
  });

  it('gives the same as data with --json', async () => {
    const trace = JSON.parse((await run('trace', ...WORKER1, '--json', B4)).out);
    expect(trace.path).toEqual([0, 10, 30, 31, 40, 105, 110]);
    expect(trace.outputs).toEqual([{ port: 2, name: 'antrea-gw0' }]);
    expect(trace.passes[1].steps[1]).toMatchObject({
      table: 40,
      registers: { reg1: '0x2' },
      rewrites: { dl_dst: '4e:99:08:c1:53:be' },
    });
  });

  it('takes connection states in turn', async () => {
    const established = JSON.parse((await run('trace', ...WORKER1, '--json', '--ct-next', 'trk,est', B4)).out);
    expect(established.path).toEqual([0, 10, 30, 31, 40, 105, 110]);
    expect(established.passes).toHaveLength(2); // nothing is committed
    expect((await run('trace', ...WORKER1, '--ct-next', 'trk,old', B4)).err).toContain('expected connection states');
  });

  it('takes a frame as hex or from a capture', async () => {
    const frame = frameOf(passes.find((p) => p.id === 'B4')!.packet);
    const hex = Buffer.from(frame).toString('hex');
    const pcap = file('b4.pcap', writePcap([{ timeNs: 0n, size: frame.length, frame }]));
    const byHex = await run('trace', ...WORKER1, '--hex', hex, '--in-port', 'frontend-a3ba2f');
    expect(byHex).toMatchObject({ code: 0, err: '' });
    expect(byHex.out).toMatch(/Datapath actions: 2\n$/);
    expect(await run('trace', ...WORKER1, '--pcap', `${pcap}:1`, '--in-port', '49')).toEqual(byHex);
    expect(await run('trace', ...WORKER1, '--pcap', `${pcap}:2`, '--in-port', '49')).toMatchObject({
      code: 1,
      err: `packetwalk: ${pcap}: expected a packet number from 1 to 1, got 2\n`,
    });
    expect(await run('trace', ...WORKER1, '--hex', hex)).toMatchObject({
      code: 2,
      err: 'packetwalk: expected --in-port PORT: where the frame comes in\n',
    });
    expect(await run('trace', ...WORKER1, '--hex', 'abc', '--in-port', '1')).toMatchObject({
      code: 1,
      err: expect.stringContaining('expected a frame as hex digits'),
    });
  });

  it('points at what is wrong with the flow or the flow file', async () => {
    expect(await run('trace', ...WORKER1, 'in_port=2,nw_scr=1')).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringMatching(/^packetwalk: flow:1:11: .*nw_src.*\n {2}in_port=2,nw_scr=1\n {12}\^+\n$/),
    });
    const flows = file('bad.flows', '# comment\ntable=1 actions=drop\ntable=2 actions=dorp\n');
    expect((await run('trace', '--flows', flows, 'in_port=1')).err).toMatch(new RegExp(`^packetwalk: ${flows}:3:17: `));
    expect((await run('trace', '--flows', '/nonexistent', 'in_port=1')).err).toBe(
      'packetwalk: open /nonexistent: ENOENT; check the path\n',
    );
  });

  it('has groups and meters from files, and refuses what is not there by name', async () => {
    const flows = file('group.flows', 'in_port=1 actions=group:1\n');
    const groups = file('some.groups', 'group_id=1,type=all,bucket=actions=output:2\n');
    const traced = await run('trace', '--flows', flows, '--groups', groups, 'in_port=1');
    expect(traced.out).toContain('    bucket 0\n            output:2\n');
    expect(await run('trace', '--flows', flows, 'in_port=1')).toMatchObject({
      code: 1,
      err: expect.stringContaining('expected a group that exists, got group:1') as string,
    });
    const metered = file('metered.flows', 'in_port=1 actions=meter:7,IN_PORT\n');
    const meters = file('some.meters', 'meter=7,pktps,bands=type=drop,rate=10\n');
    const passed = await run('trace', '--flows', metered, '--meters', meters, 'in_port=1');
    expect(passed.out).toContain('Datapath actions: meter(0)\n');
    expect(await run('trace', '--flows', metered, 'in_port=1')).toMatchObject({
      code: 1,
      err: expect.stringContaining('expected a meter that exists, got meter:7') as string,
    });
  });
});

describe.skipIf(addon.missing)(
  `cli: verbs on a running switch${addon.missing ? ` (skipped: ${addon.missing})` : ''}`,
  () => {
    let sw: Switch;
    let control: Control;
    let target: string[];

    beforeAll(async () => {
      sw = await memorySwitch(
        'table=0,priority=5,arp actions=NORMAL\ntable=0,priority=9,udp actions=ct(commit,zone=7),output:p2',
        ['p1', 'p2'],
      );
      control = await serveControl(sw, { rundir: folder, bridge: 'br' });
      target = ['-t', control.path];
      const [a, b] = ['02:00:00:00:00:0a', '02:00:00:00:00:0b'];
      sw.inject(
        'p1',
        frameOf({
          dl_src: a,
          dl_dst: b,
          arp_op: 1,
          arp_sha: a,
          arp_spa: '192.0.2.1',
          arp_tha: b,
          arp_tpa: '192.0.2.2',
        }),
      );
      sw.inject(
        'p1',
        frameOf({ dl_src: a, dl_dst: b, nw_src: '192.0.2.1', nw_dst: '192.0.2.2', nw_ttl: 64, udp_src: 5, udp_dst: 6 }),
      );
      await sw.settle();
    });
    afterAll(async () => {
      await control.close();
      sw.close();
    });

    it('ports', async () => {
      expect((await run('ports', ...target)).out).toBe(
        [
          'port  name  kind    state   mtu  rx packets  rx bytes  tx packets  tx bytes  lost',
          '   1  p1    memory  up     1500           2        94           0         0     0',
          '   2  p2    memory  up     1500           0         0           2        94     0',
          '',
        ].join('\n'),
      );
      expect(JSON.parse((await run('ports', ...target, '--json')).out)[0]).toMatchObject({
        no: 1,
        name: 'p1',
        rxPackets: 2,
      });
    });

    it('fdb', async () => {
      expect((await run('fdb', ...target)).out).toMatch(
        /^port  name  vlan  mac                age \(s\)\n   1  p1       0  02:00:00:00:00:0a        \d\n$/,
      );
    });

    it('counters', async () => {
      const { out } = await run('counters', ...target);
      expect(out).toMatch(/^received +2$/m);
      expect(out).toMatch(/\nnothing was dropped\n$/);
      const all = (await run('counters', ...target, '--all')).out;
      expect(all).toMatch(/^no_match +0 +0 +policy +no flow matched in some table$/m);
      expect(JSON.parse((await run('counters', ...target, '--json')).out)).toMatchObject({
        received: 2,
        drops: {},
        slowPath: { failed: 0 },
      });
    });

    it('controller and packet-out', async () => {
      await run('flows', 'add', ...target, 'table=7,reg0=5 actions=controller(pause,userdata=0a.0b),p1');
      const waiting = run('controller', ...target, '--resume', '--count', '1');
      const frame = '02000000000a02000000000b88b5';
      const sent = `in_port=p2,reg0=5 packet=${frame} actions=resubmit(,7)`;
      // It is listening when it hears.
      let listens = false;
      while (!listens) {
        sw.packetOutText(sent);
        await new Promise((done) => setTimeout(done, 10));
        listens = sw.counters().packetIn.resumed > 0;
      }
      expect(await waiting).toMatchObject({
        code: 0,
        out: expect.stringMatching(
          /^NXT_PACKET_IN2 \(xid=0x0\): total_len=14 reg0=0x5,in_port="p2" \(via action\) data_len=14 \(unbuffered\)\n userdata=0a\.0b\n continuation=[0-9a-f]+-\d+\n continuation\.actions=.*output:"p1"\nvlan_tci=0x0000,dl_src=02:00:00:00:00:0b,dl_dst=02:00:00:00:00:0a,dl_type=0x88b5\n$/,
        ) as string,
      });
      expect(sw.collect('p1').map((bytes) => Buffer.from(bytes).toString('hex'))).toContain(frame);
      expect(await run('packet-out', ...target, `in_port=p1 packet=${frame} actions=p2`)).toEqual({
        code: 0,
        out: '',
        err: '',
      });
      expect((await run('packet-out', ...target, 'in_port=p1 actions=p2')).err).toContain('expected packet=HEX');
      await run('flows', 'del', ...target, 'table=7');
    });

    it('conntrack dump and flush', async () => {
      expect((await run('conntrack', 'dump', ...target)).out).toMatch(
        /^udp,orig=\(src=192\.0\.2\.1,dst=192\.0\.2\.2,sport=5,dport=6\),reply=\(.*\),zone=7\n$/,
      );
      expect(JSON.parse((await run('conntrack', 'dump', ...target, '--json')).out)).toMatchObject([
        { proto: 'udp', orig: { sport: 5 }, zone: 7 },
      ]);
      expect((await run('conntrack', 'dump', ...target, '--zone', '8')).out).toBe('');
      expect((await run('conntrack', 'flush', ...target, '--zone', '0x8')).out).toBe('flushed 0 connections\n');
      expect((await run('conntrack', 'stats', ...target)).out).toBe('Connections Stats:\n    Total: 1\n  UDP: 1\n');
      expect(JSON.parse((await run('conntrack', 'stats', ...target, '--json')).out)).toMatchObject({ committed: 1 });
      expect((await run('conntrack', 'flush', ...target, 'ct_nw_proto=6')).out).toBe('flushed 0 connections\n');
      expect((await run('conntrack', 'flush', ...target, 'ct_tp_dst=6')).err).toBe(
        'packetwalk: connection tuple: expected ct_nw_proto, not ICMP, with ct_tp_dst, got none\n',
      );
      expect((await run('conntrack', 'flush', ...target)).out).toBe('flushed 1 connection\n');
    });

    it('conntrack limits, timeouts and fragments', async () => {
      expect((await run('conntrack', 'limits', ...target)).out).toBe('default limit=0\n');
      expect((await run('conntrack', 'limits', ...target, '7=5', 'default=9')).out).toBe(
        'default limit=9\nzone=7,limit=5,count=0\n',
      );
      expect(await run('conntrack', 'limits', ...target, 'seven=5')).toMatchObject({
        code: 1,
        err: "packetwalk: expected a zone from 0 to 65535, got 'seven'\n",
      });
      const gone = await run('conntrack', 'limits', ...target, '--delete', '7', 'default', '--json');
      expect(JSON.parse(gone.out)).toEqual([]);
      const timeouts = await run('conntrack', 'timeouts', ...target, '--zone', '7', 'udp_first=5');
      expect(timeouts.out).toMatch(/^seconds +default +zone 7$/m);
      expect(timeouts.out).toMatch(/^udp_first +60 +5$/m);
      expect(await run('conntrack', 'timeouts', ...target, 'udp_first=5')).toMatchObject({ code: 2 });
      const deleted = await run('conntrack', 'timeouts', ...target, '--zone', '7', '--delete', '--json');
      expect(JSON.parse(deleted.out)).toMatchObject({ default: { tcp_established: 86400 }, zones: {} });
      expect((await run('conntrack', 'fragments', ...target)).out).toContain('max num frags (v4/v6): 1000');
      expect(JSON.parse((await run('conntrack', 'fragments', ...target, '--json')).out)).toMatchObject({ held: 0 });
    });

    it('flows dump, add and del', async () => {
      const stats = /duration=[\d.]+s|idle_age=\d+/g;
      expect((await run('flows', 'dump', ...target)).out.replace(stats, '')).toBe(
        ' cookie=0x0, , table=0, n_packets=1, n_bytes=52, , priority=9,udp actions=ct(commit,zone=7),output:"p2"\n' +
          ' cookie=0x0, , table=0, n_packets=1, n_bytes=42, , priority=5,arp actions=NORMAL\n',
      );
      expect((await run('flows', 'add', ...target, 'table=3,tcp,tcp_dst=80 actions=drop')).out).toBe('added 1 flow\n');
      expect(await run('flows', 'add', ...target, 'table=3,ip,tcp_dst=80 actions=drop')).toMatchObject({
        code: 0,
        out: 'added 1 flow\n',
        err: expect.stringMatching(/^packetwalk: <flow>:1:\d+: .*tcp_dst/),
      });
      expect((await run('flows', 'dump', ...target, 'table=3,tcp', '--no-stats')).out).toBe(
        ' table=3, tcp,tp_dst=80 actions=drop\n',
      );
      const more = file('more.flows', 'table=4 actions=drop\ntable=4,in_port=p3 actions=drop\n');
      expect(await run('flows', 'add', ...target, more)).toMatchObject({
        code: 1,
        out: '',
        err: expect.stringContaining(`packetwalk: ${more}:2:17: expected a port, got "p3"`),
      });
      expect((await run('flows', 'dump', ...target, 'table=4')).out).toBe('');
      expect((await run('flows', 'del', ...target, 'table=3')).out).toBe('deleted 2 flows\n');
      const dump = (await run('flows', 'dump', ...target)).out;
      expect((await run('flows', 'del', ...target, '--json')).out).toBe('{\n  "deleted": 2\n}\n');
      expect((await run('flows', 'add', ...target, file('dump.flows', dump))).out).toBe('added 2 flows\n');
    });

    it('trace', async () => {
      const { out, err } = await run('trace', ...target, 'in_port=p1,udp');
      expect(err).toBe('packetwalk: nw_ttl=64 is assumed; say nw_ttl= in the flow to have another\n');
      expect(out).toMatch(/Datapath actions: ct\(commit,zone=7\),2\n$/);
      expect(await run('trace', ...target, 'in_port=p9')).toMatchObject({
        code: 1,
        err: expect.stringContaining('expected a port, got "p9"'),
      });
    });
  },
);

describe('trace by names', () => {
  const paper = ['--topology', 'lab/article/topology.yaml'];

  it('tells a round trip on paper, in sentences, and why a packet was denied', async () => {
    const trip = await run('trace', 'frontend', 'backendsvc', '--backend', 'backend2', '--explain', ...paper);
    expect(trip).toMatchObject({ code: 0 });
    expect(trip.out).toContain('=> frontend is connected to backend2.');
    expect(trip.out).toContain('reg0[0..15] = 2: from a local pod');
    const denied = await run('trace', 'backend1', 'backend2:80', '--why-not', ...paper);
    expect(denied.out).toContain('conjunction 5 (default/backendpolicy, egress (no rule)): 1 of 2 clauses met');
  });

  it('gives the same as data, and the passes as ofproto/trace prints them', async () => {
    const { out: json } = await run('trace', 'frontend', 'backend2:80', '--why-not', '--json', ...paper);
    const data = JSON.parse(json) as {
      outcome: { ok: boolean };
      packets: { what: string; stages: { kind: string; passes?: { steps: { whyNot?: object }[] }[] }[] }[];
    };
    expect(data.outcome.ok).toBe(true);
    expect(data.packets.map((p) => p.what)).toEqual(['SYN', 'SYN-ACK', 'third packet']);
    expect(data.packets[0].stages.map((s) => s.kind)).toEqual(['pass', 'wire', 'pass']);
    expect(data.packets[0].stages[0].passes![0].steps[0].whyNot).toBeDefined();
    const { out: ovs } = await run('trace', 'frontend', 'backend2:80', '--ovs', ...paper);
    expect(ovs).toMatch(/^Datapath actions: /m);
  });

  it('refuses names and backends that there are not', async () => {
    expect((await run('trace', 'nobody', 'backendsvc', ...paper)).err).toMatch(/expected a pod of the lab/);
    expect((await run('trace', 'frontend', 'backendsvc', '--backend', 'octant', ...paper)).err).toMatch(
      /expected a backend among 10.222.1.47:80, 10.222.2.34:80/,
    );
  });
});

describe('lessons and experiments', () => {
  it('are listed without a lab, and unknown ones refused with what there is', async () => {
    const { LESSONS } = await import('../../lab/lessons/lessons.js');
    const { EXPERIMENTS } = await import('../../lab/whatif/experiments.js');
    const lessons = JSON.parse((await run('lesson', 'list', '--lab', 'pwnolab', '--json')).out) as { id: string }[];
    expect(lessons.map((l) => l.id)).toEqual(LESSONS.map((l) => l.id));
    expect((await run('lesson', 'hint', 'ttl')).out).toContain('table 70');
    expect((await run('lesson', 'hint', 'nothing')).err).toMatch(/expected a lesson \(gateway-first, ttl/);
    expect((await run('whatif', '--list')).out.split('\n')).toHaveLength(EXPERIMENTS.length + 2);
  });

  it('whatif asks what is to be replayed', async () => {
    const { code, err } = await run('whatif', 'del table=31', '--topology', 'lab/article/topology.yaml');
    expect([code, err]).toEqual([2, expect.stringContaining('expected what to replay')]);
    expect((await run('whatif', 'mtu', '--topology', 'lab/article/topology.yaml', '--json')).out).toContain(
      'whose MTU is 1400',
    );
  });
});
