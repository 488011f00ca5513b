// What is installed in the addon's flow cache, as TypeScript knows it: of each megaflow its key and mask, its actions,
// and the flows that its packets passed. upcalls.ts adds to it; stats.ts credits its counters; the switch invalidates
// it when flows, ports or learned addresses change.
//
// Counters are read and megaflows are removed in one step (takeFlows), and every reading credits only what is new since
// the last one, so that each packet counts exactly once for each flow on its way.
import type { OfPort } from '../openflow/ast.js';
import type { Credited } from '../translate/types.js';
import type { DatapathAction } from './actions.js';
import { decodeActions } from './encode.js';
import { KEY_FIELDS } from './key-fields.js';
import { KEY_SIZE, type NativeDatapath, type NativeFlow } from './native.js';

/** A megaflow without packets for this long is removed. */
export const IDLE_MS = 10_000;
/** Megaflows at most; beyond it packets are answered one by one until some expire. Each takes about 1 KB here and
 *  as much in the addon. */
export const MAX_MEGAFLOWS = 32_768;

/** An address that NORMAL learned from the packets of a megaflow. */
export interface Learned {
  vlan: number;
  mac: bigint;
  port: OfPort;
}

/** An address in NORMAL's table. */
export type MacKey = `${number}/${bigint}`;

export function macKey(vlan: number, mac: bigint): MacKey {
  return `${vlan}/${mac}`;
}

/** What a translation came to, as far as a megaflow needs it. */
export interface MegaflowContent {
  mask: Uint8Array;
  actions: readonly DatapathAction[];
  /** The same, encoded. */
  encoded: Uint8Array;
  /** Flows, groups and buckets. */
  entries: readonly Credited[];
  learned: readonly Learned[];
  /** Addresses that NORMAL looked up, whether they were known or not. */
  asked: readonly MacKey[];
}

/** An installed megaflow. There may be many: what can be made from something else is not kept. */
export class Megaflow {
  packets = 0;
  bytes = 0;
  /** CLOCK_MONOTONIC, ns; 0: never. */
  usedNs = 0n;
  tcpFlags = 0;
  /** Recirculation ids that its packets go on with. */
  readonly recircIds: readonly number[];
  readonly encoded: Uint8Array;
  readonly entries: readonly Credited[];
  readonly learned: readonly Learned[];
  readonly asked: readonly MacKey[];

  constructor(
    readonly id: number,
    private readonly subtable: Subtable,
    /** The key's bytes that the mask looks at. */
    readonly text: string,
    readonly recircId: number,
    readonly installedNs: bigint,
    { actions, encoded, entries, learned, asked }: MegaflowContent,
  ) {
    this.recircIds = orNone(recircIdsOf(actions));
    this.encoded = encoded;
    this.entries = entries;
    this.learned = orNone(learned);
    this.asked = orNone(asked);
  }

  get mask(): Uint8Array {
    return this.subtable.mask;
  }

  /** Masked. */
  get key(): Uint8Array {
    const key = new Uint8Array(KEY_SIZE);
    this.subtable.offsets.forEach((offset, i) => (key[offset] = this.text.charCodeAt(i)));
    return key;
  }

  get actions(): DatapathAction[] {
    return decodeActions(this.encoded);
  }

  /** Takes it out of its mask's megaflows. True when it was the last. */
  leave(): boolean {
    this.subtable.flows.delete(this.text);
    return this.subtable.flows.size === 0;
  }
}

const NONE: readonly never[] = [];

function orNone<T>(list: readonly T[]): readonly T[] {
  return list.length === 0 ? NONE : list;
}

function recircIdsOf(actions: readonly DatapathAction[]): number[] {
  return actions.flatMap((a) => (a.type === 'recirc' ? [a.id] : a.type === 'clone' ? recircIdsOf(a.actions) : []));
}

/** All megaflows of one mask. */
interface Subtable {
  mask: Uint8Array;
  /** The bytes that the mask looks at. */
  offsets: number[];
  flows: Map<string, Megaflow>;
}

export interface MegaflowEvents {
  /** `packets` more went through the flows of this megaflow. */
  credit(flow: Megaflow, packets: number, bytes: number): void;
}

const RECORD = 5; // id, packets, bytes, used, tcp flags

export class Megaflows {
  readonly #byMask = new Map<string, Subtable>();
  readonly #byId = new Map<number, Megaflow>();
  /** The megaflows that asked for an address or taught it. */
  readonly #byMac = new Map<MacKey, Set<Megaflow>>();
  #lastId = 0;

  constructor(
    private readonly datapath: Pick<NativeDatapath, 'flowStats' | 'takeFlows'>,
    private readonly events: MegaflowEvents,
    private readonly nowNs: () => bigint = process.hrtime.bigint,
    readonly limit = MAX_MEGAFLOWS,
  ) {}

  get size(): number {
    return this.#byId.size;
  }

  [Symbol.iterator](): Iterator<Megaflow> {
    return this.#byId.values();
  }

  /** The installed megaflow that covers `key`. Its packet came up before the addon had it. */
  lookup(key: Uint8Array): Megaflow | undefined {
    for (const subtable of this.#byMask.values()) {
      const flow = subtable.flows.get(maskedText(subtable, key));
      if (flow) return flow;
    }
    return undefined;
  }

  /** Registers a megaflow for `key`; the caller hands what this returns to the addon. undefined: full. */
  add(key: Uint8Array, content: MegaflowContent): NativeFlow | undefined {
    if (this.#byId.size >= this.limit) return undefined;
    const subtable = this.#subtable(content.mask);
    const text = maskedText(subtable, key);
    if (subtable.flows.has(text)) throw new Error('a megaflow with this key and mask is installed already');
    const recircId = new DataView(key.buffer, key.byteOffset).getUint32(KEY_FIELDS.recirc_id[0]);
    const flow = new Megaflow(++this.#lastId, subtable, text, recircId, this.nowNs(), content);
    subtable.flows.set(text, flow);
    this.#byId.set(flow.id, flow);
    for (const mac of macsOf(flow)) {
      const flows = this.#byMac.get(mac);
      if (flows) flows.add(flow);
      else this.#byMac.set(mac, new Set([flow]));
    }
    return { id: flow.id, key: flow.key, mask: flow.mask };
  }

  /** Credits what came since the last reading. How many packets that were. */
  sync(): number {
    return this.size === 0 ? 0 : this.#credit(this.datapath.flowStats());
  }

  /** A packet of this megaflow was answered in the slow path, where the addon does not count it. */
  creditLate(flow: Megaflow, size: number, tcpFlags: number): void {
    flow.tcpFlags |= tcpFlags;
    this.events.credit(flow, 1, size);
  }

  /** Removes every megaflow, crediting its last packets. */
  invalidate(): void {
    if (this.size === 0) return;
    this.#credit(this.datapath.takeFlows());
    this.#byId.clear();
    this.#byMask.clear();
    this.#byMac.clear();
  }

  /** What is known about these addresses has changed. Those who taught another answer go too, so that the next packet
   *  from there is heard. */
  invalidateMacs(macs: Iterable<MacKey>): void {
    const ids = new Set<number>();
    for (const mac of macs) for (const flow of this.#byMac.get(mac) ?? []) ids.add(flow.id);
    this.#remove([...ids]);
  }

  /** Removes what had no packet for IDLE_MS. Call it after sync(). */
  expire(): void {
    const old = this.nowNs() - BigInt(IDLE_MS) * 1_000_000n;
    this.#remove([...this].filter((f) => f.usedNs < old && f.installedNs < old).map((f) => f.id));
  }

  /** Recirculation ids that an installed megaflow sends packets to, or waits for them with. */
  recircIds(): Set<number> {
    const ids = new Set<number>();
    for (const flow of this) {
      for (const id of flow.recircIds) ids.add(id);
      ids.add(flow.recircId);
    }
    return ids;
  }

  #remove(ids: number[]): void {
    if (ids.length === 0) return;
    this.#credit(this.datapath.takeFlows(ids));
    for (const id of ids) {
      const flow = this.#byId.get(id)!;
      this.#byId.delete(id);
      if (flow.leave()) this.#byMask.delete(latin1(flow.mask));
      for (const mac of macsOf(flow)) {
        const flows = this.#byMac.get(mac);
        flows?.delete(flow);
        if (flows?.size === 0) this.#byMac.delete(mac);
      }
    }
  }

  #credit(stats: BigUint64Array): number {
    let total = 0;
    for (let i = 0; i + RECORD <= stats.length; i += RECORD) {
      const flow = this.#byId.get(Number(stats[i]));
      if (!flow) continue;
      const packets = Number(stats[i + 1]) - flow.packets;
      const bytes = Number(stats[i + 2]) - flow.bytes;
      if (packets === 0) continue;
      flow.packets += packets;
      flow.bytes += bytes;
      flow.usedNs = stats[i + 3];
      flow.tcpFlags |= Number(stats[i + 4]);
      total += packets;
      this.events.credit(flow, packets, bytes);
    }
    return total;
  }

  #subtable(flowMask: Uint8Array): Subtable {
    const text = latin1(flowMask.subarray(0, KEY_SIZE));
    let subtable = this.#byMask.get(text);
    if (!subtable) {
      const mask = flowMask.slice(0, KEY_SIZE);
      const offsets = Array.from(mask.keys()).filter((i) => mask[i] !== 0);
      subtable = { mask, offsets, flows: new Map() };
      this.#byMask.set(text, subtable);
    }
    return subtable;
  }
}

function macsOf({ asked, learned }: Megaflow): MacKey[] {
  return learned.length === 0 ? [...asked] : [...asked, ...learned.map(({ vlan, mac }) => macKey(vlan, mac))];
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

const scratch = Buffer.alloc(KEY_SIZE);

/** The bytes of `key` that the subtable looks at, as a string to be looked up. */
function maskedText({ mask, offsets }: Subtable, key: Uint8Array): string {
  for (let i = 0; i < offsets.length; i++) scratch[i] = key[offsets[i]] & mask[offsets[i]];
  return scratch.toString('latin1', 0, offsets.length);
}
