// ovs-kernel: Open vSwitch with its kernel datapath and the kernel's conntrack, on veths, worker1's pipeline. Where
// this kernel has no openvswitch, it is measured in a guest that has, with its peers beside it (bench/guest/).
import { access } from 'node:fs/promises';
import { run } from '../../lab/run.js';
import { addWorker1, startOvs, VSWITCHD } from '../private-ovs.js';
import { address, joinByVeth } from '../pods.js';
import { betweenPorts, portPairs } from '../stations.js';
import type { Contender } from '../types.js';

const MODULES = ['openvswitch', 'vport-geneve'];

export const ovsKernel: Contender = {
  name: 'ovs-kernel',
  title: 'OVS kernel datapath on veths, worker1 pipeline',
  inGuest: true,
  async unavailable() {
    if (
      await access(VSWITCHD).then(
        () => false,
        () => true,
      )
    )
      return `${VSWITCHD} is missing: apt-get install openvswitch-switch`;
    for (const module of MODULES) {
      const has = await run('modprobe', [module]).then(
        () => true,
        () => false,
      );
      if (!has) return `this kernel has no module ${module} (CONFIG_OPENVSWITCH, CONFIG_OPENVSWITCH_GENEVE)`;
    }
    return undefined;
  },
  async deploy(pods, switchNetns) {
    for (const p of pods) await joinByVeth(p);
    await address(pods);
    const ovs = await startOvs(VSWITCHD, switchNetns, []);
    try {
      await addWorker1(ovs, 'system', pods);
    } catch (error) {
      await ovs.teardown();
      throw error;
    }
    return {
      async stations(ways) {
        const station = await betweenPorts('datapath', portPairs(switchNetns, ways));
        // What the daemon had no time for (ovs-dpctl(8), show).
        const lost = Number(/ lost:(\d+)/.exec(await ovs.appctl('dpctl/show'))![1]);
        return [{ ...station, dropped: { ...station.dropped, lost } }];
      },
      async teardown() {
        // The kernel's datapath outlives its daemon: without this, so would the ports of the bridge.
        await ovs.vsctl('del-br', 'br-int').finally(() => ovs.teardown());
      },
    };
  },
};
