// ovs-netdev and ovs-netdev-tso: Open vSwitch with its own userspace datapath (AF_PACKET ports), the same worker1 pipeline.
// Without userspace TSO it cannot carry unfinished frames, so the pods' offloads are switched off; with it they stay on.
// This is not kernel OVS and must never be read as that.
import { access } from 'node:fs/promises';
import { addWorker1, startOvs, VSWITCHD } from '../private-ovs.js';
import { address, joinByVeth, offloadsOff } from '../pods.js';
import type { Contender } from '../types.js';

function ovsNetdev(tso: boolean): Contender {
  return {
    name: tso ? 'ovs-netdev-tso' : 'ovs-netdev',
    title: `OVS userspace datapath${tso ? ' with userspace TSO' : ', offloads off'}, worker1 pipeline`,
    async unavailable() {
      return access(VSWITCHD).then(() => undefined, () => `${VSWITCHD} is missing: apt-get install openvswitch-switch`);
    },
    async deploy(pods, switchNetns) {
      for (const p of pods) await joinByVeth(p);
      await address(pods);
      if (!tso) await offloadsOff(pods);
      const ovs = await startOvs(VSWITCHD, switchNetns, tso ? ['other_config:userspace-tso-enable=true'] : []);
      try {
        await addWorker1(ovs, 'netdev', pods);
      } catch (error) {
        await ovs.teardown();
        throw error;
      }
      return { teardown: () => ovs.teardown() };
    },
  };
}

export const ovsNetdevPlain = ovsNetdev(false);
export const ovsNetdevTso = ovsNetdev(true);
