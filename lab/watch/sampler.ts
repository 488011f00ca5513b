// Keeps the telling readable when more packets come than anyone can be told: of each second's packets a share, chosen
// by what the packet is, so that every pass of one is in or out. The share follows the rate of the second before.

export class Sampler {
  #share = 1;
  #second = -1n;
  #offered = 0;
  #told = 0;
  #storm = false;
  /** Left out so far. */
  leftOut = 0;

  /** `onStorm` is called when the first is left out, once for each time that it gets too many. */
  constructor(
    private readonly perSecond: number,
    private readonly onStorm: () => void = () => {},
  ) {}

  takes(packet: string, timeNs: bigint): boolean {
    const second = timeNs / 1_000_000_000n;
    if (second > this.#second) this.#begin(second);
    this.#offered++;
    // In the second in which a storm begins the share is still that of the calm before.
    if (fraction(packet) < this.#share && this.#told < this.perSecond) {
      this.#told++;
      return true;
    }
    this.leftOut++;
    if (!this.#storm) this.onStorm();
    this.#storm = true;
    return false;
  }

  #begin(second: bigint): void {
    const rate = second === this.#second + 1n ? this.#offered : 0;
    const share = rate > this.perSecond ? this.perSecond / rate : 1;
    this.#share = share;
    if (share === 1) this.#storm = false;
    this.#second = second;
    this.#offered = 0;
    this.#told = 0;
  }
}

/** From 0 to 1, the same for the same text. */
function fraction(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return ((hash ^ (hash >>> 13)) >>> 0) / 2 ** 32;
}
