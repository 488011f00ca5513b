// The node's agent: takes what the v2 pipeline hands over, and says what is to be sent, logged, told. What it is for
// stands in the first byte of the userdata. DNS replies that rules with names wait for are let go as they are.
import type { AgentState } from '../v2/agent-state.js';
import { fields as f } from '../v2/fields.js';
import { Multicast } from './multicast.js';
import { logEntry, PolicyLog } from './policy-log.js';
import { bitsOf } from './registers.js';
import { reject, refuseNoEndpoint } from './reject.js';
import { type Observation, observe } from './traceflow.js';
import type { AgentContext, PacketIn, PacketOut } from './types.js';

const FOR = { traceflow: 0, policy: 1, dns: 2, igmp: 3, noEndpoint: 4 } as const;
/** Bits of the agent's task. */
const LOG = 1;
const REJECT = 2;

export interface Reaction {
  send: PacketOut[];
  /** The pipeline is to be generated anew, with agentState(). */
  changed: boolean;
  observed?: { tag: number; observations: Observation[] };
}

export class Agent {
  readonly log: PolicyLog;
  readonly multicast: Multicast;

  /** `context` is asked for each packet: the node's state may change. */
  constructor(
    private readonly context: () => AgentContext,
    now: () => number = Date.now,
  ) {
    this.log = new PolicyLog(now);
    this.multicast = new Multicast(context, now);
  }

  agentState(): AgentState {
    return { multicast: this.multicast.groups() };
  }

  take(packet: PacketIn): Reaction {
    const nothing: Reaction = { send: [], changed: false };
    const context = this.context();
    switch (packet.userdata[0]) {
      case FOR.policy:
        return { ...nothing, send: this.#policy(context, packet) };
      case FOR.noEndpoint:
        return { ...nothing, send: some(refuseNoEndpoint(packet)) };
      case FOR.igmp:
        return this.multicast.take(packet);
      case FOR.traceflow:
        return { ...nothing, observed: observe(context, packet) };
      default:
        return nothing;
    }
  }

  #policy(context: AgentContext, packet: PacketIn): PacketOut[] {
    const task = bitsOf(packet, f.agentTask);
    const entry = (task & LOG) !== 0 ? logEntry(context, packet) : undefined;
    if (entry) this.log.take(entry);
    return (task & REJECT) !== 0 ? some(reject(context, packet)) : [];
  }
}

function some<T>(value: T | undefined): T[] {
  return value === undefined ? [] : [value];
}
