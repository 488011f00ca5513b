// udp-64b, udp-64b-veth, udp-imix, geneve-64b: datagrams from one pod to another as fast as the sender can; what counts is
// what the receiver's interface received. 64 bytes on the wire are 60 without FCS. Both ends' counters are compared: more
// received, or more given away by the sender's interface, than were sent voids the run. Loss is told by where it happened: dropped by
// the sender's interface, as a full TAP does, or behind it.
import { startProgram } from '../../lab/program.js';
import { run } from '../../lab/run.js';
import { loadProgram } from '../load/programs.js';
import type { BenchPod, NodeTrial, PodTrial, Sample } from '../types.js';

const PORT = 9000;
export const SMALL = '18'; // 14 Ethernet + 20 IPv4 + 8 UDP + 18 = 60 bytes
const WARM_UP_SECONDS = 0.2; // caches, and what a learning switch has to learn

async function counter(p: BenchPod, which: 'rx_packets' | 'tx_packets' | 'tx_dropped'): Promise<number> {
  const { stdout } = await run('ip', ['netns', 'exec', p.netns, 'cat', `/sys/class/net/eth0/statistics/${which}`]);
  return Number(stdout);
}

/** `rate`: datagrams a second; absent: as fast as the sender can. */
export async function blast(from: BenchPod, to: BenchPod, payload: string, seconds: number, rate?: number): Promise<Sample> {
  const udp = await loadProgram('udp');
  const sink = await startProgram(udp, ['sink', String(PORT)], { netns: to.netns, diesWithUs: true, readyLine: /ready/ });
  try {
    const send = async (s: number) => {
      const before = { rx: await counter(to, 'rx_packets'), tx: await counter(from, 'tx_packets'), dropped: await counter(from, 'tx_dropped') };
      const { stdout } = await run('ip', ['netns', 'exec', from.netns, udp, 'send', to.ip, String(PORT), payload, String(s), ...(rate === undefined ? [] : [String(rate)])]);
      const received = (await counter(to, 'rx_packets')) - before.rx;
      const left = (await counter(from, 'tx_packets')) - before.tx;
      const dropped = (await counter(from, 'tx_dropped')) - before.dropped;
      return { ...(JSON.parse(stdout) as { sent: number; seconds: number }), received, left, dropped };
    };
    await send(WARM_UP_SECONDS);
    const r = await send(seconds);
    if (r.received === 0) throw new Error(`nothing of ${r.sent} datagrams arrived`);
    if (r.received > r.sent) throw new Error(`${r.received} packets were received, more than the ${r.sent} that were sent`);
    if (r.left > r.sent) throw new Error(`${r.left} packets left the sender, who sent ${r.sent}`);
    return {
      value: r.received / r.seconds / 1000,
      detail: {
        sentKpps: r.sent / r.seconds / 1000,
        lossPercent: (100 * (r.sent - r.received)) / r.sent,
        droppedBySenderPercent: (100 * r.dropped) / r.sent,
      },
    };
  } finally {
    await sink.stop();
  }
}

function udp(names: Omit<PodTrial, 'kind' | 'unit' | 'run'>, payload: string): PodTrial {
  return { kind: 'pods', unit: 'kpps', ...names, run: ({ coredns, octant }, seconds) => blast(coredns, octant, payload, seconds) };
}

export const udp64b = udp({ name: 'udp-64b', title: 'UDP, 64-byte frames pod to pod, TAPs', inGuest: true }, SMALL);
export const udp64bVeth = udp({
  name: 'udp-64b-veth', title: 'UDP, 64-byte frames pod to pod, veths', ours: 'packetwalk-veth', only: ['packetwalk-veth', 'linux-bridge'],
}, SMALL);
export const udpImix = udp({ name: 'udp-imix', title: 'UDP, IMIX pod to pod' }, 'imix');
export const geneve64b: NodeTrial = {
  kind: 'nodes',
  name: 'geneve-64b',
  title: 'UDP, 64-byte frames node to node through Geneve, full pipelines',
  unit: 'kpps',
  run: ([{ pods: [, from] }, { pods: [, to] }], seconds) => blast(from, to, SMALL, seconds),
};
