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
  /** When it was made, modified, or learned again: where the hard timeout begins. */
  modifiedMs: number;
  /** Seconds; 0 is never. */
  idleTimeout: number;
  hardTimeout: number;

  /** A modified flow is a new entry with `from`'s counters and times, so that who holds the old one sees no change. */
  constructor(
    readonly spec: FlowSpec,
    readonly createdMs: number,
    from?: FlowEntry,
    nowMs = createdMs,
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
    this.modifiedMs = nowMs;
    this.idleTimeout = from?.idleTimeout ?? spec.idleTimeout ?? 0;
    this.hardTimeout = from?.hardTimeout ?? spec.hardTimeout ?? 0;
  }

  get cookie(): bigint {
    return this.spec.cookie;
  }

  get actions(): readonly Action[] {
    return this.spec.actions;
  }

  /** Timeouts become these where they are longer or none; 0 leaves them. */
  shorten(idleTimeout: number, hardTimeout: number): void {
    const shorter = (now: number, most: number): number => (most !== 0 && (now === 0 || now > most) ? most : now);
    this.idleTimeout = shorter(this.idleTimeout, idleTimeout);
    this.hardTimeout = shorter(this.hardTimeout, hardTimeout);
  }

  isOver(nowMs: number): boolean {
    if (this.hardTimeout !== 0 && nowMs >= this.modifiedMs + this.hardTimeout * 1000) return true;
    return this.idleTimeout !== 0 && nowMs >= this.usedMs + this.idleTimeout * 1000;
  }

  credit(packets: number, bytes: number, nowMs: number): void {
    this.packets += packets;
    this.bytes += bytes;
    if (nowMs > this.usedMs) this.usedMs = nowMs;
  }
}
