// The switch's flow tables, 0 to 254, and the ways to change them. From: the flow parser, through the control socket or
// a file. To: translate/ (lookup), and whoever listens for changes, such as the revalidation of megaflows.
//
// Every method is one change: done whole, told once to listeners, or refused whole by throwing InputError.
import { InputError } from '../errors.js';
import type { Flow } from '../key/flow.js';
import type { Action, FlowSpec } from '../openflow/ast.js';
import { printActions } from '../openflow/print-actions.js';
import type { Credited, LookupResult } from '../translate/types.js';
import { ALL_TABLES, type FlowFilter, makeFilter } from './filter.js';
import { FlowEntry, FlowTable } from './flow-table.js';
import { checkGroups, groupsOf, GroupTable } from './group-table.js';
import { LearnedCookies } from './learned-cookies.js';
import { checkSupported } from './supported.js';

export const MAX_TABLE = 254;

const ALL_BITS = 0xffff_ffff_ffff_ffffn;

export interface TablesChange {
  added: readonly FlowEntry[];
  removed: readonly FlowEntry[];
}

export type TablesListener = (change: TablesChange) => void;

export class Tables {
  readonly #tables = new Map<number, FlowTable>();
  readonly #listeners = new Set<TablesListener>();
  readonly #learnedCookies = new LearnedCookies();
  /** Counts the changes. */
  generation = 0;

  /** What `group:N` in a flow means. */
  readonly groups: GroupTable;

  /** `now`: milliseconds, for the flows' ages. */
  constructor(private readonly now: () => number = Date.now) {
    this.groups = new GroupTable(now);
    this.groups.onChange(({ removed }) => this.#groupsGone(new Set(removed)));
  }

  get size(): number {
    let size = 0;
    for (const table of this.#tables.values()) size += table.size;
    return size;
  }

  /** Tables that have or had flows, by number. */
  tables(): FlowTable[] {
    return [...this.#tables.values()].sort((a, b) => a.id - b.id);
  }

  /** Tells the listener of every change from now on; returns how to stop. */
  onChange(listener: TablesListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  lookup(table: number, flow: Flow, wildcards: Flow): LookupResult {
    return this.#tables.get(table)?.lookup(flow, wildcards) ?? {};
  }

  /** In the order of dump-flows: by table, within it by falling priority. */
  entries(filter: FlowFilter = {}): FlowEntry[] {
    const wanted = makeFilter(filter);
    const found: FlowEntry[] = [];
    for (const table of this.tables()) {
      const first = found.length;
      if (filter.table !== undefined && filter.table !== ALL_TABLES && filter.table !== table.id) continue;
      for (const entry of table) if (wanted(entry)) found.push(entry);
      found.push(...found.splice(first).sort((a, b) => b.priority - a.priority));
    }
    return found;
  }

  /** Refuses actions that no flow may have: those that are not supported, and groups that are not there. */
  check(actions: readonly Action[]): void {
    checkSupported(actions);
    checkGroups(actions, this.groups);
  }

  /** Adds a flow; one with the same table, match and priority is replaced. */
  add(spec: FlowSpec): FlowEntry {
    return this.load([spec])[0];
  }

  /** Adds all flows, or throws and adds none. */
  load(specs: readonly FlowSpec[]): FlowEntry[] {
    const added = this.#accept(specs);
    this.#changed(added, this.#put(added));
    return added;
  }

  /** Puts these flows in the place of all there are, or throws and changes nothing. */
  replaceAll(specs: readonly FlowSpec[]): FlowEntry[] {
    const added = this.#accept(specs);
    const removed = this.entries();
    for (const entry of removed) this.#table(entry.table).remove(entry);
    this.#put(added);
    this.#changed(added, removed);
    return added;
  }

  /** Gives the flows that `spec` is about its actions, and its cookie when it does not filter by one. Where there is no
   *  such flow, `spec` is added, as OpenFlow 1.0 has it. Returns the flows with their new actions. */
  modify(spec: FlowSpec, strict = false): FlowEntry[] {
    this.check(spec.actions);
    const old = this.#about(spec, strict);
    if (old.length === 0) return spec.cookieMask ? [] : [this.add(spec)];
    const added = old.map((entry) => {
      const cookie = spec.cookieMask ? entry.cookie : spec.cookie;
      return new FlowEntry({ ...entry.spec, actions: spec.actions, cookie }, entry.createdMs, entry, this.now());
    });
    this.#put(added);
    this.#changed(added, old);
    return added;
  }

  /** What learn() does: adds the flow, or gives the one with its match and priority its actions and cookie, and its
   *  hard timeout from the start. undefined: there are `limit` flows with that cookie in the table already. */
  learn(spec: FlowSpec, limit = 0): Credited | undefined {
    const [entry] = this.#accept([spec]);
    const table = this.#table(spec.table);
    const old = table.find(entry);
    if (!old && limit > 0 && countCookie(table, spec.cookie) >= limit) return undefined;
    if (!old) return new Learned(this.load([spec])[0]);
    if (old.cookie !== spec.cookie || printActions(old.actions) !== printActions(spec.actions)) {
      return new Learned(this.modify(spec, true)[0]);
    }
    old.modifiedMs = this.now();
    return new Learned(old);
  }

  delete(filter: FlowFilter, strict = false): FlowEntry[] {
    return this.#remove(this.#about(filter, strict));
  }

  /** Removes the flows whose time is up. */
  expire(): FlowEntry[] {
    const now = this.now();
    return this.#remove(
      this.entries().filter((entry) => entry.isOver(now)),
    );
  }

  /** How many flows and buckets send packets to each group. */
  groupReferences(): Map<number, number> {
    const lists = [
      ...this.entries().map(({ actions }) => actions),
      ...[...this.groups].flatMap(({ spec }) => spec.buckets.map(({ actions }) => actions)),
    ];
    const counts = new Map<number, number>();
    for (const id of lists.flatMap(groupsOf)) counts.set(id, (counts.get(id) ?? 0) + 1);
    return counts;
  }

  #groupsGone(gone: ReadonlySet<number>): void {
    if (gone.size === 0) return;
    const uses = ({ actions }: FlowEntry): boolean => groupsOf(actions).some((id) => gone.has(id));
    const flows = this.entries().filter(uses);
    if (flows.length > 0) this.#remove(flows);
  }

  #about(filter: FlowFilter, strict: boolean): FlowEntry[] {
    const wanted = makeFilter(filter, strict);
    return this.entries({ table: filter.table }).filter(wanted);
  }

  #accept(specs: readonly FlowSpec[]): FlowEntry[] {
    const now = this.now();
    return specs.map((spec) => {
      if (spec.table < 0 || spec.table > MAX_TABLE) {
        throw new InputError('ETABLE', `expected a table of 0 to ${MAX_TABLE}, got ${spec.table}`);
      }
      this.check(spec.actions);
      return new FlowEntry(spec, now);
    });
  }

  #put(entries: readonly FlowEntry[]): FlowEntry[] {
    return entries.map((entry) => this.#table(entry.table).put(entry)).filter((old) => old !== undefined);
  }

  #remove(removed: FlowEntry[]): FlowEntry[] {
    for (const entry of removed) this.#table(entry.table).remove(entry);
    this.#changed([], removed);
    return removed;
  }

  #table(id: number): FlowTable {
    let table = this.#tables.get(id);
    if (!table) this.#tables.set(id, (table = new FlowTable(id)));
    return table;
  }

  #changed(added: readonly FlowEntry[], removed: readonly FlowEntry[]): void {
    if (added.length === 0 && removed.length === 0) return;
    this.generation++;
    for (const listener of this.#listeners) listener({ added, removed });
    for (const { table, cookie } of this.#learnedCookies.change(added, removed)) {
      this.delete({ table, cookie, cookieMask: ALL_BITS });
    }
  }
}

function countCookie(table: FlowTable, cookie: bigint): number {
  let count = 0;
  for (const entry of table) if (entry.cookie === cookie) count++;
  return count;
}

/** A learned flow is learned again by each packet that passes learn(), as those of the megaflow do unseen. */
class Learned implements Credited {
  constructor(private readonly entry: FlowEntry) {}

  credit(_packets: number, _bytes: number, nowMs: number): void {
    if (nowMs > this.entry.modifiedMs) this.entry.modifiedMs = nowMs;
  }
}
