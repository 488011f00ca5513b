// ovs-netdev and ovs-netdev-tso: Open vSwitch with its own userspace datapath (AF_PACKET ports), the same worker1 pipeline.
// Without userspace TSO it cannot carry unfinished frames, so the pods' offloads are switched off; with it they stay on.
// This is not kernel OVS and must never be read as that.
import { access, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packageFile } from '../../dataplane/root.js';
import { run, stopPid } from '../../lab/run.js';
import { address, joinByVeth, offloadsOff } from '../pods.js';
import type { Contender } from '../types.js';

const VSWITCHD = '/usr/lib/openvswitch-switch/ovs-vswitchd';
const SCHEMA = '/usr/share/openvswitch/vswitch.ovsschema';

function ovsNetdev(tso: boolean): Contender {
  return {
    name: tso ? 'ovs-netdev-tso' : 'ovs-netdev',
    title: `OVS userspace datapath${tso ? ' with userspace TSO' : ', offloads off'}, worker1 pipeline`,
    async unavailable() {
      return access(VSWITCHD).then(() => undefined, () => `${VSWITCHD} is missing: apt-get install openvswitch-switch`);
    },
    async deploy(pods, switchNetns) {
      const dir = await mkdtemp(join(tmpdir(), 'packetwalk-ovs-'));
      const env = { OVS_RUNDIR: dir, OVS_LOGDIR: dir, OVS_DBDIR: dir, OVS_SYSCONFDIR: dir };
      const daemon = (name: string) => ['--detach', '--no-chdir', `--pidfile=${join(dir, name)}.pid`,
        `--log-file=${join(dir, name)}.log`, '-vconsole:off', `--unixctl=${join(dir, name)}.ctl`];
      const vsctl = (...args: string[]) => run('ovs-vsctl', [`--db=unix:${dir}/db.sock`, '--timeout=30', ...args], { env });
      const ofctl = (...args: string[]) => run('ovs-ofctl', args, { env });
      const teardown = async () => {
        for (const name of ['vswitchd', 'ovsdb']) {
          const pid = await readFile(join(dir, `${name}.pid`), 'utf8').then(Number, () => undefined);
          if (pid) await stopPid(pid);
        }
        await rm(dir, { recursive: true, force: true });
      };
      try {
        for (const p of pods) await joinByVeth(p);
        await address(pods);
        if (!tso) await offloadsOff(pods);
        await run('ovsdb-tool', ['create', join(dir, 'conf.db'), SCHEMA], { env });
        await run('ovsdb-server', [...daemon('ovsdb'), `--remote=punix:${dir}/db.sock`, join(dir, 'conf.db')], { env });
        await vsctl('--no-wait', 'init');
        if (tso) await vsctl('--no-wait', 'set', 'Open_vSwitch', '.', 'other_config:userspace-tso-enable=true');
        await run('ip', ['netns', 'exec', switchNetns, VSWITCHD, ...daemon('vswitchd'), `unix:${dir}/db.sock`], { env });
        await vsctl('add-br', 'br-int', '--', 'set', 'bridge', 'br-int', 'datapath_type=netdev', 'fail-mode=secure');
        await vsctl('add-port', 'br-int', 'antrea-tun0', '--', 'set', 'Interface', 'antrea-tun0', 'type=geneve', 'ofport_request=1',
          'options:csum=true', 'options:key=flow', 'options:remote_ip=flow',
          '--', 'add-port', 'br-int', 'antrea-gw0', '--', 'set', 'Interface', 'antrea-gw0', 'type=internal', 'ofport_request=2',
          ...pods.flatMap((p) => ['--', 'add-port', 'br-int', p.port, '--', 'set', 'Interface', p.port, `ofport_request=${p.ofport}`]));
        await ofctl('add-tlv-map', 'br-int', '{class=0x0104,type=0x80,len=4}->tun_metadata0');
        await ofctl('add-flows', 'br-int', packageFile('flows', 'article', 'worker1.flows'));
      } catch (error) {
        await teardown();
        throw error;
      }
      return { teardown };
    },
  };
}

export const ovsNetdevPlain = ovsNetdev(false);
export const ovsNetdevTso = ovsNetdev(true);
