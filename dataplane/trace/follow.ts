// followPacket: where a packet would come out, and which flows it would meet, without the words of a trace: for
// questions asked by the thousand. From: flows/antrea/verdict.ts. Passes and assumed connection states are traceFlow's.
import type { Flow } from '../key/flow.js';
import type { FlowEntry } from '../tables/flow-entry.js';
import { translatePacket } from '../translate/translate.js';
import type { Environment, Recorder } from '../translate/types.js';
import type { Frozen, Output } from './recorder.js';
import { describeOutput, MAX_PASSES, nextPass, type Pass, privateRecirc } from './simulate.js';
import type { Trace } from './types.js';

export interface Followed {
  /** Every flow that the packet met, in order, over all passes. */
  entries: FlowEntry[];
  outputs: Trace['outputs'];
  /** As it came out of the last pass. */
  finalFlow: Flow;
}

/** Notes only what is needed to go on. */
class Pathfinder implements Recorder {
  readonly frozen: Frozen[] = [];
  readonly outputs: Output[] = [];

  freeze: Recorder['freeze'] = (recircId, state, flow, ct) =>
    void this.frozen.push({ recircId, state, flow: flow.slice(), ct });
  packetIn(): void {}
  output: Recorder['output'] = (port, flow, tunnel) => void this.outputs.push({ port, flow, tunnel });
  table(): void {}
  action(): void {}
  afterAction(): void {}
  exec(): void {}
  actionSet(): void {}
  bucket(): void {}
  actionSetIs(): void {}
  learned(): void {}
  subfield(): void {}
  note(): void {}
}

/** Every ct() finds a new connection. Nothing is learned. */
export function followPacket(env: Environment, flow: Flow): Followed {
  const world = privateRecirc(env);
  const followed: Followed = { entries: [], outputs: [], finalFlow: flow };
  const queue: Pass[] = [{ flow }];
  let passes = 0;
  for (let pass = queue.shift(); pass && passes < MAX_PASSES; pass = queue.shift(), passes++) {
    const recorder = new Pathfinder();
    const { entries, finalFlow, error } = translatePacket(world, pass.flow, { recorder, learn: false });
    followed.entries.push(...entries);
    followed.finalFlow = finalFlow;
    if (error) continue;
    followed.outputs.push(...recorder.outputs.map((output) => describeOutput(output, env)));
    for (const frozen of recorder.frozen) queue.push(nextPass(pass, frozen, undefined));
  }
  return followed;
}
