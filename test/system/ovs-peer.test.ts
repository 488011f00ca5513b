// Our switch on one worker, real Open vSwitch on the other, the same flows: requests of walks C and E cross the tunnel
// between them, both ways round.
import { afterEach, describe, expect, it } from 'vitest';
import { down, type Lab, loadTopology, missingRequirements, netnsOf, up } from '../../lab/index.js';
import { runIn } from '../../lab/run.js';
import { type OvsNode, ovsMissing, replaceByOvs } from '../helpers/ovs-node.js';

const missing = [...(await missingRequirements()), ...[await ovsMissing()].filter((why) => why !== undefined)];
const NAME = 'ovspeer';

describe.skipIf(missing.length > 0)(
  `a worker that runs Open vSwitch${missing.length ? ` (skipped: ${missing.join('; ')})` : ''}`,
  () => {
    let ovs: OvsNode | undefined;
    let lab: Lab;

    afterEach(async () => {
      await ovs?.stop();
      ovs = undefined;
      await down(NAME);
    });

    const curl = async (url: string): Promise<string> =>
      (await runIn(netnsOf(lab, 'frontend'), ['curl', '--silent', '--show-error', '--max-time', '5', url])).stdout;

    async function backend2ByService(): Promise<void> {
      // kube-proxy chooses; 40 requests without backend2 would be one chance in a million million.
      for (let i = 0; i < 40; i++) if ((await curl('http://backendsvc/')).includes('backend2')) return;
      throw new Error('backend2 never answered through the Service');
    }

    /** Packets through the flow of table 0 that takes in what came out of the tunnel. */
    async function fromTunnel(node: OvsNode): Promise<number> {
      return Number(/n_packets=(\d+)/.exec(await node.dumpFlows('table=0,in_port=1'))![1]);
    }

    it.each(['worker2', 'worker1'])('answers walks C and E across the tunnel when it is %s', async (worker) => {
      lab = await up(loadTopology(), { name: NAME, ports: 'veth' });
      ovs = await replaceByOvs(lab, worker);
      expect(await curl('http://10.222.2.34/')).toContain('backend2');
      await backend2ByService();
      // OVS counts its cached flows now and then. Each of the two answers came in several packets.
      await expect.poll(() => fromTunnel(ovs!), { timeout: 5000 }).toBeGreaterThanOrEqual(6);
    });
  },
);
