// The classifier's tries over address prefixes, and what they said about the packet that is being looked up: each trie
// is asked once a lookup at most. From: classifier.ts; to: subtable.ts.
import { KEY_FIELDS } from '../datapath/key-fields.js';
import type { Flow } from '../key/flow.js';
import type { FlowEntry } from './flow-entry.js';
import { lookAtPrefix, PREFIX_FIELDS, prefixLookedAt } from './prefix-fields.js';
import { PrefixTrie } from './prefix-trie.js';

const [DL_TYPE] = KEY_FIELDS.dl_type;
/** This packet was not looked up in the trie yet; and: it does not have the field. */
const NOT_ASKED = -1;
const NO_FIELD = -2;

export class PrefixLookups {
  readonly #tries = PREFIX_FIELDS.map(({ size }) => new PrefixTrie(size));
  /** By trie: bits that the lookup of this packet read, NOT_ASKED or NO_FIELD. */
  readonly #read = new Int32Array(PREFIX_FIELDS.length);

  insert(entry: FlowEntry, prefixes: readonly { field: number; length: number }[]): void {
    for (const { field, length } of prefixes) this.#tries[field].insert(this.#bytes(entry, field), length);
  }

  remove(entry: FlowEntry, prefixes: readonly { field: number; length: number }[]): void {
    for (const { field, length } of prefixes) this.#tries[field].remove(this.#bytes(entry, field), length);
  }

  /** Forgets the last packet. */
  begin(): void {
    this.#read.fill(NOT_ASKED);
  }

  /** True when the packet is under none of the prefixes of one of these fields; the bits that tell so are then
   *  looked at. */
  rulesOut(prefixes: readonly { field: number; length: number }[], flow: Flow, wildcards: Flow): boolean {
    for (const { field, length } of prefixes) {
      const { offset } = PREFIX_FIELDS[field];
      const read = this.#ask(field, flow);
      if (read === NO_FIELD || this.#tries[field].lengths[length]) continue;
      // The trie is shared by subtables that look at longer prefixes; reading more than this one would is no gain.
      if (read > length && !prefixLookedAt(wildcards, offset, read)) continue;
      lookAtPrefix(wildcards, offset, read);
      wildcards.fill(0xff, DL_TYPE, DL_TYPE + 2);
      return true;
    }
    return false;
  }

  #ask(field: number, flow: Flow): number {
    if (this.#read[field] === NOT_ASKED) {
      const { offset, dlType } = PREFIX_FIELDS[field];
      const has = (flow[DL_TYPE] << 8) + flow[DL_TYPE + 1] === dlType;
      this.#read[field] = has ? this.#tries[field].lookup(flow, offset) : NO_FIELD;
    }
    return this.#read[field];
  }

  #bytes(entry: FlowEntry, field: number): Uint8Array {
    const { offset, size } = PREFIX_FIELDS[field];
    return entry.value.subarray(offset, offset + size);
  }
}
