// bare: a forwarder without a switch (load/bare.cc) over the same TAP ports as ours. How far we are from it is the
// price of our switching.
import { setTimeout as sleep } from 'node:timers/promises';
import { startProgram, type Program } from '../../lab/program.js';
import { bareForwarder } from '../load/programs.js';
import { address } from '../pods.js';
import type { BenchPod, Contender } from '../types.js';

const ANSWER_MS = 10_000;
const POLL_MS = 5;

interface PortCounters {
  received: number;
  errors: number;
  sent: number;
  dropped: number;
}

/** The counters of its ports, which it tells when it has no work. */
async function ask(program: Program): Promise<PortCounters[]> {
  const before = program.output();
  process.kill(program.pid, 'SIGUSR1');
  for (const deadline = Date.now() + ANSWER_MS; Date.now() < deadline; await sleep(POLL_MS)) {
    const now = program.output();
    if (now !== before && now.endsWith(']\n')) return JSON.parse(now.trimEnd().split('\n').at(-1)!) as PortCounters[];
  }
  throw new Error('bare: expected its counters upon SIGUSR1, it told none');
}

export const bare: Contender = {
  name: 'bare',
  title: 'our TAP ports with no switch between them',
  async unavailable() {
    return bareForwarder().then(
      () => undefined,
      (error) =>
        `it cannot be compiled (apt-get install g++): ${error instanceof Error ? error.message : String(error)}`,
    );
  },
  async deploy(pods, switchNetns) {
    const program = await startProgram(
      await bareForwarder(),
      pods.flatMap((p) => [p.netns, p.mac]),
      {
        netns: switchNetns,
        diesWithUs: true,
        readyLine: /ready/,
      },
    );
    try {
      await address(pods);
    } catch (error) {
      await program.stop();
      throw error;
    }
    return {
      pid: program.pid,
      async stations(ways) {
        const ports = await ask(program);
        const of = (p: BenchPod) => ports[pods.indexOf(p)];
        const sum = (which: 'errors' | 'dropped') => ports.reduce((n, p) => n + p[which], 0);
        return [
          {
            name: 'forwarder',
            ways: ways.map(([from, to]) => ({ in: of(from).received, out: of(to).sent })),
            dropped: { rx_errors: sum('errors'), tx_dropped: sum('dropped') },
          },
        ];
      },
      teardown: () => program.stop(),
    };
  },
};
