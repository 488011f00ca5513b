// The switch's groups: numbered lists of buckets that flows send packets to. From: the group parser, through the
// control socket or a file. To: translate/actions/group.ts (get), which chooses buckets and credits them.
//
// Every method is one change, done whole or refused by throwing InputError. Flows that name a group that goes, go with
// it: tables.ts listens. With buckets that come or go a group's own count begins anew, as in Open vSwitch.
import { InputError } from '../errors.js';
import type { Action, BucketSpec, GroupSpec } from '../openflow/ast.js';
import type { Journal } from './journal.js';
import { checkSupported } from './supported.js';

/** OFPG_MAX. */
const MAX_GROUP = 0xffffff00;

export class BucketEntry {
  packets = 0;
  bytes = 0;

  constructor(readonly spec: BucketSpec) {}

  credit(packets: number, bytes: number): void {
    this.packets += packets;
    this.bytes += bytes;
  }
}

/** One group, its buckets and what went through. A modified group is a new entry. */
export class GroupEntry {
  readonly buckets: readonly BucketEntry[];
  packets = 0;
  bytes = 0;

  constructor(
    readonly spec: GroupSpec,
    readonly createdMs: number,
    /** Buckets keep their counts when others come or go. */
    kept: readonly BucketEntry[] = [],
  ) {
    this.buckets = spec.buckets.map((bucket) => kept.find((b) => b.spec === bucket) ?? new BucketEntry(bucket));
  }

  credit(packets: number, bytes: number): void {
    this.packets += packets;
    this.bytes += bytes;
  }

  get id(): number {
    return this.spec.id;
  }
}

export class GroupTable implements Iterable<GroupEntry> {
  readonly #groups = new Map<number, GroupEntry>();
  #whenRemoved: (ids: readonly number[]) => void = () => {};

  /** `change`: makes one change of the steps that are noted while it runs. */
  constructor(
    private readonly change: <T>(run: (journal: Journal) => T) => T,
    private readonly now: () => number = Date.now,
  ) {}

  get size(): number {
    return this.#groups.size;
  }

  /** By number. */
  [Symbol.iterator](): Iterator<GroupEntry> {
    return [...this.#groups.values()].sort((a, b) => a.id - b.id)[Symbol.iterator]();
  }

  get(id: number): GroupEntry | undefined {
    return this.#groups.get(id);
  }

  /** Told, within the change, of groups that are no more. */
  onRemove(listener: (ids: readonly number[]) => void): void {
    this.#whenRemoved = listener;
  }

  add(spec: GroupSpec): GroupEntry {
    return this.load([spec])[0];
  }

  /** Adds all groups, or throws and adds none. */
  load(specs: readonly GroupSpec[]): GroupEntry[] {
    const ids = new Set<number>();
    for (const spec of specs) {
      checkGroup(spec);
      if (this.#groups.has(spec.id) || ids.has(spec.id)) {
        throw new InputError('EGROUP', `expected a new group, but there is a group ${spec.id} already`);
      }
      ids.add(spec.id);
    }
    const added = specs.map((spec) => new GroupEntry(spec, this.now()));
    this.change((journal) => {
      for (const entry of added) this.#set(journal, entry.id, entry);
    });
    return added;
  }

  /** Gives a group other buckets or another type; its counts begin anew. With `mayCreate` it need not exist. */
  modify(spec: GroupSpec, mayCreate = false): GroupEntry {
    checkGroup(spec);
    if (!mayCreate) this.existing(spec.id);
    return this.#replace(new GroupEntry(spec, this.#groups.get(spec.id)?.createdMs ?? this.now()));
  }

  /** Deletes one group, or all; one that is not there is no mistake. Returns how many there were. */
  delete(id?: number): number {
    const removed = id === undefined ? [...this.#groups.keys()] : this.#groups.has(id) ? [id] : [];
    this.change((journal) => {
      for (const gone of removed) this.#set(journal, gone, undefined);
      if (removed.length > 0) this.#whenRemoved(removed);
    });
    return removed.length;
  }

  /** Puts buckets in front of all, behind all (the default) or behind the bucket of that id. */
  insertBuckets(id: number, buckets: readonly BucketSpec[], where: 'first' | 'last' | number = 'last'): GroupEntry {
    const old = this.existing(id);
    const have = old.spec.buckets;
    const at = where === 'first' ? 0 : where === 'last' ? have.length : indexOfBucket(old, where) + 1;
    return this.#rebuild(old, [...have.slice(0, at), ...buckets, ...have.slice(at)]);
  }

  /** Takes out the first, the last or all buckets, or the bucket of that id. */
  removeBuckets(id: number, which: 'first' | 'last' | 'all' | number): GroupEntry {
    const old = this.existing(id);
    const have = old.spec.buckets;
    if (which === 'all') return this.#rebuild(old, []);
    const at = which === 'first' ? 0 : which === 'last' ? have.length - 1 : indexOfBucket(old, which);
    return this.#rebuild(
      old,
      have.filter((_, i) => i !== at),
    );
  }

  /** Throws InputError when there is none. */
  existing(id: number): GroupEntry {
    const entry = this.#groups.get(id);
    if (!entry) throw new InputError('EGROUP', `expected a group that exists, got ${id}`);
    return entry;
  }

  #rebuild(old: GroupEntry, buckets: BucketSpec[]): GroupEntry {
    const spec = { ...old.spec, buckets };
    checkGroup(spec);
    return this.#replace(new GroupEntry(spec, old.createdMs, old.buckets));
  }

  #replace(entry: GroupEntry): GroupEntry {
    this.change((journal) => this.#set(journal, entry.id, entry));
    return entry;
  }

  #set(journal: Journal, id: number, entry: GroupEntry | undefined): void {
    const old = this.#groups.get(id);
    const set = (group: GroupEntry | undefined): void => {
      if (group) this.#groups.set(id, group);
      else this.#groups.delete(id);
    };
    journal.step({ redo: () => set(entry), undo: () => set(old) });
    journal.group(id);
  }
}

function indexOfBucket({ id, spec }: GroupEntry, bucket: number): number {
  const at = spec.buckets.findIndex((b) => b.id === bucket);
  if (at < 0) throw new InputError('EBUCKET', `expected a bucket of group ${id}, but it has no bucket ${bucket}`);
  return at;
}

/** Refuses a group that cannot be. */
export function checkGroup(spec: GroupSpec): void {
  if (spec.id < 0 || spec.id > MAX_GROUP) {
    throw new InputError('EGROUP', `expected a group of 0 to ${MAX_GROUP}, got ${spec.id}`);
  }
  if (spec.type === 'indirect' && spec.buckets.length !== 1) {
    throw new InputError('EGROUP', `expected one bucket in an indirect group, got ${spec.buckets.length}`);
  }
  const ids = new Set<number>();
  for (const bucket of spec.buckets) {
    if (ids.has(bucket.id)) throw new InputError('EBUCKET', `group ${spec.id} has two buckets ${bucket.id}`);
    ids.add(bucket.id);
    checkSupported(bucket.actions);
  }
}

/** Refuses actions that name a group that is not there. */
export function checkGroups(actions: readonly Action[], groups: Pick<GroupTable, 'get'>): void {
  for (const id of groupsOf(actions)) {
    if (!groups.get(id)) throw new InputError('EGROUP', `expected a group that exists, got group:${id}`);
  }
}

/** The groups that actions send packets to, those inside of other actions included. */
export function groupsOf(actions: readonly Action[]): number[] {
  return actions.flatMap((action) => {
    if (action.type === 'group') return [action.id];
    if (action.type === 'write_actions' || action.type === 'clone') return groupsOf(action.actions);
    return [];
  });
}
