// ovs-dpdk: Open vSwitch on DPDK, the peer of our datapath trials. One poll-mode thread on a core of its own; ports are
// net_pcap, which copies frames from memory, and net_null, which counts what is sent. The same pipeline and captures as
// ours.
import { access, readFile, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { packageFile } from '../../dataplane/root.js';
import { cpuNsOf, findThread, preferThread, rssOf } from '../memory/thread.js';
import { addBridge, startOvs } from '../private-ovs.js';
import { PODS } from '../pods.js';
import type { BenchPod, Contender, MemorySwitch } from '../types.js';

const VSWITCHD = '/usr/lib/openvswitch-switch-dpdk/ovs-vswitchd-dpdk';
const PACKAGES = 'openvswitch-switch-dpdk librte-net-pcap23 librte-net-null23 librte-mempool-ring23 librte-bus-vdev23';
const DRIVERS = '/usr/lib/x86_64-linux-gnu/dpdk/pmds-23.0';
const HUGEPAGES = '/proc/sys/vm/nr_hugepages';
const HUGEPAGES_NEEDED = 1024;
const SOCKET_MB = 1536;
/**
 * net_pcap counts what a burst read, net_null what a burst took. In between the one poll-mode thread has one burst of
 * one queue: it sends what a burst made before it polls again (ovs-vswitchd.conf.db(5), tx-flush-interval: 0 by
 * default), at most 32 frames (NETDEV_MAX_BURST of lib/dp-packet.h).
 */
const BURST = 32;

export const ovsDpdk: Contender = {
  name: 'ovs-dpdk',
  title: 'OVS-DPDK, one poll-mode thread, worker1 pipeline',
  async unavailable() {
    if (cpus().length < 2) return 'a core of its own for the poll-mode thread is missing: this machine has one';
    for (const file of [VSWITCHD, `${DRIVERS}/librte_net_pcap.so.23`, `${DRIVERS}/librte_net_null.so.23`]) {
      if (
        await access(file).then(
          () => false,
          () => true,
        )
      )
        return `${file} is missing: apt-get install ${PACKAGES}`;
    }
    return undefined;
  },
  async deployMemory(switchNetns) {
    const before = (await readFile(HUGEPAGES, 'utf8')).trim();
    await writeFile(HUGEPAGES, String(HUGEPAGES_NEEDED));
    const giveBack = () => writeFile(HUGEPAGES, before);
    try {
      if (Number(await readFile(HUGEPAGES, 'utf8')) < HUGEPAGES_NEEDED) {
        throw new Error(`expected ${HUGEPAGES_NEEDED} huge pages of 2 MB, the kernel has fewer to give`);
      }
      const sw = await deploy(switchNetns);
      return { ...sw, teardown: async () => sw.teardown().finally(giveBack) };
    } catch (error) {
      await giveBack();
      throw error;
    }
  },
};

async function deploy(switchNetns: string): Promise<MemorySwitch> {
  const ovs = await startOvs(VSWITCHD, switchNetns, [
    'other_config:dpdk-init=true',
    'other_config:dpdk-extra="--no-pci --in-memory"',
    `other_config:dpdk-socket-mem=${SOCKET_MB}`,
    'other_config:dpdk-lcore-mask=0x1',
    'other_config:pmd-cpu-mask=0x2',
  ]);
  try {
    await addBridge(ovs, 'netdev');
    let played = 0;
    const add = (port: { port: string; ofport: number }, capture?: string, loop = false) => {
      // A name of its own each time: the driver's old device may still be going away.
      const device = `${port.ofport}_${played++}`;
      const args = capture
        ? `net_pcap_${device},rx_pcap=${capture}${loop ? ',infinite_rx=1' : ''}`
        : `net_null_${device},size=64,copy=0,no-rx=1`;
      return ovs.vsctl(
        'add-port',
        'br-int',
        port.port,
        '--',
        'set',
        'Interface',
        port.port,
        'type=dpdk',
        `ofport_request=${port.ofport}`,
        `options:dpdk-devargs=${args}`,
      );
    };
    await add({ port: 'antrea-gw0', ofport: 2 });
    for (const p of Object.values(PODS)) await add(p);
    await ovs.ofctl('add-tlv-map', 'br-int', '{class=0x0104,type=0x80,len=4}->tun_metadata0');
    await ovs.ofctl('add-flows', 'br-int', packageFile('flows', 'article', 'worker1.flows'));
    await ovs.appctl('dpctl/ct-set-maxconns', '2000000');
    const pid = await ovs.vswitchdPid();
    const tid = await findThread(pid, 'pmd-');
    return {
      async play(p: BenchPod, capture, loop) {
        await ovs.vsctl('del-port', 'br-int', p.port);
        await add(p, capture, loop);
      },
      async counts() {
        const text = await ovs.appctl('dpctl/show', '-s');
        const sum = (what: string) =>
          [...text.matchAll(new RegExp(`${what} packets:(\\d+)`, 'g'))].reduce((n, m) => n + Number(m[1]), 0);
        const connections = Number(await ovs.appctl('dpctl/ct-get-nconns'));
        return { received: sum('RX'), sent: sum('TX'), notSent: await ovs.datapathDrops(), connections };
      },
      onTheWay: BURST,
      prefer: () => preferThread(tid),
      cpuNs: () => cpuNsOf(pid, tid),
      rss: () => rssOf(pid),
      addFlows: async (file) => void (await ovs.ofctl('add-flows', 'br-int', file)),
      forget: async () => void (await ovs.appctl('revalidator/purge')),
      async megaflows() {
        return Number(/flows: (\d+)/.exec(await ovs.appctl('dpctl/show'))?.[1] ?? 0);
      },
      teardown: () => ovs.teardown(),
    };
  } catch (error) {
    await ovs.teardown();
    throw error;
  }
}
