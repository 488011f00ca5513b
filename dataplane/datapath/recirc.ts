// Recirculation ids: the name under which a translation leaves the pipeline's state (a FrozenState) when it sends a
// packet through ct(table=N), and under which upcalls.ts finds it when the packet comes back. Equal states share one
// id. An id lives as long as an installed megaflow names it, and a little longer for the packets on their way.
import type { FrozenState, RecircIds } from '../translate/types.js';

/** A packet is never on its way between two passes for as long as this. */
const GRACE_MS = 10_000;

interface Frozen {
  id: number;
  text: string;
  state: FrozenState;
  usedMs: number;
}

export class RecircTable implements RecircIds {
  readonly #byId = new Map<number, Frozen>();
  readonly #byText = new Map<string, Frozen>();
  #last = 0;

  constructor(private readonly now: () => number) {}

  get size(): number {
    return this.#byId.size;
  }

  allocate(state: FrozenState): number {
    const text = stateText(state);
    let frozen = this.#byText.get(text);
    if (!frozen) {
      frozen = { id: this.#nextId(), text, state: structuredClone(state), usedMs: 0 };
      this.#byText.set(text, frozen);
      this.#byId.set(frozen.id, frozen);
    }
    frozen.usedMs = this.now();
    return frozen.id;
  }

  get(id: number): FrozenState | undefined {
    const frozen = this.#byId.get(id);
    if (frozen) frozen.usedMs = this.now();
    return frozen?.state;
  }

  /** Forgets the ids that are not in `named` and were not used lately. */
  collect(named: ReadonlySet<number>): void {
    const old = this.now() - GRACE_MS;
    for (const [id, frozen] of this.#byId) {
      if (frozen.usedMs > old || named.has(id)) continue;
      this.#byId.delete(id);
      this.#byText.delete(frozen.text);
    }
  }

  /** Ids count up, so that a late packet of a forgotten id does not find another's state. */
  #nextId(): number {
    do {
      this.#last = this.#last === 0xffff_ffff ? 1 : this.#last + 1;
    } while (this.#byId.has(this.#last));
    return this.#last;
  }
}

function stateText(state: FrozenState): string {
  return JSON.stringify(state, (_, value: unknown) => {
    if (value instanceof Uint8Array)
      return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('latin1');
    if (typeof value === 'bigint') return `${value}n`;
    return value;
  });
}
