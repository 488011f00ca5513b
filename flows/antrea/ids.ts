// Numbers that a pipeline hands out and must not change while their owner lives: conjunction ids, group ids, OpenFlow
// priorities. One Ids per node and pipeline; a generation begins with begin() and ends with end(), which frees what was
// not asked for again. Freed numbers are used again first, the last freed before the others, as Antrea does.

class Counter {
  readonly #taken = new Map<string, number>();
  readonly #free: number[] = [];
  #next: number;
  #asked = new Set<string>();

  constructor(first: number) {
    this.#next = first;
  }

  /** The owner's number, its own as long as it asks in every generation. */
  of(owner: string): number {
    this.#asked.add(owner);
    let id = this.#taken.get(owner);
    if (id === undefined) {
      id = this.#free.pop() ?? this.#next++;
      this.#taken.set(owner, id);
    }
    return id;
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
  /** What a pipeline keeps beside, by its own key: the priorities that it gave, parsed flows. */
  readonly kept = new Map<string, unknown>();

  constructor({ firstConjunction = 1, firstGroup = 1 } = {}) {
    this.conjunctions = new Counter(firstConjunction);
    this.groups = new Counter(firstGroup);
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
