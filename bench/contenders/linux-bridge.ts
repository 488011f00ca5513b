// linux-bridge: the kernel's bridge over veths, with no conntrack and no rules: the bar for a userspace switch.
import { ip } from '../../lab/run.js';
import { address, joinByVeth } from '../pods.js';
import { betweenPorts, portPairs } from '../stations.js';
import type { Contender } from '../types.js';

export const linuxBridge: Contender = {
  name: 'linux-bridge',
  title: 'Linux bridge',
  async unavailable() {
    return undefined;
  },
  async deploy(pods, switchNetns) {
    await ip([
      '-n',
      switchNetns,
      'link',
      'add',
      'br0',
      'type',
      'bridge',
      'stp_state',
      '0',
      'forward_delay',
      '0',
      'mcast_snooping',
      '0',
    ]);
    await ip(['-n', switchNetns, 'link', 'set', 'br0', 'up']);
    for (const p of pods) {
      await joinByVeth(p);
      await ip(['-n', switchNetns, 'link', 'set', p.port, 'master', 'br0']);
    }
    await address(pods);
    return {
      stations: async (ways) => [await betweenPorts('bridge', portPairs(switchNetns, ways))],
      teardown: async () => {},
    };
  },
};
