// One flow of one table: a FlowSpec that was accepted, its match as bytes for the classifier, and its counters.
// Made by tables.ts; found by classifier.ts; run by translate/; credited by the datapath room.
import type { Flow } from '../key/flow.js';
import type { Action, FlowSpec } from '../openflow/ast.js';
import { toMasked } from '../openflow/normalize.js';

export type Conjunction = Extract<Action, { type: 'conjunction' }>;

/**
 * What went through a flow. A modified flow goes on with its predecessor's, so that packets which are counted late find
 * the place.
 */
export interface FlowCounts {
  packets: number;
  bytes: number;
  /** Last time that a packet went through, or that the flow was made. */
  usedMs: number;
}

export interface FlowOrigin {
  /** The flow with the same match that this one takes the place of, and whose match and timeouts it keeps. */
  modifies?: FlowEntry;
  /** Counts to go on with. */
  counts?: FlowCounts;
}

let lastSerial = 0;

export class FlowEntry {
  /** Unlike that of every other entry. */
  readonly serial = ++lastSerial;
  readonly table: number;
  readonly priority: number;
  /** The match. A bit of `value` outside of `mask` is 0. Neither is ever written to. */
  readonly value: Flow;
  readonly mask: Flow;
  /** Not empty: this flow is a clause of conjunctive matches, and never runs itself. */
  readonly conjunctions: readonly Conjunction[];
  readonly counts: FlowCounts;
  readonly createdMs: number;
  /** When it was made, modified, or learned again: where the hard timeout begins. */
  modifiedMs: number;
  /** Seconds; 0 is never. */
  idleTimeout: number;
  hardTimeout: number;

  /** A modified flow is a new entry, so that who holds the old one sees no change. */
  constructor(
    readonly spec: FlowSpec,
    nowMs: number,
    { modifies, counts }: FlowOrigin = {},
  ) {
    const masked = modifies ?? toMasked(spec.match);
    this.table = spec.table;
    this.priority = spec.priority;
    this.value = masked.value;
    this.mask = masked.mask;
    this.conjunctions = spec.actions.filter((a) => a.type === 'conjunction');
    this.createdMs = modifies?.createdMs ?? nowMs;
    this.counts = counts ?? { packets: 0, bytes: 0, usedMs: modifies?.usedMs ?? nowMs };
    this.modifiedMs = nowMs;
    this.idleTimeout = modifies?.idleTimeout ?? spec.idleTimeout ?? 0;
    this.hardTimeout = modifies?.hardTimeout ?? spec.hardTimeout ?? 0;
  }

  get cookie(): bigint {
    return this.spec.cookie;
  }

  get actions(): readonly Action[] {
    return this.spec.actions;
  }

  get packets(): number {
    return this.counts.packets;
  }

  get bytes(): number {
    return this.counts.bytes;
  }

  get usedMs(): number {
    return this.counts.usedMs;
  }

  /** Timeouts become these where they are longer or none; 0 leaves them. */
  shorten(idleTimeout: number, hardTimeout: number): void {
    const shorter = (now: number, most: number): number => (most !== 0 && (now === 0 || now > most) ? most : now);
    this.idleTimeout = shorter(this.idleTimeout, idleTimeout);
    this.hardTimeout = shorter(this.hardTimeout, hardTimeout);
  }

  /** When it ends if no packet comes; undefined: never. */
  get endsMs(): number | undefined {
    const ends = [];
    if (this.hardTimeout !== 0) ends.push(this.modifiedMs + this.hardTimeout * 1000);
    if (this.idleTimeout !== 0) ends.push(this.usedMs + this.idleTimeout * 1000);
    return ends.length === 0 ? undefined : Math.min(...ends);
  }

  /** Which of its times is up. */
  isOver(nowMs: number): 'hard' | 'idle' | undefined {
    if (this.hardTimeout !== 0 && nowMs >= this.modifiedMs + this.hardTimeout * 1000) return 'hard';
    return this.idleTimeout !== 0 && nowMs >= this.usedMs + this.idleTimeout * 1000 ? 'idle' : undefined;
  }

  credit(packets: number, bytes: number, nowMs: number): void {
    this.counts.packets += packets;
    this.counts.bytes += bytes;
    if (nowMs > this.counts.usedMs) this.counts.usedMs = nowMs;
  }
}
