// ovs-netdev and ovs-netdev-tso: Open vSwitch with its own userspace datapath (AF_PACKET ports), the same worker1 pipeline.
// Without userspace TSO it cannot carry unfinished frames, so the pods' offloads are switched off; with it they stay on.
// This is not kernel OVS and must never be read as that.
import { access } from 'node:fs/promises';
import { packageFile } from '../../dataplane/root.js';
import { startOvs } from '../private-ovs.js';
import { address, joinByVeth, offloadsOff } from '../pods.js';
import type { Contender } from '../types.js';

const VSWITCHD = '/usr/lib/openvswitch-switch/ovs-vswitchd';

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
        await ovs.vsctl('add-br', 'br-int', '--', 'set', 'bridge', 'br-int', 'datapath_type=netdev', 'fail-mode=secure');
        await ovs.vsctl('add-port', 'br-int', 'antrea-tun0', '--', 'set', 'Interface', 'antrea-tun0', 'type=geneve', 'ofport_request=1',
          'options:csum=true', 'options:key=flow', 'options:remote_ip=flow',
          '--', 'add-port', 'br-int', 'antrea-gw0', '--', 'set', 'Interface', 'antrea-gw0', 'type=internal', 'ofport_request=2',
          ...pods.flatMap((p) => ['--', 'add-port', 'br-int', p.port, '--', 'set', 'Interface', p.port, `ofport_request=${p.ofport}`]));
        await ovs.ofctl('add-tlv-map', 'br-int', '{class=0x0104,type=0x80,len=4}->tun_metadata0');
        await ovs.ofctl('add-flows', 'br-int', packageFile('flows', 'article', 'worker1.flows'));
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
