// bare: a forwarder without a switch (load/bare.cc) over the same TAP ports as ours. How far we are from it is the price of
// our switching.
import { startProgram } from '../../lab/program.js';
import { bareForwarder } from '../load/programs.js';
import { address } from '../pods.js';
import type { Contender } from '../types.js';

export const bare: Contender = {
  name: 'bare',
  title: 'our TAP ports with no switch between them',
  async unavailable() {
    return bareForwarder().then(() => undefined, (error) => `it cannot be compiled (apt-get install g++): ${error instanceof Error ? error.message : String(error)}`);
  },
  async deploy(pods, switchNetns) {
    const program = await startProgram(await bareForwarder(), pods.flatMap((p) => [p.netns, p.mac]), {
      netns: switchNetns, diesWithUs: true, readyLine: /ready/,
    });
    try {
      await address(pods);
    } catch (error) {
      await program.stop();
      throw error;
    }
    return { pid: program.pid, teardown: () => program.stop() };
  },
};
