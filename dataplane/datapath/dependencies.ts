// What the answer of a translation hangs on besides the packet itself: the flows that its tables gave, the groups,
// ports and addresses that it asked for. environment.ts notes it while a packet is translated; megaflows.ts keeps it,
// and finds with it the megaflows that a change may concern.
//
// A flow that is added concerns a megaflow only where its table was asked, no better flow was found there, and its
// match does not contradict the megaflow's key in a field that the pipeline had left as it came in.
import { fieldByName } from '../key/fields.js';
import { type Flow, getNumber } from '../key/flow.js';
import type { OfPort } from '../openflow/ast.js';
import type { FlowEntry, FlowTable } from '../tables/index.js';
import type { LookupResult } from '../translate/types.js';
import { KEY_SIZE } from './native.js';

const WORD = 4;
const WORDS = KEY_SIZE / WORD;
const conjId = fieldByName('conj_id');

/** One look into a table. */
export interface Look {
  table: FlowTable;
  /** What was found, and the clauses that led there. */
  found: readonly FlowEntry[];
  /** A flow of a lower priority would not have been found. */
  floor: number;
  /** Bits: the 4-byte words of the key that the pipeline had changed by then. */
  changed: readonly number[];
}

export interface Dependencies {
  looks: readonly Look[];
  groups: readonly number[];
  ports: readonly OfPort[];
  /** It looked which ports there are. */
  allPorts: boolean;
  /** Flows that its packets learn, and so keep alive, or that leave no room for another. */
  taught: readonly FlowEntry[];
}

/** Notes the dependencies of one translation, as it goes. */
export class DependencyNotes implements Dependencies {
  readonly looks: Look[] = [];
  readonly groups: number[] = [];
  readonly ports: OfPort[] = [];
  readonly taught: FlowEntry[] = [];
  allPorts = false;
  readonly #arrived: Uint32Array;
  /** The last flow that was looked at, and its words: a translation has hardly more than one. */
  #seen?: { flow: Flow; words: Uint32Array };
  #changed: readonly number[] = [0, 0, 0, 0];

  /** `arrived`: the packet's key. */
  constructor(arrived: Uint8Array) {
    this.#arrived = words(arrived);
  }

  look(table: FlowTable, { entry, conjunction }: LookupResult, flow: Flow): void {
    const clauses = conjunction?.clauses.filter((clause) => clause !== undefined) ?? [];
    const found = entry ? [entry, ...clauses] : clauses;
    const floor = entry ? Math.min(...found.map(({ priority }) => priority)) : -1;
    this.looks.push({ table, found, floor, changed: this.#changedWords(flow) });
  }

  port(no: OfPort): void {
    if (!this.ports.includes(no)) this.ports.push(no);
  }

  group(id: number): void {
    if (!this.groups.includes(id)) this.groups.push(id);
  }

  #changedWords(flow: Flow): readonly number[] {
    if (this.#seen?.flow !== flow) this.#seen = { flow, words: words(flow) };
    const arrived = this.#arrived;
    const now = this.#seen.words;
    const bits = [0, 0, 0, 0];
    for (let i = 0; i < WORDS; i++) if (now[i] !== arrived[i]) bits[i >> 5] |= 1 << (i & 31);
    if (bits.some((b, i) => b !== this.#changed[i])) this.#changed = bits;
    return this.#changed;
  }
}

function words(bytes: Uint8Array): Uint32Array {
  const whole = bytes.byteOffset % WORD === 0 ? bytes : bytes.slice();
  return new Uint32Array(whole.buffer, whole.byteOffset, WORDS);
}

/** The same text, the same dependencies. */
export function dependenciesText({ looks, groups, ports, allPorts, taught }: Dependencies): string {
  const serials = (entries: readonly FlowEntry[]): string => entries.map((e) => e.serial).join('+');
  const looked = looks.map((l) => `${l.table.id}:${serials(l.found)}:${l.changed.join('.')}`);
  return [looked, groups, ports, allPorts ? 'all' : '', serials(taught)].join('/');
}

export interface FlowsChange {
  added: readonly FlowEntry[];
  removed: readonly FlowEntry[];
  /** Of the added ones that took the place of one with the same match and priority: which. */
  replaced: ReadonlyMap<FlowEntry, FlowEntry>;
}

/** What of a change can concern a translation, looked through once for many. */
export class ChangeFilter {
  readonly #gone: ReadonlySet<FlowEntry>;
  readonly #new = new Map<number, FlowEntry[]>();

  constructor({ added, removed, replaced }: FlowsChange) {
    this.#gone = new Set(removed);
    for (const entry of added) {
      const old = replaced.get(entry);
      // Who had the old one has the new one: nobody else does. Clauses are found with others, and count anew.
      if (old && old.conjunctions.length === 0 && entry.conjunctions.length === 0) continue;
      const list = this.#new.get(entry.table);
      if (list) list.push(entry);
      else this.#new.set(entry.table, [entry]);
    }
  }

  /** Whatever the packet. */
  concerns({ looks, taught }: Dependencies): boolean {
    return taught.some((e) => this.#gone.has(e)) || looks.some((l) => l.found.some((e) => this.#gone.has(e)));
  }

  /** New flows that a packet might meet now, and where. */
  candidates({ looks }: Dependencies): { entry: FlowEntry; look: Look }[] {
    return looks.flatMap((look) =>
      (this.#new.get(look.table.id) ?? []).filter((e) => mayBeat(e, look)).map((entry) => ({ entry, look })),
    );
  }
}

/** A flow with a conj_id counts whatever its own priority is. */
function mayBeat(entry: FlowEntry, { floor }: Look): boolean {
  return entry.priority >= floor || getNumber(entry.mask, conjId) !== 0;
}

/** Whether a packet with these bytes (`offsets` of the key, masked) cannot match the flow at that look. */
export function contradicts(
  { entry, look }: { entry: FlowEntry; look: Look },
  mask: Uint8Array,
  offsets: readonly number[],
  byteAt: (index: number) => number,
): boolean {
  for (let i = 0; i < offsets.length; i++) {
    const at = offsets[i];
    const bits = entry.mask[at] & mask[at];
    if (bits === 0 || ((look.changed[at >> 7] >> ((at >> 2) & 31)) & 1) !== 0) continue;
    if (((byteAt(i) ^ entry.value[at]) & bits) !== 0) return true;
  }
  return false;
}
