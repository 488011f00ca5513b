// The switch's meters by number. From: the meter parser, through the control socket or a file. To: translation, which
// asks for the datapath's number of a meter; the token buckets are the datapath's (native/meters.h).
//
// Every method is one change, done whole or refused by throwing InputError. Flows that name a meter that goes, go with
// it: tables.ts listens.
import { InputError, UnsupportedError } from '../errors.js';
import type { Action, MeterSpec } from '../openflow/ast.js';

/** As OVS's userspace datapath has it. */
const MAX_BANDS = 8;

export class MeterEntry {
  constructor(
    readonly spec: MeterSpec,
    /** The datapath's number: the lowest that was free, from 0. */
    readonly datapathId: number,
    readonly createdMs: number,
  ) {}
}

/** Who keeps the token buckets. */
export interface MeterKeeper {
  put(entry: MeterEntry): void;
  remove(entry: MeterEntry): void;
}

const NOBODY: MeterKeeper = { put: () => {}, remove: () => {} };

export class MeterTable implements Iterable<MeterEntry> {
  readonly #meters = new Map<number, MeterEntry>();
  #keeper = NOBODY;
  #whenRemoved: (ids: ReadonlySet<number>) => void = () => {};

  constructor(private readonly now: () => number = Date.now) {}

  /** By number. */
  [Symbol.iterator](): Iterator<MeterEntry> {
    return [...this.#meters.values()].sort((a, b) => a.spec.id - b.spec.id)[Symbol.iterator]();
  }

  get(id: number): MeterEntry | undefined {
    return this.#meters.get(id);
  }

  /** From now on this one is told of every meter. */
  keepIn(keeper: MeterKeeper): void {
    this.#keeper = keeper;
  }

  /** Told of meters that are about to go. */
  onRemove(listener: (ids: ReadonlySet<number>) => void): void {
    this.#whenRemoved = listener;
  }

  /** Adds all meters, or throws and adds none. */
  load(specs: readonly MeterSpec[]): void {
    const ids = new Set<number>();
    for (const spec of specs) {
      checkMeter(spec);
      if (this.#meters.has(spec.id) || ids.has(spec.id)) {
        throw new InputError('EMETER', `expected a new meter, but there is a meter ${spec.id} already`);
      }
      ids.add(spec.id);
    }
    for (const spec of specs) this.#set(new MeterEntry(spec, this.#free(), this.now()));
  }

  /** Gives meters that are there other bands, with full buckets; their counts begin anew. All, or throws and none. */
  modify(specs: readonly MeterSpec[]): void {
    for (const spec of specs) {
      checkMeter(spec);
      if (!this.#meters.has(spec.id)) throw new InputError('EMETER', `expected a meter that exists, got ${spec.id}`);
    }
    for (const spec of specs) {
      const { datapathId, createdMs } = this.#meters.get(spec.id)!;
      this.#set(new MeterEntry(spec, datapathId, createdMs));
    }
  }

  /** Deletes one meter, or all; one that is not there is no mistake. Returns how many there were. */
  delete(id?: number): number {
    const gone = [...this].filter(({ spec }) => id === undefined || spec.id === id);
    if (gone.length > 0) this.#whenRemoved(new Set(gone.map(({ spec }) => spec.id)));
    for (const entry of gone) {
      this.#meters.delete(entry.spec.id);
      this.#keeper.remove(entry);
    }
    return gone.length;
  }

  #set(entry: MeterEntry): void {
    this.#meters.set(entry.spec.id, entry);
    this.#keeper.put(entry);
  }

  #free(): number {
    const taken = new Set([...this.#meters.values()].map(({ datapathId }) => datapathId));
    let id = 0;
    while (taken.has(id)) id++;
    return id;
  }
}

/** Refuses a meter that cannot be. */
export function checkMeter({ id, bands }: MeterSpec): void {
  if (bands.length > MAX_BANDS)
    throw new InputError('EMETER', `expected at most ${MAX_BANDS} bands in meter ${id}, got ${bands.length}`);
  if (bands.some(({ type }) => type === 'dscp_remark'))
    throw new UnsupportedError('meter bands of the type dscp_remark');
}

/** Refuses actions that name a meter that is not there. */
export function checkMeters(actions: readonly Action[], meters: Pick<MeterTable, 'get'>): void {
  for (const id of metersOf(actions)) {
    if (!meters.get(id)) throw new InputError('EMETER', `expected a meter that exists, got meter:${id}`);
  }
}

/** The meters that actions name, those inside of other actions included. */
export function metersOf(actions: readonly Action[]): number[] {
  return actions.flatMap((action) => {
    if (action.type === 'meter') return [action.id];
    if (action.type === 'controller') return action.meterId === undefined ? [] : [action.meterId];
    if (action.type === 'write_actions' || action.type === 'clone') return metersOf(action.actions);
    return [];
  });
}
