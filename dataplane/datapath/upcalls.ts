// The slow path's front door: packets that no megaflow matched arrive here in batches, are translated, and go back to
// the addon as actions, mostly with a megaflow for those that follow. From: the addon's onUpcalls. To: complete().
//
// A batch may be large and a translation is slow (some 100 us), so work is cut into slices between which the control
// socket is served. Whatever a packet does, it is answered: a translation that fails drops it with a reason.
import type { Translation } from '../translate/types.js';
import type { Dependencies } from './dependencies.js';
import { encodeActions } from './encode.js';
import { type Learned, type MacKey, macKey, type Megaflows } from './megaflows.js';
import { KEY_FIELDS } from './key-fields.js';
import type { NativeDatapath, NativeUpcall } from './native.js';
import { contentOf, type Revalidator } from './revalidator.js';

/** Milliseconds of translation between two looks at everything else. */
const SLICE_MS = 4;

/** A translation, and what it hangs on. */
export interface Answered {
  translation: Translation;
  /** What NORMAL learned from this packet and looked up for it. */
  learned: Learned[];
  asked: MacKey[];
  dependencies: Dependencies;
}

export interface Translated extends Answered {
  /** Addresses that NORMAL did not know, or knew elsewhere. */
  news: MacKey[];
  /** Flows changed while it was made, or because of it: the next packet may have another answer. */
  stale?: boolean;
}

export interface UpcallHost {
  /** Runs the packet through the tables, with side effects (learning). With `watched`, listeners are told. */
  translate(upcall: NativeUpcall): Translated;
  /** One packet went through the flows of this translation. */
  credit(answered: Answered, packets: number, bytes: number, tcpFlags: number): void;
  /** A packet that an action sent up. */
  packetIn(upcall: NativeUpcall): void;
  /** A translation threw, which is our mistake and not the packet's. */
  failed(upcall: NativeUpcall, error: unknown): void;
}

export interface UpcallCounters {
  /** Packets translated. */
  translated: number;
  /** Packets answered from a megaflow that was installed while they waited. */
  late: number;
  /** Megaflows installed. */
  installed: number;
  /** Packets answered without a megaflow because the table was full. */
  full: number;
  /** Translations that failed. */
  failed: number;
}

const CONSUMED = encodeActions([{ type: 'drop', reason: 'none' }]);
const FAILED = encodeActions([{ type: 'drop', reason: 'upcall_slow' }]);
const [RECIRC_ID, RECIRC_ID_SIZE] = KEY_FIELDS.recirc_id;

export class Upcalls {
  readonly counters: UpcallCounters = { translated: 0, late: 0, installed: 0, full: 0, failed: 0 };
  /** Of the flow cache, see NativeDatapath.changeFlows. */
  #epoch = 0;
  #queue: NativeUpcall[] = [];
  #next = 0;
  #scheduled = false;
  #closed = false;

  constructor(
    private readonly datapath: Pick<NativeDatapath, 'complete' | 'takeUpcalls'>,
    private readonly megaflows: Megaflows,
    private readonly revalidator: Revalidator,
    private readonly host: UpcallHost,
  ) {}

  get epoch(): number {
    return this.#epoch;
  }

  /** onUpcalls. */
  readonly take = (batch: NativeUpcall[]): void => {
    if (this.#closed) return;
    this.#queue.push(...batch);
    if (!this.#scheduled) this.#slice();
  };

  /** The flow cache has a new epoch: packets that were on their way between two passes are answered by `past`, which
   *  knows what was before. Returns when there are none left. */
  turn(epoch: number, past: (upcall: NativeUpcall) => Translated): void {
    this.#epoch = epoch;
    for (;;) {
      this.#queue.push(...this.datapath.takeUpcalls());
      const waiting = this.#queue.slice(this.#next);
      const old = waiting.filter((upcall) => this.#isPast(upcall));
      this.#queue = waiting.filter((upcall) => !this.#isPast(upcall));
      this.#next = 0;
      if (old.length === 0) break;
      for (const upcall of old) this.#answer(upcall, past);
    }
    if (this.#queue.length > 0) this.#schedule();
  }

  close(): void {
    this.#closed = true;
    this.#queue = [];
    this.#next = 0;
  }

  #slice(): void {
    this.#scheduled = false;
    const end = performance.now() + SLICE_MS;
    while (this.#next < this.#queue.length) {
      this.#answer(this.#queue[this.#next++]);
      if (performance.now() >= end) break;
    }
    if (this.#next === this.#queue.length) {
      this.#queue = [];
      this.#next = 0;
      return;
    }
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.#slice());
  }

  /** It came in before the flow cache changed as a whole, and has passes behind it. */
  #isPast({ key, epoch }: NativeUpcall): boolean {
    return epoch !== this.#epoch && key.subarray(RECIRC_ID, RECIRC_ID + RECIRC_ID_SIZE).some((byte) => byte !== 0);
  }

  /** `past`: the packet is not to meet what is now, and leaves nothing behind. */
  #answer(upcall: NativeUpcall, past?: (upcall: NativeUpcall) => Translated): void {
    if (upcall.reason === 'action') {
      this.datapath.complete(upcall.slot, CONSUMED);
      try {
        this.host.packetIn(upcall);
      } catch (error) {
        this.counters.failed++;
        this.host.failed(upcall, error);
      }
      return;
    }
    const fleeting = past !== undefined || upcall.traceId !== 0;
    if (!fleeting && this.#answerFromMegaflow(upcall)) return;
    let result: Translated;
    try {
      result = (past ?? this.host.translate)(upcall);
    } catch (error) {
      this.counters.failed++;
      this.datapath.complete(upcall.slot, FAILED);
      this.host.failed(upcall, error);
      return;
    }
    this.counters.translated++;
    // What it taught counts for the packets after it, and for the megaflow that is put for them.
    this.newsOf(result);
    const content = contentOf(result);
    // A watched packet leaves no trace of its own in the cache: its likes come up anyway while they are watched.
    const kept = !fleeting && !result.stale;
    const flow = kept ? this.megaflows.add(upcall.key, content) : undefined;
    if (flow) this.counters.installed++;
    else if (kept) this.counters.full++;
    this.datapath.complete(upcall.slot, content.encoded, flow);
    this.host.credit(result, 1, upcall.size, tcpFlagsOf(upcall));
  }

  #answerFromMegaflow(upcall: NativeUpcall): boolean {
    let installed = this.megaflows.lookup(upcall.key);
    while (installed && !this.revalidator.ensure(installed)) installed = this.megaflows.lookup(upcall.key);
    if (!installed) return false;
    this.counters.late++;
    this.megaflows.creditLate(installed, upcall.size, tcpFlagsOf(upcall));
    this.datapath.complete(upcall.slot, installed.encoded);
    return true;
  }

  /**
   * A packet taught something. Megaflows that taught another place of an address go, so that the next packet from there
   * is heard.
   */
  newsOf({ news }: Pick<Translated, 'news'>): void {
    if (news.length > 0) {
      const concerned = [...this.megaflows.withMacs(news)];
      const teach = concerned.filter(({ learned }) => learned.some((l) => news.includes(macKey(l.vlan, l.mac))));
      this.revalidator.remove(teach);
      this.revalidator.mark(concerned.filter((flow) => this.megaflows.has(flow)));
    }
    this.revalidator.run();
  }
}

const [TCP_FLAGS] = KEY_FIELDS.tcp_flags;

function tcpFlagsOf({ key }: NativeUpcall): number {
  return (key[TCP_FLAGS] << 8) | key[TCP_FLAGS + 1];
}
