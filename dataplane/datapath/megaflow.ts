// One installed megaflow, as TypeScript knows it: which packets it is for, what becomes of them, what they are credited
// to, and what that answer hangs on. Made and kept by megaflows.ts.
import type { OfPort } from '../openflow/ast.js';
import type { Credited } from '../translate/types.js';
import type { DatapathAction } from './actions.js';
import type { Dependencies } from './dependencies.js';
import { decodeActions } from './encode.js';
import { KEY_SIZE } from './native.js';

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
  dependencies: Dependencies;
}

/** All megaflows of one mask. */
export interface MaskFlows {
  mask: Uint8Array;
  /** The bytes that the mask looks at. */
  offsets: number[];
  flows: Map<string, Megaflow>;
}

/** All megaflows whose answers hang on the same. */
export interface Kin {
  dependencies: Dependencies;
  /** dependenciesText */
  text: string;
  flows: Set<Megaflow>;
}

/** There may be many: what can be made from something else is not kept. */
export class Megaflow {
  packets = 0;
  bytes = 0;
  /** CLOCK_MONOTONIC, ns; 0: never. */
  usedNs = 0n;
  tcpFlags = 0;
  /** Recirculation ids that its packets go on with, or up with. */
  recircIds: readonly number[] = NONE;
  encoded: Uint8Array = new Uint8Array();
  entries: readonly Credited[] = NONE;
  learned: readonly Learned[] = NONE;
  asked: readonly MacKey[] = NONE;
  kin!: Kin;

  constructor(
    readonly id: number,
    readonly subtable: MaskFlows,
    /** The key's bytes that the mask looks at. */
    readonly text: string,
    readonly recircId: number,
    readonly installedNs: bigint,
    content: MegaflowContent,
    kin: Kin,
  ) {
    this.become(content, kin);
  }

  /** Takes what a newer translation says; the packets so far were credited. */
  become({ actions, encoded, entries, learned, asked }: MegaflowContent, kin: Kin): void {
    this.recircIds = orNone(recircIdsOf(actions));
    this.encoded = encoded;
    this.entries = entries;
    this.learned = orNone(learned);
    this.asked = orNone(asked);
    this.kin = kin;
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

  /** Addresses on which it hangs. */
  get macs(): MacKey[] {
    const { asked, learned } = this;
    return learned.length === 0 ? [...asked] : [...asked, ...learned.map(({ vlan, mac }) => macKey(vlan, mac))];
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
  return actions.flatMap((a) => {
    if (a.type === 'recirc') return [a.id];
    if (a.type === 'upcall') return [a.cookie];
    if (a.type === 'check_pkt_len') return recircIdsOf([...a.greater, ...a.lessEqual]);
    return a.type === 'clone' ? recircIdsOf(a.actions) : [];
  });
}
