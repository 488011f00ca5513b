// What watching costs a switch at work: its own process, worker1's pipeline, pods on TAPs, small datagrams as fast as
// the sender can (trial udp-64b), without the recorder and with it and nothing watched; and a hundred thousand a
// second, with a hundred a second of another connection watched and told, and without. Each case has a fresh switch;
// interleaved. Used by main.ts.
import { max, median, min } from 'simple-statistics';
import { startProgram } from '../../lab/program.js';
import { SwitchListener } from '../../lab/watch/listener.js';
import { packetwalkWith } from '../contenders/packetwalk.js';
import { loadProgram } from '../load/programs.js';
import { createPods, PODS, removePods, SWITCH_NETNS } from '../pods.js';
import { blast, SMALL } from '../trials/udp.js';
import type { Deployment } from '../types.js';

const WATCHED_PORT = 9001;
const PER_SECOND = 100;

export interface TapCase {
  name: string;
  title: string;
  /** Thousand packets a second, of each round. */
  kpps: number[];
  /** Of the throughput of the case that it is compared with, round by round: median, least, most. */
  ratio: { median: number; min: number; max: number };
  /** Packets that were told, of those that were to be watched, in all rounds. */
  told: number;
  watched: number;
}

export const TAP_CASES = [
  { name: 'without', title: 'a build without the recorder', beside: 'without', least: 0, rate: undefined },
  { name: 'nothing', title: 'nothing watched', beside: 'without', least: 0.98, rate: undefined },
  { name: 'steady', title: '100,000 packets a second', beside: 'steady', least: 0, rate: 100_000 },
  { name: 'watched', title: `and ${PER_SECOND} a second watched`, beside: 'steady', least: 0.95, rate: 100_000 },
] as const;

export async function measureTaps(
  without: string,
  rounds: number,
  seconds: number,
  onProgress: (text: string) => void,
): Promise<TapCase[]> {
  const cases = TAP_CASES.map(({ name, title, beside, rate }) => ({
    name,
    title,
    beside,
    rate,
    kpps: [] as number[],
    told: 0,
    watched: 0,
  }));
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < cases.length; i++) {
      const which = cases[(i + round) % cases.length];
      const contender = packetwalkWith(which.name === 'without' ? { PACKETWALK_ADDON: without } : {});
      await createPods();
      try {
        const deployment = await contender.deploy!(Object.values(PODS), SWITCH_NETNS);
        try {
          const run = () => blast([PODS.coredns, PODS.octant], SMALL, seconds, deployment, which.rate);
          const { value } = which.name === 'watched' ? await watching(deployment, which, run) : await run();
          which.kpps.push(value);
          onProgress(`round ${round + 1}/${rounds}  ${which.title.padEnd(30)} ${value.toFixed(1)} kpps`);
        } finally {
          await deployment.teardown();
        }
      } finally {
        await removePods();
      }
    }
  }
  return cases.map(({ beside, name, title, kpps, told, watched }) => {
    const one = { name, title, kpps, told, watched };
    const other = cases.find((c) => c.name === beside)!;
    const ratios = one.kpps.map((kpps, round) => kpps / other.kpps[round]);
    return { ...one, ratio: { median: median(ratios), min: min(ratios), max: max(ratios) } };
  });
}

/**
 * While a connection of its own, the other way so that it is in no count, sends a hundred packets a second, all of
 * which are watched and read.
 */
async function watching<T>(
  { control }: Deployment,
  count: { told: number; watched: number },
  work: () => Promise<T>,
): Promise<T> {
  const { coredns, octant } = PODS;
  const listener = await SwitchListener.start('worker1', control!, [`udp,tp_dst=${WATCHED_PORT}`], {
    onPass: () => void count.told++,
    onLost: () => {},
    onGone: () => {},
  });
  try {
    const udp = await loadProgram('udp');
    const sink = await startProgram(udp, ['sink', String(WATCHED_PORT)], {
      netns: coredns.netns,
      diesWithUs: true,
      readyLine: /ready/,
    });
    const pace = await startProgram(udp, ['pace', coredns.ip, String(WATCHED_PORT), '18', String(PER_SECOND)], {
      netns: octant.netns,
      diesWithUs: true,
      readyLine: /ready/,
    });
    const startedMs = performance.now();
    try {
      return await work();
    } finally {
      count.watched += Math.round(((performance.now() - startedMs) / 1000) * PER_SECOND);
      await pace.stop();
      await sink.stop();
    }
  } finally {
    listener.close();
  }
}
