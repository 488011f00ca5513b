// One flow of one table: a FlowSpec that was accepted, its match as bytes for the classifier, and its counters.
// Made by tables.ts; found by classifier.ts; run by translate/; credited by the datapath room.
import type { Flow } from '../key/flow.js';
import type { Action, FlowSpec } from '../openflow/ast.js';
import { toMasked } from '../openflow/normalize.js';

export type Conjunction = Extract<Action, { type: 'conjunction' }>;

export class FlowEntry {
  readonly table: number;
  readonly priority: number;
  /** The match. A bit of `value` outside of `mask` is 0. Neither is ever written to. */
  readonly value: Flow;
  readonly mask: Flow;
  /** Not empty: this flow is a clause of conjunctive matches, and never runs itself. */
  readonly conjunctions: readonly Conjunction[];
  packets = 0;
  bytes = 0;
  /** Last time that a packet went through, or that the flow was made. */
  usedMs: number;

  /** A modified flow is a new entry with `from`'s counters and times, so that who holds the old one sees no change. */
  constructor(
    readonly spec: FlowSpec,
    readonly createdMs: number,
    from?: FlowEntry,
  ) {
    const masked = from ?? toMasked(spec.match);
    this.table = spec.table;
    this.priority = spec.priority;
    this.value = masked.value;
    this.mask = masked.mask;
    this.conjunctions = spec.actions.filter((a) => a.type === 'conjunction');
    this.packets = from?.packets ?? 0;
    this.bytes = from?.bytes ?? 0;
    this.usedMs = from?.usedMs ?? createdMs;
  }

  get cookie(): bigint {
    return this.spec.cookie;
  }

  get actions(): readonly Action[] {
    return this.spec.actions;
  }

  credit(packets: number, bytes: number, nowMs: number): void {
    this.packets += packets;
    this.bytes += bytes;
    if (nowMs > this.usedMs) this.usedMs = nowMs;
  }
}
