// Changes of flows and groups that count as one: they are noted step by step, told to listeners once at the end, and
// taken back when one of them is refused. Shared by tables.ts and group-table.ts.
import type { FlowEntry } from './flow-entry.js';

/** Why a flow is no more, as OpenFlow's flow-removed messages have it. */
export type RemovalReason = 'delete' | 'idle' | 'hard' | 'group_delete' | 'meter_delete' | 'eviction';

export interface TablesChange {
  added: readonly FlowEntry[];
  removed: readonly FlowEntry[];
  /** Of the added flows that took the place of one with the same match and priority: which. */
  replaced: ReadonlyMap<FlowEntry, FlowEntry>;
  /** Why the removed ones went that nothing replaced. */
  reasons: ReadonlyMap<FlowEntry, RemovalReason>;
  /** Groups that were added, changed or deleted. */
  groups: readonly number[];
}

/** A change that was made, and can be taken back and made again as long as nothing else was changed. */
export interface Staged {
  readonly change: TablesChange;
  undo(): void;
  redo(): void;
}

interface Step {
  undo(): void;
  redo(): void;
}

export class Journal {
  #steps: Step[] = [];
  #added = new Set<FlowEntry>();
  #removed = new Set<FlowEntry>();
  #replaced = new Map<FlowEntry, FlowEntry>();
  #reasons = new Map<FlowEntry, RemovalReason>();
  #groups = new Set<number>();

  /** Steps so far. */
  get size(): number {
    return this.#steps.length;
  }

  /** Makes a step and remembers how to take it back. */
  step(step: Step): void {
    step.redo();
    this.#steps.push(step);
  }

  added(entry: FlowEntry, old?: FlowEntry): void {
    this.#added.add(entry);
    if (!old) return;
    // Of a flow that was put twice, only the first and the last count.
    const first = this.#added.delete(old) ? this.#replaced.get(old) : old;
    this.#replaced.delete(old);
    if (!first) return;
    this.#removed.add(first);
    this.#replaced.set(entry, first);
  }

  removed(entry: FlowEntry, reason: RemovalReason): void {
    const first = this.#added.delete(entry) ? this.#replaced.get(entry) : entry;
    this.#replaced.delete(entry);
    if (!first) return;
    this.#removed.add(first);
    this.#reasons.set(first, reason);
  }

  group(id: number): void {
    this.#groups.add(id);
  }

  /** What it all came to. */
  get change(): TablesChange {
    return {
      added: [...this.#added],
      removed: [...this.#removed],
      replaced: this.#replaced,
      reasons: this.#reasons,
      groups: [...this.#groups],
    };
  }

  undo(): void {
    for (const step of this.#steps.toReversed()) step.undo();
  }

  redo(): void {
    for (const step of this.#steps) step.redo();
  }
}
