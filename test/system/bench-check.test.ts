// The bench's check of counters between real pods: a switch that loses packets in silence or doubles them voids the
// run.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { linuxBridge } from '../../bench/contenders/linux-bridge.js';
import { packetwalkTap } from '../../bench/contenders/packetwalk.js';
import { createPods, PODS, removePods, SWITCH_NETNS } from '../../bench/pods.js';
import { blast, SMALL } from '../../bench/trials/udp.js';
import type { Contender, Deployment } from '../../bench/types.js';
import { ip } from '../../lab/run.js';

const { coredns, octant } = PODS;
const PER_SECOND = 2000;

async function deployed(contender: Contender, work: (deployment: Deployment) => Promise<void>): Promise<void> {
  const deployment = await contender.deploy!(Object.values(PODS), SWITCH_NETNS);
  try {
    await work(deployment);
  } finally {
    await deployment.teardown();
  }
}

describe('a run of the bench', () => {
  beforeEach(createPods);
  afterEach(removePods);

  it('is good when every datagram is accounted for, and void when the switch sends each twice', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'packetwalk-bench-check-'));
    try {
      await deployed(packetwalkTap, async (deployment) => {
        const run = () => blast([coredns, octant], SMALL, 0.5, deployment);
        const { value, counted } = await run();
        expect(value).toBeGreaterThan(0);
        expect(counted).toMatch(/^sender \d+ > eth0 of coredns .* > switch .* > eth0 of octant \d+$/);
        const twice = join(folder, 'twice.flows');
        await writeFile(
          twice,
          `table=0,priority=65000,udp,in_port=${coredns.ofport} actions=output:${octant.ofport},output:${octant.ofport}\n`,
        );
        await deployment.addFlows!(twice);
        await expect(run()).rejects.toThrow(/counters do not add up: .*in switch: \d+ more than there were/);
      });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }, 60_000);

  it('is void when a switch loses datagrams and counts none of them', async () => {
    await deployed(linuxBridge, async (deployment) => {
      let over = false;
      const run = blast([coredns, octant], SMALL, 1, deployment, PER_SECOND).finally(() => void (over = true));
      const failed = expect(run).rejects.toThrow(/counters do not add up: in bridge: \d+ lost, of which it counted 0/);
      const port = ['-n', SWITCH_NETNS, 'link', 'set', octant.port];
      while (!over) {
        await ip([...port, 'nomaster']);
        await sleep(50);
        await ip([...port, 'master', 'br0']);
        await sleep(50);
      }
      await failed;
    });
  }, 60_000);
});
