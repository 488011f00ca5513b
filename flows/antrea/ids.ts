// Numbers that a pipeline hands out and must not change while their owner lives: conjunction ids, group ids, OpenFlow
// priorities. One Ids per node and pipeline; a generation begins with begin() and ends with end(), which frees what was
// not asked for again. Freed numbers are used again first, the last freed before the others, as Antrea does.

interface CounterState {
  taken: [owner: string, id: number][];
  free: number[];
  next: number;
}

export interface IdsState {
  conjunctions: CounterState;
  groups: CounterState;
  kept: [key: string, value: unknown][];
}

class Counter {
  readonly #taken: Map<string, number>;
  readonly #free: number[];
  #next: number;
  #asked = new Set<string>();
  /** When set, everybody who asks is added to it. */
  heard?: string[];

  constructor(first: number, from: CounterState = { taken: [], free: [], next: first }) {
    this.#taken = new Map(from.taken);
    this.#free = [...from.free];
    this.#next = from.next;
  }

  state(): CounterState {
    return { taken: [...this.#taken], free: [...this.#free], next: this.#next };
  }

  /** The owner's number, its own as long as it asks in every generation. */
  of(owner: string): number {
    this.#asked.add(owner);
    this.heard?.push(owner);
    let id = this.#taken.get(owner);
    if (id === undefined) {
      id = this.#free.pop() ?? this.#next++;
      this.#taken.set(owner, id);
    }
    return id;
  }

  /** The owner's number if it has one, without asking for it. */
  known(owner: string): number | undefined {
    return this.#taken.get(owner);
  }

  begin(): void {
    this.#asked = new Set();
  }

  end(): void {
    for (const [owner, id] of this.#taken) {
      if (this.#asked.has(owner)) continue;
      this.#taken.delete(owner);
      this.#free.push(id);
    }
  }
}

export class Ids {
  readonly conjunctions: Counter;
  readonly groups: Counter;
  /** What a pipeline keeps beside, by its own key, as plain JSON: the priorities that it gave. */
  readonly kept: Map<string, unknown>;
  /** What only saves work: flows that were read before. */
  readonly cache = new Map<string, unknown>();

  constructor({
    firstConjunction = 1,
    firstGroup = 1,
    from,
  }: { firstConjunction?: number; firstGroup?: number; from?: IdsState } = {}) {
    this.conjunctions = new Counter(firstConjunction, from?.conjunctions);
    this.groups = new Counter(firstGroup, from?.groups);
    this.kept = new Map(from?.kept);
  }

  /** Plain JSON, of which `from` makes an equal one. */
  state(): IdsState {
    return { conjunctions: this.conjunctions.state(), groups: this.groups.state(), kept: [...this.kept] };
  }

  begin(): void {
    this.conjunctions.begin();
    this.groups.begin();
  }

  end(): void {
    this.conjunctions.end();
    this.groups.end();
  }
}
