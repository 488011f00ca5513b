// What watching costs a switch at work: its own process, worker1's pipeline, pods on TAPs, small datagrams as fast as the sender can
// (trial udp-64b). Three cases, each with a fresh switch, interleaved: without the recorder, with it and nothing watched, and with a
// hundred packets a second of another connection watched and told. Used by main.ts.
import { max, median, min } from 'simple-statistics';
import { startProgram } from '../../lab/program.js';
import { SwitchListener } from '../../lab/watch/listener.js';
import { packetwalkWith } from '../contenders/packetwalk.js';
import { loadProgram } from '../load/programs.js';
import { createPods, PODS, removePods, SWITCH_NETNS } from '../pods.js';
import { udp64b } from '../trials/udp.js';
import type { Deployment } from '../types.js';

const WATCHED_PORT = 9001;
const PER_SECOND = 100;

export interface TapCase {
  name: string;
  title: string;
  /** Thousand packets a second, of each round. */
  kpps: number[];
  /** Of throughput without the recorder, round by round: median, least, most. */
  ratio: { median: number; min: number; max: number };
  /** Packets that were told, of those that were to be watched, in all rounds. */
  told: number;
  watched: number;
}

export const TAP_CASES = [
  { name: 'without', title: 'a build without the recorder', least: 0 },
  { name: 'nothing', title: 'nothing watched', least: 0.98 },
  { name: '100 a second', title: `${PER_SECOND} packets a second watched`, least: 0.95 },
] as const;

export async function measureTaps(without: string, rounds: number, seconds: number, onProgress: (text: string) => void): Promise<TapCase[]> {
  const cases = TAP_CASES.map(({ name, title }) => ({ name, title, kpps: [] as number[], told: 0, watched: 0 }));
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < cases.length; i++) {
      const which = cases[(i + round) % cases.length];
      const contender = packetwalkWith(which.name === 'without' ? { PACKETWALK_ADDON: without } : {});
      await createPods();
      try {
        const deployment = await contender.deploy!(Object.values(PODS), SWITCH_NETNS);
        try {
          const run = () => udp64b.run(PODS, seconds, deployment);
          const { value } = which.name === '100 a second' ? await watching(deployment, which, run) : await run();
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
  return cases.map((one) => {
    const ratios = one.kpps.map((kpps, round) => kpps / cases[0].kpps[round]);
    return { ...one, ratio: { median: median(ratios), min: min(ratios), max: max(ratios) } };
  });
}

/** While a connection of its own sends a hundred packets a second, all of which are watched and read. */
async function watching<T>({ control }: Deployment, count: { told: number; watched: number }, work: () => Promise<T>): Promise<T> {
  const { coredns, octant } = PODS;
  const listener = await SwitchListener.start('worker1', control!, [`udp,tp_dst=${WATCHED_PORT}`], {
    onPass: () => void count.told++,
    onLost: () => {},
    onGone: () => {},
  });
  try {
    const pace = await startProgram(await loadProgram('udp'), ['pace', octant.ip, String(WATCHED_PORT), '18', String(PER_SECOND)], {
      netns: coredns.netns, diesWithUs: true, readyLine: /ready/,
    });
    const startedMs = performance.now();
    try {
      return await work();
    } finally {
      count.watched += Math.round(((performance.now() - startedMs) / 1000) * PER_SECOND);
      await pace.stop();
    }
  } finally {
    listener.close();
  }
}
