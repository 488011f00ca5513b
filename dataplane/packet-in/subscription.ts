// One listener's packet-ins: a bounded queue that never makes the switch wait. Its packets stand in one line for each
// port that they came in by, and the lines take turns; when all places are taken, the longest line loses its last. So a
// flood on one port costs the others nothing. From: packet-ins.ts. To: the listener, one packet at a time.
import type { OfPort } from '../openflow/ast.js';
import type { PacketIn } from './packet-in.js';

/** May be asynchronous: the next packet comes when it is done. */
export type PacketInListener = (packet: PacketIn) => void | Promise<void>;

export interface PacketInOptions {
  /** Only those for the controllers with this id. Absent: all. */
  id?: number;
  /** Those of packets whose TTL ended, too. Default false, as OpenFlow has it. */
  invalidTtl?: boolean;
  /** Packets that may wait. Default 256. */
  queue?: number;
  /** Packets a second at most; absent: as many as come. */
  rate?: number;
  /** Packets that may come at once under a `rate`. Default: a fourth of it. */
  burst?: number;
}

export interface PacketInSubscription {
  /** Packets that were for this listener and did not find a place. */
  readonly lost: number;
  close(): void;
}

const DEFAULT_QUEUE = 256;

export class Subscription implements PacketInSubscription {
  lost = 0;
  readonly #lines = new Map<OfPort, PacketIn[]>();
  readonly #room: number;
  #waiting = 0;
  #busy = false;
  #closed = false;
  #tokens: number;
  #filledMs: number;
  #timer?: NodeJS.Timeout;

  constructor(
    private readonly listener: PacketInListener,
    private readonly options: PacketInOptions,
    private readonly events: { closed(): void; failed(error: unknown): void; forgotten(packet: PacketIn): void },
    private readonly now: () => number = () => performance.now(),
  ) {
    this.#room = options.queue ?? DEFAULT_QUEUE;
    this.#tokens = this.#burst;
    this.#filledMs = now();
  }

  get #burst(): number {
    const { rate = 0, burst } = this.options;
    return Math.max(1, burst ?? rate / 4);
  }

  wants({ id, reason }: PacketIn): boolean {
    const { options } = this;
    return (options.id === undefined || options.id === id) && (reason !== 'invalid_ttl' || options.invalidTtl === true);
  }

  put(packet: PacketIn): void {
    const line = this.#lines.get(packet.inPort);
    if (line) line.push(packet);
    else this.#lines.set(packet.inPort, [packet]);
    if (++this.#waiting > this.#room) this.#lose();
    this.#serve();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#timer);
    for (const line of this.#lines.values()) for (const packet of line) this.events.forgotten(packet);
    this.#lines.clear();
    this.events.closed();
  }

  #lose(): void {
    const [port, line] = [...this.#lines].reduce((longest, next) =>
      next[1].length > longest[1].length ? next : longest,
    );
    this.events.forgotten(line.pop()!);
    if (line.length === 0) this.#lines.delete(port);
    this.#waiting--;
    this.lost++;
  }

  /** The line that was served stands behind the others. */
  #take(): PacketIn | undefined {
    const first = this.#lines.entries().next();
    if (first.done) return undefined;
    const [port, line] = first.value;
    this.#lines.delete(port);
    const packet = line.shift()!;
    if (line.length > 0) this.#lines.set(port, line);
    this.#waiting--;
    return packet;
  }

  #serve(): void {
    if (this.#busy || this.#closed || this.#waiting === 0) return;
    this.#busy = true;
    const waitMs = this.#untilAllowed();
    if (waitMs > 0) this.#timer = setTimeout(() => this.#again(), waitMs).unref();
    else setImmediate(() => void this.#tell());
  }

  async #tell(): Promise<void> {
    const packet = this.#closed ? undefined : this.#take();
    if (packet) {
      this.#tokens--;
      try {
        await this.listener(packet);
      } catch (error) {
        this.events.failed(error);
      }
    }
    this.#again();
  }

  #again(): void {
    this.#busy = false;
    this.#serve();
  }

  /** Milliseconds until the next may be told. */
  #untilAllowed(): number {
    const { rate } = this.options;
    if (rate === undefined) return 0;
    const now = this.now();
    this.#tokens = Math.min(this.#burst, this.#tokens + ((now - this.#filledMs) * rate) / 1000);
    this.#filledMs = now;
    return this.#tokens >= 1 ? 0 : ((1 - this.#tokens) * 1000) / rate;
  }
}
