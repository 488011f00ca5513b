// What is installed in the addon's flow cache, as TypeScript knows it. upcalls.ts adds to it, revalidator.ts keeps it
// true, stats.ts has its counters credited.
//
// Counters are read and megaflows changed in one step (changeFlows), and every reading credits only what is new since
// the last one, so that each packet counts exactly once for each flow on its way, as that way was when it passed.
import type { OfPort } from '../openflow/ast.js';
import { ChangeFilter, contradicts, dependenciesText, type Dependencies, type FlowsChange } from './dependencies.js';
import { KEY_FIELDS } from './key-fields.js';
import { type Kin, type MacKey, type MaskFlows, Megaflow, type MegaflowContent } from './megaflow.js';
import { KEY_SIZE, type NativeDatapath, type NativeFlow, type NativeFlowChange } from './native.js';

export * from './megaflow.js';

/** A megaflow without packets for this long is removed. */
export const IDLE_MS = 10_000;
/** Megaflows at most; beyond it packets are answered one by one until some expire. Each takes about 1 KB here and
 *  as much in the addon. */
export const MAX_MEGAFLOWS = 32_768;

export interface MegaflowEvents {
  /** `packets` more went through the flows of this megaflow. */
  credit(flow: Megaflow, packets: number, bytes: number): void;
}

/** What is to become of a megaflow: other content, or none. */
export interface Verdict {
  flow: Megaflow;
  content?: MegaflowContent;
}

const RECORD = 5; // id, packets, bytes, used, tcp flags

export class Megaflows {
  readonly #byMask = new Map<string, MaskFlows>();
  readonly #byId = new Map<number, Megaflow>();
  /** The megaflows that asked for an address or taught it. */
  readonly #byMac = new Map<MacKey, Set<Megaflow>>();
  readonly #kins = new Map<string, Kin>();
  #lastId = 0;

  constructor(
    private readonly datapath: Pick<NativeDatapath, 'flowStats' | 'takeFlows' | 'changeFlows'>,
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

  has(flow: Megaflow): boolean {
    return this.#byId.get(flow.id) === flow;
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
    const kin = this.#kin(content.dependencies);
    const flow = new Megaflow(++this.#lastId, subtable, text, recircId, this.nowNs(), content, kin);
    subtable.flows.set(text, flow);
    this.#byId.set(flow.id, flow);
    this.#enlist(flow);
    return { id: flow.id, key: flow.key, mask: flow.mask };
  }

  // --- counters ------------------------------------------------------------------------------------------------

  /** Credits what came since the last reading. How many packets that were. */
  sync(): number {
    return this.size === 0 ? 0 : this.#credit(this.datapath.flowStats());
  }

  /** A packet of this megaflow was answered in the slow path, where the addon does not count it. */
  creditLate(flow: Megaflow, size: number, tcpFlags: number): void {
    flow.tcpFlags |= tcpFlags;
    this.events.credit(flow, 1, size);
  }

  // --- whom a change may concern -------------------------------------------------------------------------------

  withFlows(change: FlowsChange): Megaflow[] {
    const filter = new ChangeFilter(change);
    return [...this.#kins.values()].flatMap(({ dependencies, flows }) => {
      if (filter.concerns(dependencies)) return [...flows];
      const candidates = filter.candidates(dependencies);
      if (candidates.length === 0) return [];
      return [...flows].filter(({ subtable: { mask, offsets }, text }) =>
        candidates.some((candidate) => !contradicts(candidate, mask, offsets, (i) => text.charCodeAt(i))),
      );
    });
  }

  withGroup(id: number): Megaflow[] {
    return this.#with(({ groups }) => groups.includes(id));
  }

  /** Of a port that came, went, or changed. */
  withPort(no: OfPort): Megaflow[] {
    return this.#with(({ ports, allPorts }) => allPorts || ports.includes(no));
  }

  /** Who asked for one of these addresses, or taught it. */
  withMacs(macs: Iterable<MacKey>): Set<Megaflow> {
    const found = new Set<Megaflow>();
    for (const mac of macs) for (const flow of this.#byMac.get(mac) ?? []) found.add(flow);
    return found;
  }

  withAnyMac(): Set<Megaflow> {
    return this.withMacs(this.#byMac.keys());
  }

  #with(wanted: (dependencies: Dependencies) => boolean): Megaflow[] {
    return [...this.#kins.values()].flatMap(({ dependencies, flows }) => (wanted(dependencies) ? [...flows] : []));
  }

  // --- changes -------------------------------------------------------------------------------------------------

  /** Does all this in one step: whatever passed before it is credited to what the megaflows were. */
  apply(verdicts: readonly Verdict[], epoch?: number): void {
    if (verdicts.length === 0 && epoch === undefined) return;
    const changes = verdicts.map(({ flow: { id, encoded }, content }): NativeFlowChange => {
      if (!content) return { id, actions: null };
      return sameBytes(content.encoded, encoded) ? { id } : { id, actions: content.encoded };
    });
    this.#credit(this.datapath.changeFlows(changes, epoch));
    for (const { flow, content } of verdicts) {
      this.#delist(flow);
      if (content) {
        flow.become(content, this.#kin(content.dependencies));
        this.#enlist(flow);
      } else {
        this.#byId.delete(flow.id);
        if (flow.leave()) this.#byMask.delete(latin1(flow.mask));
      }
    }
  }

  /** Removes every megaflow, crediting its last packets. */
  purge(): void {
    if (this.size === 0) return;
    this.#credit(this.datapath.takeFlows());
    this.#byId.clear();
    this.#byMask.clear();
    this.#byMac.clear();
    this.#kins.clear();
  }

  /** Removes what had no packet for IDLE_MS. Call it after sync(). */
  expire(): void {
    const old = this.nowNs() - BigInt(IDLE_MS) * 1_000_000n;
    this.apply([...this].filter((f) => f.usedNs < old && f.installedNs < old).map((flow) => ({ flow })));
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

  #enlist(flow: Megaflow): void {
    flow.kin.flows.add(flow);
    for (const mac of flow.macs) {
      const flows = this.#byMac.get(mac);
      if (flows) flows.add(flow);
      else this.#byMac.set(mac, new Set([flow]));
    }
  }

  #delist(flow: Megaflow): void {
    const { flows: kin, text } = flow.kin;
    kin.delete(flow);
    if (kin.size === 0) this.#kins.delete(text);
    for (const mac of flow.macs) {
      const flows = this.#byMac.get(mac);
      flows?.delete(flow);
      if (flows?.size === 0) this.#byMac.delete(mac);
    }
  }

  #kin(dependencies: Dependencies): Kin {
    const text = dependenciesText(dependencies);
    let kin = this.#kins.get(text);
    if (!kin) this.#kins.set(text, (kin = { dependencies, text, flows: new Set() }));
    return kin;
  }

  #subtable(flowMask: Uint8Array): MaskFlows {
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

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

const scratch = Buffer.alloc(KEY_SIZE);

/** The bytes of `key` that the subtable looks at, as a string to be looked up. */
function maskedText({ mask, offsets }: MaskFlows, key: Uint8Array): string {
  for (let i = 0; i < offsets.length; i++) scratch[i] = key[offsets[i]] & mask[offsets[i]];
  return scratch.toString('latin1', 0, offsets.length);
}
