// ovs-netdev and ovs-netdev-tso: Open vSwitch with its own userspace datapath (AF_PACKET ports), the same pipelines.
// Without userspace TSO it cannot carry unfinished frames, so the pods' offloads are switched off; with it they stay
// on, except between nodes: this version drops what is unfinished when it would put it into a tunnel. This is not
// kernel OVS and must never be read as that.
import { access } from 'node:fs/promises';
import { ip } from '../../lab/run.js';
import { addNode, addWorker1, startOvs, VSWITCHD, type PrivateOvs } from '../private-ovs.js';
import { addressNodePods, addressUplink, NODES, UPLINK } from '../nodes.js';
import { address, joinByVeth, offloadsOff } from '../pods.js';
import type { Station } from '../check.js';
import { betweenPorts, packetSocketDrops, portPairs, type PortPair } from '../stations.js';
import type { BenchNode, BenchPod, Contender } from '../types.js';

/** The node's own bridge: OVS's userspace tunnels leave through one. */
const UNDERLAY = 'br-phy';
/**
 * Frames that it sends at once (lib/dp-packet.h, NETDEV_MAX_BURST); when the kernel refuses one, those behind it go
 * with it.
 */
const BURST = 32;

function ovsNetdev(tso: boolean): Contender {
  const settings = tso ? ['other_config:userspace-tso-enable=true'] : [];
  return {
    name: tso ? 'ovs-netdev-tso' : 'ovs-netdev',
    title: `OVS userspace datapath${tso ? ' with userspace TSO' : ', offloads off'}, worker1 pipeline`,
    async unavailable() {
      return access(VSWITCHD).then(
        () => undefined,
        () => `${VSWITCHD} is missing: apt-get install openvswitch-switch`,
      );
    },
    async deploy(pods, switchNetns) {
      for (const p of pods) await joinByVeth(p);
      await address(pods);
      if (!tso) await offloadsOff(pods);
      const ovs = await startOvs(VSWITCHD, switchNetns, settings);
      try {
        await addWorker1(ovs, 'netdev', pods);
        return {
          pid: await ovs.vswitchdPid(),
          addPort: async (name, ofport) =>
            void (await ovs.vsctl(
              'add-port',
              'br-int',
              name,
              '--',
              'set',
              'Interface',
              name,
              'type=internal',
              `ofport_request=${ofport}`,
            )),
          addFlows: async (file) => void (await ovs.ofctl('add-flows', 'br-int', file)),
          forget: async () => void (await ovs.appctl('revalidator/purge')),
          stations: async (ways) => [await station('datapath', ovs, portPairs(switchNetns, ways))],
          teardown: () => ovs.teardown(),
        };
      } catch (error) {
        await ovs.teardown();
        throw error;
      }
    },
    async deployNodes(nodes) {
      const started: PrivateOvs[] = [];
      const teardown = async () => {
        for (const ovs of started) await ovs.teardown();
      };
      try {
        for (const n of nodes) {
          const ovs = await startOvs(VSWITCHD, n.netns, settings);
          started.push(ovs);
          await deployNode(ovs, n);
        }
        return {
          stations: async ([[from, to]]) => {
            const place = (p: BenchPod) => nodes.findIndex((n) => n.pods.includes(p));
            const [there, here] = [place(from), place(to)];
            return [
              await station('first node', started[there], [{ netns: nodes[there].netns, in: from.port, out: UPLINK }]),
              await station('second node', started[here], [{ netns: nodes[here].netns, in: UPLINK, out: to.port }]),
            ];
          },
          teardown,
        };
      } catch (error) {
        await teardown();
        throw error;
      }
    },
  };
}

/** OVS says nothing of what its packet sockets lose; the kernel does. */
async function station(name: string, ovs: PrivateOvs, pairs: readonly PortPair[]): Promise<Station> {
  const {
    ways,
    dropped: { tx_dropped },
  } = await betweenPorts(name, pairs);
  const packet_sockets = (await Promise.all(pairs.map((p) => packetSocketDrops(p.netns, [p.in])))).reduce(
    (a, b) => a + b,
    0,
  );
  return {
    name,
    ways,
    dropped: { packet_sockets, ...(await ovs.datapathDrops()) },
    upTo: { tx_dropped: BURST * tx_dropped },
  };
}

async function deployNode(ovs: PrivateOvs, n: BenchNode): Promise<void> {
  for (const p of n.pods) await joinByVeth(p, n.netns);
  await ovs.vsctl(
    'add-br',
    UNDERLAY,
    '--',
    'set',
    'bridge',
    UNDERLAY,
    'datapath_type=netdev',
    `other_config:hwaddr="${n.mac}"`,
    '--',
    'add-port',
    UNDERLAY,
    UPLINK,
  );
  await ip(['-n', n.netns, 'link', 'set', UNDERLAY, 'mtu', '1500']);
  await addressUplink(n, UNDERLAY);
  await addNode(ovs, 'netdev', n.pods, n.flows);
  for (const peer of NODES) if (peer.ip !== n.ip) await ovs.appctl('tnl/neigh/set', UNDERLAY, peer.ip, peer.mac);
  await addressNodePods(n);
  await offloadsOff(n.pods);
}

export const ovsNetdevPlain = ovsNetdev(false);
export const ovsNetdevTso = ovsNetdev(true);
