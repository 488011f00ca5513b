// Real Open vSwitch (its userspace datapath) in place of a node's switch in a running lab with veth ports: same flows,
// same ports, a real Geneve tunnel. The uplink becomes a port of a second bridge that takes over its name, MAC and
// address, because OVS's own tunnels leave through a bridge of its own. Taken back with stop(); the lab itself goes
// with `down`.
import { access, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { controlCall } from '../../dataplane/control/client.js';
import { controlSocket, type Lab } from '../../lab/index.js';
import { ip, ipBatch, run, runIn, stopPid } from '../../lab/run.js';
import { configureSwitchPorts } from '../../lab/switch-ports.js';

const VSWITCHD = '/usr/lib/openvswitch-switch/ovs-vswitchd';
const SCHEMA = '/usr/share/openvswitch/vswitch.ovsschema';
/** The cable's new name, once the bridge is called as it was. */
const UPLINK = 'uplink0';

export interface OvsNode {
  /** `ovs-ofctl dump-flows br-int` with these arguments. */
  dumpFlows(...args: string[]): Promise<string>;
  stop(): Promise<void>;
}

export async function ovsMissing(): Promise<string | undefined> {
  return access(VSWITCHD).then(
    () => undefined,
    () => 'openvswitch-switch is not installed',
  );
}

export async function replaceByOvs(lab: Lab, name: string): Promise<OvsNode> {
  const node = lab.nodes.find((n) => n.name === name)!;
  const pods = lab.pods.filter((p) => p.node === name);
  const { netns, underlay, gateway } = node;
  await controlCall(controlSocket(lab, node), 'exit');
  const dir = await mkdtemp(join(tmpdir(), 'packetwalk-ovs-node-'));
  const env = { OVS_RUNDIR: dir, OVS_LOGDIR: dir, OVS_DBDIR: dir, OVS_SYSCONFDIR: dir };
  const daemon = (what: string) => [
    '--detach',
    '--no-chdir',
    `--pidfile=${join(dir, what)}.pid`,
    `--log-file=${join(dir, what)}.log`,
    '-vconsole:off',
    `--unixctl=${join(dir, what)}.ctl`,
  ];
  const vsctl = (...args: string[]) => run('ovs-vsctl', [`--db=unix:${dir}/db.sock`, '--timeout=20', ...args], { env });
  const ofctl = (...args: string[]) => run('ovs-ofctl', args, { env });
  const stop = async (): Promise<void> => {
    for (const what of ['vswitchd', 'ovsdb']) {
      const pid = await readFile(join(dir, `${what}.pid`), 'utf8').then(Number, () => undefined);
      if (pid) await stopPid(pid);
    }
    await rm(dir, { recursive: true, force: true });
  };
  try {
    // The cable keeps neither address nor MAC: what it brings is for OVS alone, not for the node's own stack.
    await ipBatch(netns, [
      `link set ${underlay.name} down`,
      `address flush dev ${underlay.name}`,
      `link set ${underlay.name} name ${UPLINK}`,
      `link set ${UPLINK} address 02:00:00:00:00:fe arp off up`,
    ]);
    for (const p of pods)
      await runIn(p.netns, ['ethtool', '-K', 'eth0', 'tx', 'off', 'tso', 'off', 'gso', 'off', 'gro', 'off']);
    await run('ovsdb-tool', ['create', join(dir, 'conf.db'), SCHEMA], { env });
    await run('ovsdb-server', [...daemon('ovsdb'), `--remote=punix:${dir}/db.sock`, join(dir, 'conf.db')], { env });
    await vsctl('--no-wait', 'init');
    await runIn(netns, [VSWITCHD, '--disable-system', ...daemon('vswitchd'), `unix:${dir}/db.sock`], { env });
    await vsctl(
      'add-br',
      underlay.name,
      '--',
      'set',
      'bridge',
      underlay.name,
      'datapath_type=netdev',
      `other-config:hwaddr=${underlay.mac}`,
      '--',
      'add-port',
      underlay.name,
      UPLINK,
    );
    await ipBatch(netns, [
      `link set ${underlay.name} mtu ${underlay.mtu} up`,
      `address add ${underlay.address} dev ${underlay.name}`,
      ...node.routes.underlay.map((route) => `route replace ${route}`),
    ]);
    const { bridge, tunnel, tlvMap } = lab.switches;
    await vsctl(
      'add-br',
      bridge,
      '--',
      'set',
      'bridge',
      bridge,
      'datapath_type=netdev',
      'fail-mode=secure',
      '--',
      'add-port',
      bridge,
      tunnel.name,
      '--',
      'set',
      'Interface',
      tunnel.name,
      'type=geneve',
      `ofport_request=${tunnel.ofport}`,
      'options:csum=true',
      'options:key=flow',
      'options:remote_ip=flow',
      '--',
      'add-port',
      bridge,
      gateway.name,
      '--',
      'set',
      'Interface',
      gateway.name,
      'type=internal',
      `ofport_request=${gateway.ofport}`,
      ...pods.flatMap((p) => [
        '--',
        'add-port',
        bridge,
        p.port,
        '--',
        'set',
        'Interface',
        p.port,
        `ofport_request=${p.ofport}`,
      ]),
    );
    if (tlvMap) await ofctl('add-tlv-map', bridge, tlvMap);
    await ofctl('add-flows', bridge, node.flows);
    if (!(await configureSwitchPorts(lab, node))) throw new Error(`OVS did not make ${gateway.name}`);
    await ip(['-n', netns, 'neigh', 'flush', 'all']);
  } catch (error) {
    const log = await readFile(join(dir, 'vswitchd.log'), 'utf8').catch(() => '');
    await stop();
    throw new Error(
      `${(error as Error).message}\n${log
        .split('\n')
        .filter((l) => /WARN|ERR/.test(l))
        .slice(-10)
        .join('\n')}`,
    );
  }
  return {
    dumpFlows: async (...args) => (await ofctl('dump-flows', lab.switches.bridge, ...args)).stdout,
    stop,
  };
}
