// What was really seen: the records of the switches that a packet walked through, and the frames that tcpdump saw.
import type { TracePass, Trace } from '../../dataplane/trace/types.js';
import type { Facts } from './bindings.js';
import type { CapturedFrame } from './captures.js';
import type { ChainCounts } from './host-rules.js';

/** One packet through one switch, from port to port, recirculations joined. */
export interface ObservedPass {
  node: string;
  traceId: number;
  /** CLOCK_REALTIME when the switch read the frame, ns. */
  timeNs: bigint;
  /** Name of the port that it came from. */
  in: string;
  /** Headers as the switch read them, tunnel fields included. */
  facts: Facts;
  /** TCP sequence number, to find the same packet elsewhere. */
  seq?: number;
  passes: TracePass[];
  outputs: Trace['outputs'];
  drop: Trace['drop'];
}

/** Tables in order over all recirculations. */
export function tablesOf(pass: ObservedPass): number[] {
  return pass.passes.flatMap((p) => p.steps.map((s) => s.table));
}

export interface Observation {
  passes: ObservedPass[];
  frames: CapturedFrame[];
  /** The node kernels' conntrack entries, as `conntrack -L` prints them, by node. */
  hostConntrack: Record<string, string[]>;
  /** The nodes' NAT chains, before the traffic and after it. */
  hostChains: { before: Record<string, ChainCounts>; after: Record<string, ChainCounts> };
}
