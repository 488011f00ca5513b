// What a cluster hands out and does not take back while the owner lives: addresses, port numbers, nodes for pods. A
// round begins with begin(), ends with end(), and who did not claim again has lost it. Plain numbers and strings, so
// that a lab can keep them on file.

export type ClaimsState = [space: string, claims: [owner: string, value: string][]][];

export class Claims {
  readonly #spaces = new Map<string, { of: Map<string, string>; taken: Map<string, string>; asked: Set<string> }>();

  constructor(state: ClaimsState = []) {
    for (const [space, claims] of state) for (const [owner, value] of claims) this.#take(space, owner, value);
  }

  #space(name: string): { of: Map<string, string>; taken: Map<string, string>; asked: Set<string> } {
    let space = this.#spaces.get(name);
    if (!space) this.#spaces.set(name, (space = { of: new Map(), taken: new Map(), asked: new Set() }));
    return space;
  }

  #take(name: string, owner: string, value: string): void {
    const { of, taken } = this.#space(name);
    const before = of.get(owner);
    if (before !== undefined && taken.get(before) === owner) taken.delete(before);
    // What an object asks for by name it gets; whoever had it by chance is given another.
    const other = taken.get(value);
    if (other !== undefined && other !== owner) of.delete(other);
    of.set(owner, value);
    taken.set(value, owner);
  }

  /** The value that the owner names for itself. */
  fix(space: string, owner: string, value: string): string {
    this.#space(space).asked.add(owner);
    if (this.#space(space).of.get(owner) !== value) this.#take(space, owner, value);
    return value;
  }

  /** Who has it. */
  ownerOf(space: string, value: string): string | undefined {
    return this.#space(space).taken.get(value);
  }

  /** What the owner has, or the first of `candidates` that nobody has; undefined when there is none. */
  give(space: string, owner: string, candidates: Iterable<string>): string | undefined {
    const { of, taken, asked } = this.#space(space);
    asked.add(owner);
    const had = of.get(owner);
    if (had !== undefined) return had;
    for (const value of candidates) {
      if (taken.has(value)) continue;
      this.#take(space, owner, value);
      return value;
    }
    return undefined;
  }

  begin(): void {
    for (const space of this.#spaces.values()) space.asked = new Set();
  }

  end(): void {
    for (const { of, taken, asked } of this.#spaces.values()) {
      // A space that nobody asked in this round is not this round's business.
      if (asked.size === 0) continue;
      for (const [owner, value] of of) {
        if (asked.has(owner)) continue;
        of.delete(owner);
        if (taken.get(value) === owner) taken.delete(value);
      }
    }
  }

  state(): ClaimsState {
    return [...this.#spaces].map(([space, { of }]) => [space, [...of]]);
  }
}
