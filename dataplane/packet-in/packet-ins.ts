// Who hears of packet-ins, and the packets that wait for an answer. From: slow-path.ts, one packet after the other. To:
// the subscriptions; and to switch.ts, which sends on what is resumed.
import { randomBytes } from 'node:crypto';
import { InputError } from '../errors.js';
import { PacketIn, type Paused } from './packet-in.js';
import {
  type PacketInListener,
  type PacketInOptions,
  type PacketInSubscription,
  Subscription,
} from './subscription.js';

/** Packets that may wait to be resumed; when there are more, the oldest is given up. */
const MAX_PAUSED = 4096;

export interface PacketInCounters {
  /** Packets that flows sent up. */
  packetIns: number;
  /** Of those, what nobody listened for. */
  unheard: number;
  /** Paused packets that were resumed, and those that were given up because too many waited or nobody had a place. */
  resumed: number;
  abandoned: number;
}

export class PacketIns {
  readonly counters: PacketInCounters = { packetIns: 0, unheard: 0, resumed: 0, abandoned: 0 };
  readonly #subscriptions = new Set<Subscription>();
  /** With how many listeners may still resume it. */
  readonly #paused = new Map<string, { paused: Paused; listeners: number }>();
  /** A continuation of another switch, or of this one before it was restarted, names nothing here. */
  readonly #prefix = randomBytes(6).toString('hex');
  #last = 0;

  constructor(private readonly failed: (error: unknown) => void) {}

  subscribe(listener: PacketInListener, options: PacketInOptions = {}): PacketInSubscription {
    const subscription: Subscription = new Subscription(listener, options, {
      closed: () => void this.#subscriptions.delete(subscription),
      failed: this.failed,
      forgotten: (packet) => this.#notHeard(packet),
    });
    this.#subscriptions.add(subscription);
    return subscription;
  }

  tell(packet: PacketIn): void {
    this.counters.packetIns++;
    const listeners = [...this.#subscriptions].filter((subscription) => subscription.wants(packet));
    if (listeners.length === 0) this.counters.unheard++;
    else if (packet.order.pause) this.#pause(packet, listeners.length);
    for (const listener of listeners) listener.put(packet);
  }

  /**
   * The packet goes to who asks first, if `use` can do what he wants with it. Throws InputError when it is not there,
   * or no more.
   */
  take<T>(continuation: string, use: (paused: Paused) => T): T {
    const found = this.#paused.get(continuation);
    if (!found) {
      const text = "expected the continuation of a packet that waits; it was resumed, given up, or is another switch's";
      throw new InputError('ECONTINUATION', `${text}: '${continuation}'`);
    }
    const used = use(found.paused);
    this.#paused.delete(continuation);
    this.counters.resumed++;
    return used;
  }

  close(): void {
    for (const subscription of this.#subscriptions) subscription.close();
  }

  #pause(packet: PacketIn, listeners: number): void {
    packet.continuation = `${this.#prefix}-${++this.#last}`;
    const { state, frame, flow } = packet;
    this.#paused.set(packet.continuation, { paused: { state, frame, flow }, listeners });
    if (this.#paused.size > MAX_PAUSED) this.#abandon(this.#paused.keys().next().value!);
  }

  /** A listener had no place for it, or left. */
  #notHeard({ continuation }: PacketIn): void {
    const found = continuation === undefined ? undefined : this.#paused.get(continuation);
    if (found && --found.listeners === 0) this.#abandon(continuation!);
  }

  #abandon(continuation: string): void {
    this.#paused.delete(continuation);
    this.counters.abandoned++;
  }
}
