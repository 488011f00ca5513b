// udp-64b: 64-byte frames (60 without FCS) from coredns to octant as fast as the sender can; what counts is what octant's
// interface received. More received than sent would be a doubled packet and voids the run.
import { startProgram } from '../../lab/program.js';
import { run } from '../../lab/run.js';
import { loadProgram } from '../load/programs.js';
import type { BenchPod, PodTrial } from '../types.js';

const PORT = 9000;
const PAYLOAD = 18; // 14 Ethernet + 20 IPv4 + 8 UDP + 18 = 60 bytes

async function rxPackets(p: BenchPod): Promise<number> {
  const { stdout } = await run('ip', ['netns', 'exec', p.netns, 'cat', '/sys/class/net/eth0/statistics/rx_packets']);
  return Number(stdout);
}

export const udp64b: PodTrial = {
  kind: 'pods',
  name: 'udp-64b',
  title: 'UDP, 64-byte frames pod to pod',
  unit: 'kpps',
  async run({ coredns, octant }, seconds) {
    const udp = await loadProgram('udp');
    const sink = await startProgram(udp, ['sink', String(PORT)], { netns: octant.netns, readyLine: /ready/ });
    try {
      const send = async (s: number) => {
        const before = await rxPackets(octant);
        const { stdout } = await run('ip', ['netns', 'exec', coredns.netns, udp, 'send', octant.ip, String(PORT), String(PAYLOAD), String(s)]);
        const received = (await rxPackets(octant)) - before;
        return { ...(JSON.parse(stdout) as { sent: number; seconds: number }), received };
      };
      await send(0.2); // caches, and what a learning switch has to learn
      const r = await send(seconds);
      if (r.received > r.sent) throw new Error(`octant received ${r.received} packets, more than the ${r.sent} that were sent`);
      return {
        value: r.received / r.seconds / 1000,
        detail: { sentKpps: r.sent / r.seconds / 1000, lossPercent: (100 * (r.sent - r.received)) / r.sent },
      };
    } finally {
      await sink.stop();
    }
  },
};
