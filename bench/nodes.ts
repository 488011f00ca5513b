// Two nodes for the Geneve trials: worker1 and worker2 of the article, each a namespace with an uplink, joined by a
// veth cable (MTU 1500), with the pods that the article's tables name. A contender puts a switch with the node's flow
// tables between its pods and the uplink.
import { packageFile } from '../dataplane/root.js';
import { ip, netnsDelete } from '../lab/run.js';
import { MTU, pod, PREFIX, quietNamespace } from './pods.js';
import type { BenchNode, BenchPod } from './types.js';

export const UPLINK = 'uplink0';

export const NODES: readonly BenchNode[] = [
  {
    netns: `${PREFIX}node1`,
    ip: '10.79.1.201',
    mac: '00:50:56:8f:4e:82',
    gwMac: '4e:99:08:c1:53:be',
    gwIp: '10.222.1.1',
    flows: packageFile('flows', 'article', 'worker1.flows'),
    pods: [
      pod('n1frontend', '10.222.1.48', 'be:2c:bf:e4:ec:c5', 'frontend-a3ba2f', 49),
      pod('n1coredns', '10.222.1.2', 'f2:82:cc:96:da:bd', 'coredns--3e3abf', 3),
      pod('n1backend', '10.222.1.47', 'f2:32:d8:07:e2:a6', 'backend1-bab86f', 48),
      pod('n1octant', '10.222.1.3', '6e:9e:5a:3e:3f:e8', 'antrea-o-830766', 4),
    ],
  },
  {
    netns: `${PREFIX}node2`,
    ip: '10.79.1.202',
    mac: '00:50:56:8f:1c:f6',
    gwMac: '02:d8:4e:3f:92:1d',
    gwIp: '10.222.2.1',
    flows: packageFile('flows', 'article', 'worker2.flows'),
    pods: [
      pod('n2backend', '10.222.2.34', 'c6:f4:b5:76:10:38', 'backend2-202ff6', 35),
      pod('n2coredns', '10.222.2.2', '52:9d:f4:63:06:bc', 'coredns--d8f62c', 3),
    ],
  },
];

const namespaces = NODES.flatMap((n) => [n.netns, ...n.pods.map((p) => p.netns)]);

/** Namespaces and the cable; what a killed run may have left goes first. */
export async function createNodes(): Promise<void> {
  await removeNodes();
  for (const ns of namespaces) {
    await quietNamespace(ns);
    await ip(['-n', ns, 'link', 'set', 'lo', 'up']);
  }
  const [a, b] = NODES;
  await ip([
    'link',
    'add',
    UPLINK,
    'netns',
    a.netns,
    'address',
    a.mac,
    'type',
    'veth',
    'peer',
    'name',
    UPLINK,
    'netns',
    b.netns,
    'address',
    b.mac,
  ]);
  for (const n of NODES) await ip(['-n', n.netns, 'link', 'set', UPLINK, 'up']);
}

export async function removeNodes(): Promise<void> {
  for (const ns of namespaces) await netnsDelete(ns);
}

/** The node's address on its uplink, or on the bridge that took its place; the other node's MAC is known. */
export async function addressUplink(n: BenchNode, device: string): Promise<void> {
  await ip(['-n', n.netns, 'link', 'set', device, 'up']);
  await ip(['-n', n.netns, 'addr', 'replace', `${n.ip}/24`, 'dev', device]);
  for (const peer of NODES) {
    if (peer.ip !== n.ip)
      await ip(['-n', n.netns, 'neigh', 'replace', peer.ip, 'lladdr', peer.mac, 'dev', device, 'nud', 'permanent']);
  }
}

/** The pods' eth0 exist: address, and the gateway as the way to everything else. */
export async function addressNodePods(n: BenchNode): Promise<void> {
  for (const p of n.pods) await addressNodePod(n, p);
}

async function addressNodePod(n: BenchNode, p: BenchPod): Promise<void> {
  await ip(['-n', p.netns, 'link', 'set', 'eth0', 'mtu', String(MTU), 'up']);
  await ip(['-n', p.netns, 'addr', 'replace', `${p.ip}/24`, 'dev', 'eth0']);
  await ip(['-n', p.netns, 'neigh', 'replace', n.gwIp, 'lladdr', n.gwMac, 'dev', 'eth0', 'nud', 'permanent']);
  await ip(['-n', p.netns, 'route', 'replace', 'default', 'via', n.gwIp]);
}
