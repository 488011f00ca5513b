// udp-64b, udp-64b-veth, udp-imix, geneve-64b: datagrams from one pod to another as fast as the sender can; what counts
// is what the receiver's IP stack received. 64 bytes on the wire are 60 without FCS. Every datagram must be accounted
// for, by the sender, its interface, the switch and the receiver (counted.ts): one lost in silence or doubled voids the
// run. Loss is told by where it happened: dropped by the sender's interface, as a full TAP does, or behind it.
import { startProgram } from '../../lab/program.js';
import { runIn } from '../../lab/run.js';
import { described } from '../check.js';
import { counted } from '../counted.js';
import { loadProgram } from '../load/programs.js';
import type { Deployment, NodeTrial, PodTrial, Sample, Way } from '../types.js';

const PORT = 9000;
export const SMALL = '18'; // 14 Ethernet + 20 IPv4 + 8 UDP + 18 = 60 bytes
const WARM_UP_SECONDS = 0.2; // caches, and what a learning switch has to learn

interface Sent {
  sent: number;
  seconds: number;
}

/** `rate`: datagrams a second; absent: as fast as the sender can. */
export async function blast(
  [from, to]: Way,
  payload: string,
  seconds: number,
  deployment: Deployment,
  rate?: number,
): Promise<Sample> {
  const udp = await loadProgram('udp');
  const sink = await startProgram(udp, ['sink', String(PORT)], {
    netns: to.netns,
    diesWithUs: true,
    readyLine: /ready/,
  });
  const send = async (s: number): Promise<Sent> => {
    const argv = [udp, 'send', to.ip, String(PORT), payload, String(s), ...(rate === undefined ? [] : [String(rate)])];
    const { stdout } = await runIn(from.netns, argv);
    return JSON.parse(stdout) as Sent;
  };
  try {
    await counted(
      [[from, to]],
      deployment,
      () => send(WARM_UP_SECONDS),
      ({ sent }) => sent,
    );
    const { result: r, stations } = await counted(
      [[from, to]],
      deployment,
      () => send(seconds),
      ({ sent }) => sent,
    );
    const received = stations.at(-1)!.ways[0].out;
    if (received === 0) throw new Error(`nothing of ${r.sent} datagrams arrived`);
    const { in: given, out: left } = stations.find(({ name }) => name !== 'sender')!.ways[0];
    return {
      value: received / r.seconds / 1000,
      detail: {
        sentKpps: r.sent / r.seconds / 1000,
        lossPercent: (100 * (r.sent - received)) / r.sent,
        droppedBySenderPercent: (100 * (given - left)) / r.sent,
        droppedBySwitchPercent: (100 * (left - received)) / r.sent,
      },
      counted: described(stations),
    };
  } finally {
    await sink.stop();
  }
}

function udp(names: Omit<PodTrial, 'kind' | 'unit' | 'run'>, payload: string): PodTrial {
  return {
    kind: 'pods',
    unit: 'kpps',
    ...names,
    run: ({ coredns, octant }, s, d) => blast([coredns, octant], payload, s, d),
  };
}

export const udp64b = udp({ name: 'udp-64b', title: 'UDP, 64-byte frames pod to pod, TAPs', inGuest: true }, SMALL);
export const udp64bVeth = udp(
  {
    name: 'udp-64b-veth',
    title: 'UDP, 64-byte frames pod to pod, veths',
    ours: 'packetwalk-veth',
    only: ['packetwalk-veth', 'linux-bridge'],
  },
  SMALL,
);
export const udpImix = udp({ name: 'udp-imix', title: 'UDP, IMIX pod to pod' }, 'imix');
export const geneve64b: NodeTrial = {
  kind: 'nodes',
  name: 'geneve-64b',
  title: 'UDP, 64-byte frames node to node through Geneve, full pipelines',
  unit: 'kpps',
  run: (
    [
      {
        pods: [, from],
      },
      {
        pods: [, to],
      },
    ],
    seconds,
    deployment,
  ) => blast([from, to], SMALL, seconds, deployment),
};
