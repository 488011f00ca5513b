// All flows of a table that look at the same bits (one mask), found by hashing those bits of the packet, a stage at a
// time. Made and asked by classifier.ts. What a search looked at is un-wildcarded here, and nothing more.
import { KEY_FIELDS } from '../datapath/key-fields.js';
import { FLOW_SIZE } from '../key/fields.js';
import type { Flow } from '../key/flow.js';
import type { FlowEntry } from './flow-entry.js';
import type { PrefixLookups } from './prefix-lookups.js';
import { PREFIX_FIELDS, prefixLengthOf } from './prefix-fields.js';
import { PrefixTrie } from './prefix-trie.js';
import { STAGES, stageOfByte } from './stages.js';

/** Flows with the same match, highest priority first. A packet that matches one matches all. */
export type Entries = readonly [FlowEntry, ...FlowEntry[]];

interface Stage {
  /** The bytes looked at, and the bits of each. */
  offsets: Uint16Array;
  bits: Uint8Array;
  /** Prefix fields (by index) that lie in this stage, and the length that this subtable matches. */
  prefixes: { field: number; length: number }[];
  /** How many matches begin with these bits, by hash over this stage and those before. The last stage has none. */
  begun: Map<number, number>;
}

/** Where ports are, or what ICMP has in their place. */
const PORTS = { at: KEY_FIELDS.tp_src[0], size: 4 };
const ICMP = { at: KEY_FIELDS.icmp_type[0], size: 2 };
const HASH_START = 0x811c9dc5;

export class Subtable {
  readonly mask: Flow;
  readonly #stages: Stage[];
  /** Matches by hash over all stages. Those of one hash differ in value. */
  readonly #matches = new Map<number, FlowEntry[][]>();
  /** The ports that are matched, when this subtable looks at ports. */
  readonly #ports?: { at: number; trie: PrefixTrie; length: number; /** The packet's, masked. */ bytes: Uint8Array };
  readonly #byPriority = new Map<number, number>();
  maxPriority = -1;
  size = 0;

  constructor(mask: Flow) {
    this.mask = mask;
    this.#stages = makeStages(mask);
    const place = [PORTS, ICMP].find(({ at, size }) => mask.subarray(at, at + size).some((bits) => bits !== 0));
    if (place) {
      const bytes = mask.slice(place.at, place.at + place.size);
      let length = place.size * 8;
      while (((bytes[(length - 1) >> 3] >> (8 - (length & 7 || 8))) & 1) === 0) length--;
      this.#ports = { at: place.at, trie: new PrefixTrie(place.size), length, bytes };
    }
  }

  *[Symbol.iterator](): Iterator<FlowEntry> {
    for (const bucket of this.#matches.values()) for (const entries of bucket) yield* entries;
  }

  /** Prefix fields with the length that every match here has. */
  get prefixes(): { field: number; length: number }[] {
    return this.#stages.flatMap((stage) => stage.prefixes);
  }

  insert(entry: FlowEntry): void {
    const hash = this.#hashes(entry.value, 1);
    const bucket = this.#matches.get(hash) ?? [];
    if (bucket.length === 0) this.#matches.set(hash, bucket);
    let entries = bucket.find((e) => equal(e[0].value, entry.value));
    if (!entries) bucket.push((entries = []));
    const at = entries.findIndex((e) => e.priority < entry.priority);
    entries.splice(at < 0 ? entries.length : at, 0, entry);
    this.#ports?.trie.insert(entry.value.subarray(this.#ports.at), this.#ports.length);
    this.#count(entry.priority, 1);
  }

  remove(entry: FlowEntry): void {
    const hash = this.#hashes(entry.value, -1);
    const bucket = this.#matches.get(hash) as FlowEntry[][];
    const index = bucket.findIndex((e) => e.includes(entry));
    const entries = bucket[index];
    entries.splice(entries.indexOf(entry), 1);
    if (entries.length === 0) bucket.splice(index, 1);
    if (bucket.length === 0) this.#matches.delete(hash);
    this.#ports?.trie.remove(entry.value.subarray(this.#ports.at), this.#ports.length);
    this.#count(entry.priority, -1);
  }

  /** The flow with exactly this match and priority. */
  find(value: Flow, priority: number): FlowEntry | undefined {
    let hash = HASH_START;
    for (const stage of this.#stages) hash = hashStage(stage, value, hash);
    const entries = this.#matches.get(hash)?.find((e) => equal(e[0].value, value));
    return entries?.find((e) => e.priority === priority);
  }

  /** The flows that match, un-wildcarding what was looked at. */
  lookup(flow: Flow, wildcards: Flow, tries: PrefixLookups): Entries | undefined {
    const last = this.#stages.length - 1;
    let hash = HASH_START;
    for (let i = 0; i < last; i++) {
      const stage = this.#stages[i];
      if (tries.rulesOut(stage.prefixes, flow, wildcards)) return this.#miss(wildcards, i);
      hash = hashStage(stage, flow, hash);
      if (!stage.begun.has(hash)) return this.#miss(wildcards, i + 1);
    }
    const stage = this.#stages[last];
    if (tries.rulesOut(stage.prefixes, flow, wildcards)) return this.#miss(wildcards, last);
    hash = hashStage(stage, flow, hash);
    const found = this.#matches.get(hash)?.find((entries) => this.#covers(entries[0].value, flow));
    if (!found && this.#portsRuleOut(flow, wildcards)) return this.#miss(wildcards, last);
    this.#miss(wildcards, last + 1);
    return found as Entries | undefined;
  }

  /** Nothing matches; the first `count` stages were needed to know. */
  #miss(wildcards: Flow, count: number): undefined {
    for (let i = 0; i < count; i++) {
      const { offsets, bits } = this.#stages[i];
      for (let j = 0; j < offsets.length; j++) wildcards[offsets[j]] |= bits[j];
    }
  }

  /** No match has the packet's ports: the leading bits that tell so are un-wildcarded instead of the whole stage. */
  #portsRuleOut(flow: Flow, wildcards: Flow): boolean {
    if (!this.#ports) return false;
    const { at, trie, length, bytes } = this.#ports;
    for (let i = 0; i < bytes.length; i++) bytes[i] = flow[at + i] & this.mask[at + i];
    const read = trie.lookup(bytes, 0);
    if (trie.lengths[length]) return false;
    for (let i = 0; i * 8 < read; i++) wildcards[at + i] |= this.mask[at + i] & (0xff00 >> Math.min(8, read - i * 8));
    return true;
  }

  #covers(value: Flow, flow: Flow): boolean {
    for (const { offsets, bits } of this.#stages) {
      for (let j = 0; j < offsets.length; j++) {
        if ((flow[offsets[j]] & bits[j]) !== value[offsets[j]]) return false;
      }
    }
    return true;
  }

  /** The hash of a match; counts it in (1) or out (-1) of the stages that it passes. */
  #hashes(value: Flow, change: 1 | -1): number {
    let hash = HASH_START;
    for (const stage of this.#stages) {
      hash = hashStage(stage, value, hash);
      const count = (stage.begun.get(hash) ?? 0) + change;
      if (count === 0) stage.begun.delete(hash);
      else stage.begun.set(hash, count);
    }
    return hash;
  }

  #count(priority: number, change: 1 | -1): void {
    this.size += change;
    const count = (this.#byPriority.get(priority) ?? 0) + change;
    if (count > 0) this.#byPriority.set(priority, count);
    else this.#byPriority.delete(priority);
    if (change === 1) this.maxPriority = Math.max(this.maxPriority, priority);
    else if (count === 0 && priority === this.maxPriority) this.maxPriority = Math.max(-1, ...this.#byPriority.keys());
  }
}

function equal(a: Flow, b: Flow): boolean {
  return Buffer.compare(a, b) === 0;
}

function hashStage(stage: Stage, flow: Flow, hash: number): number {
  const { offsets, bits } = stage;
  for (let i = 0; i < offsets.length; i++) hash = Math.imul(hash ^ (flow[offsets[i]] & bits[i]), 0x01000193);
  // FNV-1a leaves the low bits of neighbouring values alike; stir once per stage.
  return Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
}

/** The stages that the mask has bits in, in order; one empty stage when it has none. */
function makeStages(mask: Flow): Stage[] {
  const bytes: number[][] = Array.from({ length: STAGES }, () => []);
  for (let offset = 0; offset < FLOW_SIZE; offset++) if (mask[offset] !== 0) bytes[stageOfByte[offset]].push(offset);
  const used = bytes.filter((offsets) => offsets.length > 0);
  return (used.length > 0 ? used : [[]]).map((offsets) => ({
    offsets: Uint16Array.from(offsets),
    bits: Uint8Array.from(offsets, (offset) => mask[offset]),
    prefixes: PREFIX_FIELDS.map(({ offset, size }, field) => ({
      field,
      length: prefixLengthOf(mask, offset, size),
    })).filter(({ field, length }) => length > 0 && offsets.includes(PREFIX_FIELDS[field].offset)),
    begun: new Map(),
  }));
}
