// The switch's flow tables, 0 to 254, and the ways to change them. From: the flow parser, through the control socket or
// a file. To: translate/ (lookup), and whoever listens for changes, such as the revalidation of megaflows.
//
// Every method is one change: done whole, told once to listeners, or refused whole by throwing InputError. change()
// makes one of several.
import { InputError } from '../errors.js';
import type { Flow } from '../key/flow.js';
import type { Action, FlowSpec } from '../openflow/ast.js';
import { DEFAULT_PRIORITY } from '../openflow/format-flow.js';
import { toMasked } from '../openflow/normalize.js';
import { printActions } from '../openflow/print-actions.js';
import type { Credited, LookupResult } from '../translate/types.js';
import { chooseVictim, type TableSettings } from './eviction.js';
import { ALL_TABLES, type FlowFilter, makeFilter, overlaps } from './filter.js';
import { FlowEntry, FlowTable } from './flow-table.js';
import { checkGroups, groupsOf, GroupTable } from './group-table.js';
import { checkMeters, metersOf, MeterTable } from './meter-table.js';
import { Journal, type RemovalReason, type Staged, type TablesChange } from './journal.js';
import { LearnedCookies } from './learned-cookies.js';
import { checkMatch, checkSupported } from './supported.js';
import { tunMetadataIn } from './tun-metadata-use.js';

export const MAX_TABLE = 254;

const ALL_BITS = 0xffff_ffff_ffff_ffffn;

export type TablesListener = (change: TablesChange) => void;

/** What a command means that OpenFlow's versions define differently. */
export interface ModOptions {
  /** Only flows with this match and priority. */
  strict?: boolean;
  /** OpenFlow 1.2 and later: an added flow goes on with the counts of the one whose place it takes, unless it says
   *  reset_counts; modifying adds nothing, leaves cookies alone, and without a table is about table 0. Default: as
   *  OpenFlow 1.0. */
  modern?: boolean;
}

export class Tables {
  readonly #tables = new Map<number, FlowTable>();
  readonly #listeners = new Set<TablesListener>();
  readonly #learnedCookies = new LearnedCookies();
  #journal: Journal | undefined;
  #defaults: Partial<TableSettings> = {};
  /** Tables that were given settings of their own. */
  readonly #ownSettings = new Set<number>();
  /** Counts the changes. */
  generation = 0;

  /** What `group:N` in a flow means. */
  readonly groups: GroupTable;
  /** What `meter:N` in a flow means. */
  readonly meters: MeterTable;

  /** `now`: milliseconds, for the flows' ages. */
  constructor(private readonly now: () => number = Date.now) {
    this.groups = new GroupTable((run) => this.change(() => run(this.#journal!)), now);
    this.groups.onRemove((removed) => this.#groupsGone(new Set(removed)));
    this.meters = new MeterTable(now);
    this.meters.onRemove((removed) => this.change(() => this.#metersGone(removed)));
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

  table(id: number): FlowTable {
    let table = this.#tables.get(id);
    if (!table) {
      this.#tables.set(id, (table = new FlowTable(id)));
      table.settings = { ...table.settings, ...this.#defaults };
    }
    return table;
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

  /** Refuses actions that no flow may have: those that are not supported, and groups and meters that are not there. */
  check(actions: readonly Action[]): void {
    checkSupported(actions);
    checkGroups(actions, this.groups);
    checkMeters(actions, this.meters);
  }

  // --- changes as a whole --------------------------------------------------------------------------------------

  /** Makes one change of all that `run` does. When it throws, nothing of it was. */
  change<T>(run: () => T): T {
    if (this.#journal) return run();
    const { result, staged } = this.stage(run);
    this.publish(staged);
    return result;
  }

  /** Makes the changes and does not tell: publish() does. */
  stage<T>(run: () => T): { result: T; staged: Staged } {
    const journal = (this.#journal = new Journal());
    try {
      const result = run();
      this.#deleteOrphans(journal);
      return { result, staged: { change: journal.change, undo: () => journal.undo(), redo: () => journal.redo() } };
    } catch (e) {
      journal.undo();
      throw e;
    } finally {
      this.#journal = undefined;
    }
  }

  publish({ change }: Staged): void {
    const { added, removed, groups } = change;
    if (added.length === 0 && removed.length === 0 && groups.length === 0) return;
    this.generation++;
    this.#learnedCookies.change(change);
    for (const listener of this.#listeners) listener(change);
  }

  /** Flows that were learned with delete_learned go with the last flow that learned them. */
  #deleteOrphans(journal: Journal): void {
    for (let last = -1; last !== journal.size;) {
      last = journal.size;
      for (const { table, cookie } of this.#learnedCookies.orphans(journal.change)) {
        this.delete({ table, cookie, cookieMask: ALL_BITS });
      }
    }
  }

  // --- flows ---------------------------------------------------------------------------------------------------

  /** Adds a flow; one with the same table, match and priority is replaced. */
  add(spec: FlowSpec, options: ModOptions = {}): FlowEntry {
    return this.load([spec], options)[0];
  }

  /** Adds all flows, or throws and adds none. */
  load(specs: readonly FlowSpec[], options: ModOptions = {}): FlowEntry[] {
    return this.change(() => specs.map((spec) => this.#add(spec, options)));
  }

  /** Puts these flows in the place of all there are, or throws and changes nothing. */
  replaceAll(specs: readonly FlowSpec[]): FlowEntry[] {
    return this.change(() => {
      this.delete({});
      return this.load(specs);
    });
  }

  /**
   * Gives the flows that `spec` is about its actions. As OpenFlow 1.0 has it, they get its cookie, too, unless it
   * filters by one, and where there is no such flow it is added. Returns the flows with their new actions.
   */
  modify(spec: FlowSpec, { strict = false, modern = false }: ModOptions = {}): FlowEntry[] {
    return this.change(() => {
      checkMatch(spec.match);
      this.check(spec.actions);
      // From 1.1 on only deletion knows all tables; who names none means the first.
      const table = modern && spec.table === ALL_TABLES ? 0 : spec.table;
      const old = this.#about({ ...spec, table }, strict);
      const filters = spec.cookieMask !== undefined && spec.cookieMask !== 0n;
      if (old.length > 0) return old.map((entry) => this.#modify(entry, spec, !modern && !filters));
      if (modern || filters) return [];
      return [this.#add({ ...spec, table: spec.table === ALL_TABLES ? 0 : spec.table }, {})];
    });
  }

  /** What learn() does: adds the flow, or gives the one with its match and priority its actions and cookie, and its
   *  hard timeout from the start. undefined: there are `limit` flows with that cookie in the table already. */
  learn(spec: FlowSpec, limit = 0): Learned | undefined {
    const known = this.learned(spec);
    if (known) {
      known.entry.modifiedMs = this.now();
      return known;
    }
    this.#checkSpec(spec);
    if (this.learnsNoMore(spec, limit)) return undefined;
    const old = this.#find(spec);
    return new Learned(old ? this.change(() => this.#modify(old, spec, true)) : this.add(spec));
  }

  /** The flow that learn() would make, if it is there just like that. */
  learned(spec: FlowSpec): Learned | undefined {
    const entry = this.#find(spec);
    if (!entry || entry.cookie !== spec.cookie) return undefined;
    return printActions(entry.actions) === printActions(spec.actions) ? new Learned(entry) : undefined;
  }

  /**
   * learn() would not make this flow, nor change the one with its match: there are `limit` with its cookie, those among
   * them that it is about to make (`before`). One that is there just like that is only refreshed.
   */
  learnsNoMore(spec: FlowSpec, limit: number, before: readonly FlowSpec[] = []): boolean {
    if (limit === 0 || this.learned(spec)) return false;
    const alike = before.filter((f) => f.table === spec.table && f.cookie === spec.cookie && !this.#find(f));
    const added = new Set(alike.map(matchKey));
    return !added.has(matchKey(spec)) && this.learnedLike(spec).length + added.size >= limit;
  }

  /** The flows that count for the limit of learn(). */
  learnedLike({ table, cookie }: FlowSpec): FlowEntry[] {
    return [...this.table(table)].filter((entry) => entry.cookie === cookie);
  }

  delete(filter: FlowFilter, strict = false): FlowEntry[] {
    return this.change(() => this.#remove(this.#about(filter, strict), () => 'delete'));
  }

  /** Removes the flows whose time is up. */
  expire(): FlowEntry[] {
    const now = this.now();
    const over = this.entries().filter((entry) => entry.isOver(now));
    return this.change(() => this.#remove(over, (entry) => entry.isOver(now) ?? 'idle'));
  }

  /**
   * Settings of one table, or of all that have none of their own. Flows beyond a lower limit are evicted, if they may.
   */
  configure(settings: Partial<TableSettings>, id?: number): void {
    if (id === undefined) this.#defaults = { ...this.#defaults, ...settings };
    else this.#ownSettings.add(id);
    const tables = id === undefined ? this.tables().filter((t) => !this.#ownSettings.has(t.id)) : [this.table(id)];
    this.change(() => {
      for (const table of tables) {
        table.settings = { ...table.settings, ...settings };
        while (table.size > table.settings.maxFlows && this.#evict(table));
      }
    });
  }

  /** How often flows name each group; buckets do not count, as in OVS. */
  groupReferences(): Map<number, number> {
    return this.#references(groupsOf);
  }

  /** How often flows name each meter. */
  meterReferences(): Map<number, number> {
    return this.#references(metersOf);
  }

  /** N of each tun_metadata<N> that flows and groups match or write. */
  tunMetadataInUse(): Set<number> {
    return tunMetadataIn([
      this.entries().map(({ spec, actions }) => [spec.match, actions]),
      [...this.groups].map(({ spec }) => spec),
    ]);
  }

  #references(idsOf: (actions: readonly Action[]) => number[]): Map<number, number> {
    const counts = new Map<number, number>();
    for (const id of this.entries().flatMap(({ actions }) => idsOf(actions))) counts.set(id, (counts.get(id) ?? 0) + 1);
    return counts;
  }

  #metersGone(gone: ReadonlySet<number>): void {
    const uses = ({ actions }: FlowEntry): boolean => metersOf(actions).some((id) => gone.has(id));
    this.#remove(this.entries().filter(uses), () => 'meter_delete');
  }

  #groupsGone(gone: ReadonlySet<number>): void {
    const uses = ({ actions }: FlowEntry): boolean => groupsOf(actions).some((id) => gone.has(id));
    this.#remove(this.entries().filter(uses), () => 'group_delete');
  }

  /** The flow with this table, match and priority. */
  #find(spec: FlowSpec): FlowEntry | undefined {
    return this.#tables.get(spec.table)?.find({ ...toMasked(spec.match), priority: spec.priority });
  }

  #about(filter: FlowFilter, strict: boolean): FlowEntry[] {
    const wanted = makeFilter(filter);
    if (!strict) return this.entries({ table: filter.table }).filter(wanted);
    const { table = ALL_TABLES, match = { fields: [] }, priority = DEFAULT_PRIORITY } = filter;
    const masked = { ...toMasked(match), priority };
    const tables = table === ALL_TABLES ? this.tables() : [this.#tables.get(table)];
    return tables.flatMap((one) => one?.find(masked) ?? []).filter(wanted);
  }

  #checkSpec(spec: FlowSpec): void {
    if (spec.table < 0 || spec.table > MAX_TABLE) {
      throw new InputError('ETABLE', `expected a table of 0 to ${MAX_TABLE}, got ${spec.table}`);
    }
    checkMatch(spec.match);
    this.check(spec.actions);
  }

  #add(spec: FlowSpec, { modern = false }: ModOptions): FlowEntry {
    this.#checkSpec(spec);
    const table = this.table(spec.table);
    const masked = { ...toMasked(spec.match), priority: spec.priority };
    const old = table.find(masked);
    if (!old) {
      if (spec.flags.includes('check_overlap')) refuseOverlap(table, masked);
      if (table.size >= table.settings.maxFlows && !this.#evict(table)) {
        throw new InputError('EFULL', `expected room for a flow, but table ${table.id} has its ${table.size} already`);
      }
    }
    const keepCounts = old && modern && !spec.flags.includes('reset_counts');
    return this.#put(new FlowEntry(spec, this.now(), keepCounts ? { counts: old.counts } : {}));
  }

  #modify(old: FlowEntry, spec: FlowSpec, withCookie: boolean): FlowEntry {
    const counts = spec.flags.includes('reset_counts') ? undefined : old.counts;
    const changed = { ...old.spec, actions: spec.actions, cookie: withCookie ? spec.cookie : old.cookie };
    return this.#put(new FlowEntry(changed, this.now(), { modifies: old, counts }));
  }

  #put(entry: FlowEntry): FlowEntry {
    const table = this.table(entry.table);
    let old: FlowEntry | undefined;
    this.#journal!.step({
      redo: () => (old = table.put(entry)),
      undo: () => {
        table.remove(entry);
        if (old) table.put(old);
      },
    });
    this.#journal!.added(entry, old);
    return entry;
  }

  #remove(removed: FlowEntry[], reason: (entry: FlowEntry) => RemovalReason): FlowEntry[] {
    for (const entry of removed) {
      const table = this.table(entry.table);
      this.#journal!.step({ redo: () => table.remove(entry), undo: () => table.put(entry) });
      this.#journal!.removed(entry, reason(entry));
    }
    return removed;
  }

  /** Whether a flow went to make room. */
  #evict(table: FlowTable): boolean {
    const { overflow, evictionFields } = table.settings;
    const victim = overflow === 'evict' ? chooseVictim(table, evictionFields) : undefined;
    if (victim) this.#remove([victim], () => 'eviction');
    return victim !== undefined;
  }
}

function refuseOverlap(table: FlowTable, added: Pick<FlowEntry, 'value' | 'mask' | 'priority'>): void {
  for (const entry of table) {
    if (!overlaps(entry, added)) continue;
    const what = `a flow of table ${table.id} with priority ${entry.priority} and cookie 0x${entry.cookie.toString(16)}`;
    throw new InputError('EOVERLAP', `expected no packet to match two flows (check_overlap), but ${what} overlaps`);
  }
}

function matchKey({ match, priority }: FlowSpec): string {
  const { value, mask } = toMasked(match);
  return `${priority} ${Buffer.from(value).toString('latin1')} ${Buffer.from(mask).toString('latin1')}`;
}

/** A learned flow is learned again by each packet that passes learn(), as those of the megaflow do unseen. */
export class Learned implements Credited {
  constructor(readonly entry: FlowEntry) {}

  credit(_packets: number, _bytes: number, nowMs: number): void {
    if (nowMs > this.entry.modifiedMs) this.entry.modifiedMs = nowMs;
  }
}
