// Repeatable randomness. The seed is fixed, so that a run can be repeated; PACKETWALK_SEED=n explores others.

export const SEED = Number(process.env.PACKETWALK_SEED ?? 20240229);

export class Random {
  #state: number;

  constructor(seed: number = SEED) {
    this.#state = seed >>> 0;
  }

  /** 0 <= n < limit. mulberry32. */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * limit);
  }
  chance(oneIn: number): boolean {
    return this.below(oneIn) === 0;
  }
  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)];
  }
  bytes(size: number): Uint8Array {
    const b = new Uint8Array(size);
    for (let i = 0; i < size; i++) b[i] = this.below(256);
    return b;
  }
}
