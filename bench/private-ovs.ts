// A private Open vSwitch for the bench: ovsdb-server and a vswitchd of our choice on sockets of their own in a temporary
// folder, ended by their pid files.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run, stopPid } from '../lab/run.js';

const SCHEMA = '/usr/share/openvswitch/vswitch.ovsschema';

export interface PrivateOvs {
  vsctl(...args: string[]): Promise<string>;
  ofctl(...args: string[]): Promise<string>;
  appctl(...args: string[]): Promise<string>;
  vswitchdPid(): Promise<number>;
  teardown(): Promise<void>;
}

/** `settings`: columns of Open_vSwitch set before vswitchd starts, as `other_config:x=y`. */
export async function startOvs(vswitchd: string, netns: string, settings: string[]): Promise<PrivateOvs> {
  const dir = await mkdtemp(join(tmpdir(), 'packetwalk-ovs-'));
  const env = { OVS_RUNDIR: dir, OVS_LOGDIR: dir, OVS_DBDIR: dir, OVS_SYSCONFDIR: dir };
  const daemon = (name: string) => ['--detach', '--no-chdir', `--pidfile=${join(dir, name)}.pid`,
    `--log-file=${join(dir, name)}.log`, '-vconsole:off', `--unixctl=${join(dir, name)}.ctl`];
  const out = async (command: string, args: string[]) => (await run(command, args, { env })).stdout;
  const ovs: PrivateOvs = {
    vsctl: (...args) => out('ovs-vsctl', [`--db=unix:${dir}/db.sock`, '--timeout=60', ...args]),
    ofctl: (...args) => out('ovs-ofctl', args),
    appctl: (...args) => out('ovs-appctl', ['-t', join(dir, 'vswitchd.ctl'), ...args]),
    vswitchdPid: async () => Number(await readFile(join(dir, 'vswitchd.pid'), 'utf8')),
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
