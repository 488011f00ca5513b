// Real programs in namespaces hold the same conversations through our switch and through Open vSwitch: they work, and
// both remember the same connections.
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { controlCall } from '../../dataplane/control/client.js';
import { packageFile } from '../../dataplane/root.js';
import { missingRequirements } from '../../lab/index.js';
import { TwoPods } from '../helpers/two-pods.js';
import { Ovs, ovsMissing } from '../oracle/ovs.js';

const missing = [...(await missingRequirements()), ...[ovsMissing()].filter((why) => why !== undefined)];
if (!existsSync('/usr/sbin/vsftpd')) missing.push('vsftpd is not installed');
const PATIENCE = { timeout: 20_000, interval: 50 };
const BRIDGE = 'br-ct';
const PORTS = ['p1', 'p2'];

const TWO_ZONES = '10.0.0.100';
const FTP = '10.0.0.101';
const UDP = '10.0.0.102';
const FAR = '10.0.0.103';
/** Who `b` believes to be asked by. */
const MASQUERADE = '10.0.0.200';

const FLOWS = `
table=0,priority=10,tcp,in_port=1,nw_dst=${TWO_ZONES} actions=ct(table=1,zone=1,nat)
table=0,priority=10,tcp,in_port=2,nw_dst=${MASQUERADE} actions=ct(table=4,zone=2,nat)
table=1,ct_state=+new+trk,ip actions=ct(commit,table=2,zone=1,nat(dst=10.0.0.2))
table=1,ct_state=+est+trk,ip actions=resubmit(,2)
table=2,ip actions=ct(table=3,zone=2,nat)
table=3,ct_state=+new+trk,ip actions=ct(commit,zone=2,nat(src=${MASQUERADE})),output:2
table=3,ct_state=+est+trk,ip actions=output:2
table=4,ct_state=+est+trk,ip actions=ct(table=5,zone=1,nat)
table=5,ct_state=+est+trk,ip actions=output:1

table=0,priority=10,tcp,in_port=1,nw_dst=${FTP} actions=ct(table=10,zone=5,nat)
table=0,priority=10,tcp,in_port=2,nw_dst=10.0.0.1 actions=ct(table=11,zone=5,nat)
table=10,ct_state=+new-rel+trk,tcp,tp_dst=21 actions=ct(commit,alg=ftp,zone=5,nat(dst=10.0.0.2)),output:2
table=10,ct_state=+new+rel+trk,tcp actions=ct(commit,zone=5,nat),output:2
table=10,ct_state=+est+trk,tcp actions=output:2
table=11,ct_state=+new+rel+trk,tcp actions=ct(commit,zone=5,nat),output:1
table=11,ct_state=+est+trk,tcp actions=output:1

table=0,priority=10,udp,in_port=1,nw_dst=${UDP} actions=ct(table=12,zone=6,nat)
table=0,priority=10,icmp,in_port=1,nw_dst=${FAR} actions=ct(table=12,zone=6,nat)
table=0,priority=9,ip,in_port=2,nw_dst=10.0.0.1 actions=ct(table=13,zone=6,nat)
table=12,ct_state=+new+trk,udp actions=ct(commit,zone=6,nat(dst=10.0.0.2)),output:2
table=12,ct_state=+new+trk,icmp actions=ct(commit,zone=6,nat(dst=10.0.1.9)),output:2
table=12,ct_state=+est+trk,ip actions=output:2
table=13,ct_state=+rel+rpl+trk,icmp actions=output:1
table=13,ct_state=+est-rel+trk,ip actions=output:1

table=0,priority=10,ipv6,in_port=1,ipv6_dst=fd00::2 actions=ct(table=14,zone=7)
table=0,priority=10,ipv6,in_port=2,ipv6_dst=fd00::1 actions=ct(table=15,zone=7)
table=14,ct_state=+new+trk,ipv6 actions=ct(commit,zone=7),output:2
table=14,ct_state=+est+trk,ipv6 actions=output:2
table=15,ct_state=+est+rpl+trk,ipv6 actions=output:1
`
  .split('\n')
  .filter((line) => line !== '');

/** Two pods and what lies between them. */
interface Side {
  pods: TwoPods;
  dump(): Promise<string>;
  /** dump-flows, with counters. */
  flows(match: string): Promise<string>;
  forget(): Promise<unknown>;
  stop(): Promise<void>;
}

async function ours(folder: string): Promise<Side> {
  const pods = await TwoPods.start('pw', [TWO_ZONES, FTP, UDP, FAR, MASQUERADE]);
  const ports = PORTS.map((name, i) => ({ kind: 'veth', name, ofport: i + 1, mtu: 1500 }));
  writeFileSync(join(folder, 'the.flows'), FLOWS.join('\n'));
  writeFileSync(
    join(folder, 'br.json'),
    JSON.stringify({ bridge: BRIDGE, rundir: folder, flows: ['the.flows'], ports }),
  );
  const child = pods.spawn(
    'node',
    process.execPath,
    packageFile('dist', 'cli', 'main.js'),
    'switch',
    '--config',
    join(folder, 'br.json'),
  );
  let log = '';
  for (const stream of [child.stdout!, child.stderr!]) stream.on('data', (d: Buffer) => (log += d));
  await vi
    .waitFor(() => expect(log).toContain('running, control socket'), PATIENCE)
    .catch(async (e) => {
      await pods.stop();
      throw e;
    });
  const call = (...args: [string, ...string[]]): Promise<string> => controlCall(join(folder, `${BRIDGE}.ctl`), ...args);
  return {
    pods,
    dump: () => call('dpctl/dump-conntrack'),
    flows: (match) => call('packetwalk/flows-dump', match),
    forget: () => call('dpctl/flush-conntrack'),
    stop: () => pods.stop(),
  };
}

async function theirs(): Promise<Side> {
  const pods = await TwoPods.start('ovs', [TWO_ZONES, FTP, UDP, FAR, MASQUERADE]);
  const ports = PORTS.map((name, i) => ({ name, ofport: i + 1, type: 'system' }));
  const ovs = await Ovs.start({ netns: pods.netns('node'), flows: FLOWS, ports: { bridge: BRIDGE, ports } }).catch(
    async (e) => {
      await pods.stop();
      throw e;
    },
  );
  return {
    pods,
    dump: () => ovs.appctl('dpctl/dump-conntrack'),
    flows: (match) => ovs.ofctl('OpenFlow15', 'dump-flows', match),
    forget: () => ovs.flushConntrack(),
    stop: async () => {
      await ovs.stop();
      await pods.stop();
    },
  };
}

/** Ports that a kernel chose are not the same twice. */
const withoutChosenPorts = (text: string): string[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.replace(/port=(\d+)/g, (all, n) => (Number(n) < 32768 ? all : 'port=N')))
    .sort();

/** Segments that the pods sent again. */
async function retransmitted(pods: TwoPods): Promise<number> {
  const counts = await Promise.all(
    (['a', 'b'] as const).map(async (pod) => {
      const [names, values] = (await pods.in(pod, 'cat', '/proc/net/snmp'))
        .split('\n')
        .filter((line) => line.startsWith('Tcp:'))
        .map((line) => line.split(' '));
      return Number(values[names.indexOf('RetransSegs')]);
    }),
  );
  return counts[0] + counts[1];
}

/** vsftpd in pod b, with one file for everybody. */
async function serveFtp(pods: TwoPods, folder: string): Promise<void> {
  for (const name of ['', 'empty', 'root']) mkdirSync(join(folder, name));
  writeFileSync(join(folder, 'root', 'file'), 'what was asked for\n');
  const settings = {
    listen: 'YES',
    background: 'NO',
    anonymous_enable: 'YES',
    no_anon_password: 'YES',
    ftp_username: 'daemon',
    anon_root: join(folder, 'root'),
    secure_chroot_dir: join(folder, 'empty'),
    connect_from_port_20: 'YES',
    pasv_min_port: 30000,
    pasv_max_port: 30000,
    seccomp_sandbox: 'NO',
    xferlog_enable: 'NO',
  };
  const file = join(folder, 'vsftpd.conf');
  writeFileSync(
    file,
    Object.entries(settings)
      .map(([name, value]) => `${name}=${value}\n`)
      .join(''),
  );
  pods.spawn('b', 'vsftpd', file);
  const ask = (): Promise<string> =>
    pods.in('b', 'curl', '--silent', '--show-error', '--max-time', '5', 'ftp://10.0.0.2/file');
  await vi.waitFor(async () => expect(await ask()).toBe('what was asked for\n'), PATIENCE);
}

describe.skipIf(missing.length > 0)(
  `conversations through both switches${missing.length ? ` (skipped: ${missing.join('; ')})` : ''}`,
  () => {
    let folder: string;
    const sides: Side[] = [];
    const onBoth = <T>(what: (side: Side) => Promise<T>): Promise<T[]> => Promise.all(sides.map(what));

    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), `packetwalk-exchanges-${process.pid}-`));
      chmodSync(folder, 0o755); // vsftpd reads as another user
      sides.push(await ours(folder));
      sides.push(await theirs());
      await onBoth(async ({ pods }) => {
        await pods.serve('b', 'echo', '80');
        await serveFtp(pods, join(folder, pods.netns('b')));
      });
    });
    afterAll(async () => {
      await onBoth((side) => side.stop());
      rmSync(folder, { recursive: true, force: true });
    });
    beforeEach(() => onBoth((side) => side.forget()));

    /** Both remember these, in the end. */
    async function remembers(connections: string[]): Promise<void> {
      for (const side of sides)
        await expect.poll(async () => withoutChosenPorts(await side.dump())).toEqual([...connections].sort());
    }
    /** What the program says is the same in both. */
    async function says(what: (pods: TwoPods) => Promise<string>, expected: string | RegExp): Promise<void> {
      for (const text of await onBoth(({ pods }) => what(pods))) expect(text).toMatch(expected);
    }

    it('TCP through DNAT and SNAT in two zones, with losses, brings every byte', async () => {
      const lossy = [
        'iptables',
        '-A',
        'INPUT',
        '-p',
        'tcp',
        '-m',
        'statistic',
        '--mode',
        'nth',
        '--every',
        '23',
        '--packet',
        '5',
        '-j',
        'DROP',
      ];
      for (const pod of ['a', 'b'] as const) await onBoth(({ pods }) => pods.in(pod, ...lossy));
      await says((pods) => pods.exchange('a', 'tcp', TWO_ZONES, '80', '20001', '300000'), /^all came back$/);
      await remembers([
        'tcp,orig=(src=10.0.0.1,dst=10.0.0.100,sport=20001,dport=80),reply=(src=10.0.0.2,dst=10.0.0.1,sport=80,dport=20001),zone=1,protoinfo=(state=TIME_WAIT)',
        'tcp,orig=(src=10.0.0.1,dst=10.0.0.2,sport=20001,dport=80),reply=(src=10.0.0.2,dst=10.0.0.200,sport=80,dport=20001),zone=2,protoinfo=(state=TIME_WAIT)',
      ]);
      for (const { pods } of sides) expect(await retransmitted(pods)).toBeGreaterThan(0);
      for (const pod of ['a', 'b'] as const) await onBoth(({ pods }) => pods.in(pod, 'iptables', '-F', 'INPUT'));
    });

    it.each([
      [
        'passive',
        10,
        ['--disable-epsv'],
        'orig=(src=10.0.0.1,dst=10.0.0.101,sport=N,dport=30000),reply=(src=10.0.0.2,dst=10.0.0.1,sport=30000,dport=N)',
      ],
      [
        'active',
        11,
        ['--ftp-port', '-', '--disable-eprt'],
        'orig=(src=10.0.0.2,dst=10.0.0.1,sport=20,dport=N),reply=(src=10.0.0.1,dst=10.0.0.101,sport=N,dport=20)',
      ],
    ])(
      'FTP, %s: what the control connection says lets the data connection through',
      async (_, table, options, data) => {
        await says(
          (pods) =>
            pods.in('a', 'curl', '--silent', '--show-error', '--max-time', '30', ...options, `ftp://${FTP}/file`),
          /^what was asked for\n$/,
        );
        await remembers([
          'tcp,orig=(src=10.0.0.1,dst=10.0.0.101,sport=N,dport=21),reply=(src=10.0.0.2,dst=10.0.0.1,sport=21,dport=N),zone=5,protoinfo=(state=TIME_WAIT),helper=ftp',
          `tcp,${data},zone=5,protoinfo=(state=TIME_WAIT)`,
        ]);
        for (const side of sides)
          await expect.poll(() => side.flows(`table=${table},ct_state=+new+rel+trk,tcp`)).toContain('n_packets=1,');
      },
    );

    it('a datagram of 9,000 bytes crosses in fragments, with its address translated, both ways', async () => {
      await says((pods) => pods.exchange('a', 'udp', UDP, '80', '20002'), /^all came back$/);
      await remembers([
        'udp,orig=(src=10.0.0.1,dst=10.0.0.102,sport=20002,dport=80),reply=(src=10.0.0.2,dst=10.0.0.1,sport=80,dport=20002),zone=6',
      ]);
    });

    it('an ICMP error is +rel, and names the address that the sender dialled', async () => {
      // Nobody is at this port: a connected socket hears of it only when the inner header is the one that it sent.
      await says((pods) => pods.exchange('a', 'udp', UDP, '9', '20003'), /^ECONNREFUSED$/);
      await onBoth(({ pods }) => pods.in('b', 'ip', 'route', 'add', '10.0.1.0/24', 'via', '10.0.0.1'));
      await says(
        (pods) => pods.in('a', 'ping', '-n', '-c', '1', '-t', '1', '-W', '10', '-e', '77', FAR),
        /From 10\.0\.0\.103 .*Time to live exceeded/,
      );
      await remembers([
        'udp,orig=(src=10.0.0.1,dst=10.0.0.102,sport=20003,dport=9),reply=(src=10.0.0.2,dst=10.0.0.1,sport=9,dport=20003),zone=6',
        'icmp,orig=(src=10.0.0.1,dst=10.0.0.103,id=77,type=8,code=0),reply=(src=10.0.1.9,dst=10.0.0.1,id=77,type=0,code=0),zone=6',
      ]);
      for (const side of sides)
        await expect.poll(() => side.flows('table=13,ct_state=+rel+rpl+trk,icmp')).toContain('n_packets=2,');
    });

    it('IPv6 from pod to pod: TCP and ping', async () => {
      await says((pods) => pods.exchange('a', 'tcp', 'fd00::2', '80', '20004', '50000'), /^all came back$/);
      await says(
        (pods) => pods.in('a', 'ping', '-n', '-c', '2', '-i', '0.2', '-W', '10', '-e', '78', 'fd00::2'),
        / 2 received/,
      );
      await remembers([
        'tcp,orig=(src=fd00::1,dst=fd00::2,sport=20004,dport=80),reply=(src=fd00::2,dst=fd00::1,sport=80,dport=20004),zone=7,protoinfo=(state=TIME_WAIT)',
        'icmpv6,orig=(src=fd00::1,dst=fd00::2,id=78,type=128,code=0),reply=(src=fd00::2,dst=fd00::1,id=78,type=129,code=0),zone=7',
      ]);
    });
  },
);
