// A private Open vSwitch for the bench: ovsdb-server and a vswitchd of our choice on sockets of their own in a
// temporary folder, ended by their pid files.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packageFile } from '../dataplane/root.js';
import { run, stopPid } from '../lab/run.js';
import type { BenchPod } from './types.js';

/** A million flows take a while. */
const OVS_MS = 300_000;
/** Debian's daemon with the userspace and the kernel datapath. */
export const VSWITCHD = '/usr/lib/openvswitch-switch/ovs-vswitchd';
const SCHEMA = '/usr/share/openvswitch/vswitch.ovsschema';

export interface PrivateOvs {
  vsctl(...args: string[]): Promise<string>;
  ofctl(...args: string[]): Promise<string>;
  appctl(...args: string[]): Promise<string>;
  vswitchdPid(): Promise<number>;
  /** What its userspace datapath dropped, by reason. Threads tell it about once a second. */
  datapathDrops(): Promise<Record<string, number>>;
  teardown(): Promise<void>;
}

export function addWorker1(ovs: PrivateOvs, datapath: 'netdev' | 'system', pods: BenchPod[]): Promise<void> {
  return addNode(ovs, datapath, pods, packageFile('flows', 'article', 'worker1.flows'));
}

/** Bridge br-int, and port 1 for the tunnel between nodes. */
export async function addBridge(ovs: PrivateOvs, datapath: 'netdev' | 'system'): Promise<void> {
  await ovs.vsctl('add-br', 'br-int', '--', 'set', 'bridge', 'br-int', `datapath_type=${datapath}`, 'fail-mode=secure');
  await ovs.vsctl(
    'add-port',
    'br-int',
    'antrea-tun0',
    '--',
    'set',
    'Interface',
    'antrea-tun0',
    'type=geneve',
    'ofport_request=1',
    'options:csum=true',
    'options:key=flow',
    'options:remote_ip=flow',
  );
}

/**
 * Bridge br-int with a node's ports and flows; `datapath` as in the Bridge table: netdev, or system for the kernel's.
 */
export async function addNode(
  ovs: PrivateOvs,
  datapath: 'netdev' | 'system',
  pods: BenchPod[],
  flows: string,
): Promise<void> {
  await addBridge(ovs, datapath);
  await ovs.vsctl(
    'add-port',
    'br-int',
    'antrea-gw0',
    '--',
    'set',
    'Interface',
    'antrea-gw0',
    'type=internal',
    'ofport_request=2',
    ...pods.flatMap((p) => [
      '--',
      'add-port',
      'br-int',
      p.port,
      '--',
      'set',
      'Interface',
      p.port,
      `ofport_request=${p.ofport}`,
    ]),
  );
  await ovs.ofctl('add-tlv-map', 'br-int', '{class=0x0104,type=0x80,len=4}->tun_metadata0');
  await ovs.ofctl('add-flows', 'br-int', flows);
}

/** `settings`: columns of Open_vSwitch set before vswitchd starts, as `other_config:x=y`. */
export async function startOvs(vswitchd: string, netns: string, settings: string[]): Promise<PrivateOvs> {
  const dir = await mkdtemp(join(tmpdir(), 'packetwalk-ovs-'));
  const env = { OVS_RUNDIR: dir, OVS_LOGDIR: dir, OVS_DBDIR: dir, OVS_SYSCONFDIR: dir };
  const daemon = (name: string) => [
    '--detach',
    '--no-chdir',
    `--pidfile=${join(dir, name)}.pid`,
    `--log-file=${join(dir, name)}.log`,
    '-vconsole:off',
    `--unixctl=${join(dir, name)}.ctl`,
  ];
  const out = async (command: string, args: string[]) => (await run(command, args, { env, timeoutMs: OVS_MS })).stdout;
  const ovs: PrivateOvs = {
    vsctl: (...args) => out('ovs-vsctl', [`--db=unix:${dir}/db.sock`, '--timeout=60', ...args]),
    ofctl: (...args) => out('ovs-ofctl', args),
    appctl: (...args) => out('ovs-appctl', ['-t', join(dir, 'vswitchd.ctl'), ...args]),
    vswitchdPid: async () => Number(await readFile(join(dir, 'vswitchd.pid'), 'utf8')),
    async datapathDrops() {
      const lines = (await ovs.appctl('coverage/show')).matchAll(
        /^(datapath_drop_\w+|drop_action_\w+)\s.*total: (\d+)$/gm,
      );
      return Object.fromEntries([...lines].map(([, why, n]) => [why, Number(n)]));
    },
    async teardown() {
      for (const name of ['vswitchd', 'ovsdb']) {
        const pid = await readFile(join(dir, `${name}.pid`), 'utf8').then(Number, () => undefined);
        if (pid) await stopPid(pid);
      }
      await rm(dir, { recursive: true, force: true });
    },
  };
  try {
    await run('ovsdb-tool', ['create', join(dir, 'conf.db'), SCHEMA], { env });
    await run('ovsdb-server', [...daemon('ovsdb'), `--remote=punix:${dir}/db.sock`, join(dir, 'conf.db')], { env });
    await ovs.vsctl('--no-wait', 'init');
    if (settings.length > 0) await ovs.vsctl('--no-wait', 'set', 'Open_vSwitch', '.', ...settings);
    await run('ip', ['netns', 'exec', netns, vswitchd, ...daemon('vswitchd'), `unix:${dir}/db.sock`], { env });
    return ovs;
  } catch (error) {
    await ovs.teardown();
    throw error;
  }
}
