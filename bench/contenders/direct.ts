// direct: one veth pair between two pods and no switch at all; what the kernel's stack alone costs.
import { ip } from '../../lab/run.js';
import { address } from '../pods.js';
import type { Contender } from '../types.js';

export const direct: Contender = {
  name: 'direct',
  title: 'direct veth, no switch',
  async unavailable() {
    return undefined;
  },
  async deploy(pods) {
    for (let i = 0; i + 1 < pods.length; i += 2) {
      const [a, b] = [pods[i], pods[i + 1]];
      await ip([
        'link',
        'add',
        'eth0',
        'netns',
        a.netns,
        'address',
        a.mac,
        'type',
        'veth',
        'peer',
        'name',
        'eth0',
        'netns',
        b.netns,
        'address',
        b.mac,
      ]);
    }
    await address(pods);
    return { stations: async () => [], teardown: async () => {} }; // the links go with their namespaces
  },
};
