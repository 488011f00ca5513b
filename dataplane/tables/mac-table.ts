// Where addresses were last seen: what NORMAL forwards by. Asked and taught by translate/actions/normal.ts; shown by
// fdb/show. An address that is not seen for five minutes is forgotten.
import type { OfPort } from '../openflow/ast.js';
import type { MacLearning } from '../translate/types.js';

/** OVS's mac-aging-time and mac-table-size. */
const AGE_MS = 300_000;
const MAX_ENTRIES = 8192;

const MULTICAST_BIT = 1n << 40n;

export interface MacEntry {
  vlan: number;
  mac: bigint;
  port: OfPort;
  seenMs: number;
}

export class MacTable implements MacLearning {
  /** From the longest unseen to the last seen. */
  readonly #entries = new Map<string, MacEntry>();
  /** Counts the changes of where an address is. */
  generation = 0;

  constructor(
    private readonly now: () => number = Date.now,
    private readonly ageMs = AGE_MS,
    private readonly maxEntries = MAX_ENTRIES,
  ) {}

  get size(): number {
    return this.#entries.size;
  }

  lookup(vlan: number, mac: bigint): OfPort | undefined {
    const entry = this.#entries.get(key(vlan, mac));
    return entry && !this.#old(entry) ? entry.port : undefined;
  }

  /** Returns whether that was news: a new address, or an address at another port. */
  learn(vlan: number, mac: bigint, port: OfPort): boolean {
    if ((mac & MULTICAST_BIT) !== 0n) return false;
    const known = this.lookup(vlan, mac) === port;
    this.#entries.delete(key(vlan, mac));
    this.#entries.set(key(vlan, mac), { vlan, mac, port, seenMs: this.now() });
    if (this.#entries.size > this.maxEntries) this.#entries.delete(this.#entries.keys().next().value as string);
    if (!known) this.generation++;
    return !known;
  }

  /** Forgets the addresses not seen for too long, and returns them. */
  expire(): MacEntry[] {
    const gone = [];
    for (const [k, entry] of this.#entries) {
      if (!this.#old(entry)) break;
      this.#entries.delete(k);
      gone.push(entry);
    }
    if (gone.length > 0) this.generation++;
    return gone;
  }

  /** Forgets every address, or those at one port. */
  flush(port?: OfPort): void {
    for (const [k, entry] of this.#entries) if (port === undefined || entry.port === port) this.#entries.delete(k);
    this.generation++;
  }

  entries(): MacEntry[] {
    return [...this.#entries.values()].filter((entry) => !this.#old(entry)).reverse();
  }

  /** fdb/show, the last seen first. */
  show(): string {
    const now = this.now();
    const lines = this.entries().map(({ port, vlan, mac, seenMs }) => {
      const age = Math.floor((now - seenMs) / 1000);
      return `${portText(port).padStart(5)}  ${String(vlan).padStart(4)}  ${macText(mac)}  ${String(age).padStart(3)}`;
    });
    return [' port  VLAN  MAC                Age', ...lines].map((line) => `${line}\n`).join('');
  }

  #old(entry: MacEntry): boolean {
    return this.now() - entry.seenMs >= this.ageMs;
  }
}

function key(vlan: number, mac: bigint): string {
  return `${vlan}/${mac}`;
}

function portText(port: OfPort): string {
  return port === 0xfffe ? 'LOCAL' : String(port);
}

function macText(mac: bigint): string {
  return (mac.toString(16).padStart(12, '0').match(/../g) as string[]).join(':');
}
