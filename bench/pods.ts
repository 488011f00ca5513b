// The bench's pods: four of worker1's, each a network namespace. A contender gives each its eth0; address() then makes
// them reachable, with fixed neighbours so that no ARP is measured. frontend -> backend1 carries TCP to port 80, which
// the article's policies allow; coredns -> octant carries UDP, which no policy selects.
import { ip, netnsAdd, netnsDelete, run } from '../lab/run.js';
import type { BenchPod } from './types.js';

export const PREFIX = 'pwb-';
export const SWITCH_NETNS = `${PREFIX}switch`;
export const MTU = 1450;

export const pod = (name: string, addr: string, mac: string, port: string, ofport: number): BenchPod => ({
  name,
  netns: `${PREFIX}${name}`,
  ip: addr,
  mac,
  port,
  ofport,
});

export const PODS: Record<string, BenchPod> = {
  frontend: pod('frontend', '10.222.1.48', 'be:2c:bf:e4:ec:c5', 'frontend-a3ba2f', 49),
  backend1: pod('backend1', '10.222.1.47', 'f2:32:d8:07:e2:a6', 'backend1-bab86f', 48),
  coredns: pod('coredns', '10.222.1.2', 'f2:82:cc:96:da:bd', 'coredns--3e3abf', 3),
  octant: pod('octant', '10.222.1.3', '6e:9e:5a:3e:3f:e8', 'antrea-o-830766', 4),
};

const namespaces = [SWITCH_NETNS, ...Object.values(PODS).map((p) => p.netns)];

/** Makes the namespaces, after removing what a killed run may have left. */
export async function createPods(): Promise<void> {
  await removePods();
  for (const ns of namespaces) await quietNamespace(ns);
}

/** A namespace that says nothing of its own accord: no IPv6, which would have neighbours to ask for. */
export async function quietNamespace(name: string): Promise<void> {
  await netnsAdd(name);
  const off = ['net.ipv6.conf.all.disable_ipv6=1', 'net.ipv6.conf.default.disable_ipv6=1'];
  await run('ip', ['netns', 'exec', name, 'sysctl', '-qw', ...off]);
}

export async function removePods(): Promise<void> {
  for (const ns of namespaces) await netnsDelete(ns);
}

/** A veth pair: the pod's eth0, and the port's name in the switch's namespace. */
export async function joinByVeth(p: BenchPod, switchNetns = SWITCH_NETNS): Promise<void> {
  await ip([
    'link',
    'add',
    'eth0',
    'netns',
    p.netns,
    'address',
    p.mac,
    'mtu',
    String(MTU),
    'type',
    'veth',
    'peer',
    'name',
    p.port,
    'netns',
    switchNetns,
    'mtu',
    String(MTU),
  ]);
  await ip(['-n', switchNetns, 'link', 'set', p.port, 'up']);
}

/** The pod's eth0 exists: address, up, neighbours. */
export async function address(pods: BenchPod[]): Promise<void> {
  for (const p of pods) {
    await ip(['-n', p.netns, 'link', 'set', 'lo', 'up']);
    await ip(['-n', p.netns, 'link', 'set', 'eth0', 'mtu', String(MTU), 'up']);
    await ip(['-n', p.netns, 'addr', 'replace', `${p.ip}/24`, 'dev', 'eth0']);
    for (const q of pods) {
      if (q !== p)
        await ip(['-n', p.netns, 'neigh', 'replace', q.ip, 'lladdr', q.mac, 'dev', 'eth0', 'nud', 'permanent']);
    }
  }
}

/** Every offload of the pod's eth0 off, for a contender that cannot carry unfinished frames. */
export async function offloadsOff(pods: BenchPod[]): Promise<void> {
  for (const p of pods) {
    await run('ip', [
      'netns',
      'exec',
      p.netns,
      'ethtool',
      '-K',
      'eth0',
      'tx',
      'off',
      'tso',
      'off',
      'gso',
      'off',
      'gro',
      'off',
    ]);
  }
}
