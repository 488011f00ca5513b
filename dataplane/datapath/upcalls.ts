// The slow path's front door: packets that no megaflow matched arrive here in batches, are translated, and go back to
// the addon as actions, mostly with a megaflow for those that follow. From: the addon's onUpcalls. To: complete().
//
// A batch may be large and a translation is slow (some 100 us), so work is cut into slices between which the control
// socket is served. Whatever a packet does, it is answered: a translation that fails drops it with a reason.
import type { Translation } from '../translate/types.js';
import { encodeActions } from './encode.js';
import type { Learned, MacKey, Megaflows } from './megaflows.js';
import { KEY_FIELDS } from './key-fields.js';
import type { NativeDatapath, NativeUpcall } from './native.js';

/** Milliseconds of translation between two looks at everything else. */
const SLICE_MS = 4;

export interface Translated {
  translation: Translation;
  /** What NORMAL learned from this packet and looked up for it. */
  learned: Learned[];
  asked: MacKey[];
  /** Addresses that it did not know, or knew elsewhere. */
  news: MacKey[];
  /** Flows changed while it was made, or because of it: the next packet may have another answer. */
  stale?: boolean;
}

export interface UpcallHost {
  /** Runs the packet through the tables, with side effects (learning). With `watched`, listeners are told. */
  translate(upcall: NativeUpcall): Translated;
  /** One packet went through the flows of this translation. */
  credit(translation: Translation, packets: number, bytes: number, tcpFlags: number): void;
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

export class Upcalls {
  readonly counters: UpcallCounters = { translated: 0, late: 0, installed: 0, full: 0, failed: 0 };
  #queue: NativeUpcall[] = [];
  #next = 0;
  #scheduled = false;
  #closed = false;

  constructor(
    private readonly datapath: Pick<NativeDatapath, 'complete'>,
    private readonly megaflows: Megaflows,
    private readonly host: UpcallHost,
  ) {}

  /** onUpcalls. */
  readonly take = (batch: NativeUpcall[]): void => {
    if (this.#closed) return;
    this.#queue.push(...batch);
    if (!this.#scheduled) this.#slice();
  };

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
    this.#scheduled = true;
    setImmediate(() => this.#slice());
  }

  #answer(upcall: NativeUpcall): void {
    if (upcall.reason === 'action') {
      this.datapath.complete(upcall.slot, CONSUMED);
      this.host.packetIn(upcall);
      return;
    }
    const watched = upcall.traceId !== 0;
    if (!watched) {
      const installed = this.megaflows.lookup(upcall.key);
      if (installed) {
        this.counters.late++;
        this.megaflows.creditLate(installed, upcall.size, tcpFlagsOf(upcall));
        this.datapath.complete(upcall.slot, installed.encoded);
        return;
      }
    }
    let result: Translated;
    try {
      result = this.host.translate(upcall);
    } catch (error) {
      this.counters.failed++;
      this.datapath.complete(upcall.slot, FAILED);
      this.host.failed(upcall, error);
      return;
    }
    const { translation, learned, asked, news, stale } = result;
    this.counters.translated++;
    // Before the new one is put, which knows already.
    if (news.length > 0) this.megaflows.invalidateMacs(news);
    const encoded = encodeActions(translation.actions);
    // A watched packet leaves no trace of its own in the cache: its likes come up anyway while they are watched.
    const kept = !watched && !stale;
    const flow = !kept
      ? undefined
      : this.megaflows.add(upcall.key, {
          mask: translation.mask,
          actions: translation.actions,
          encoded,
          entries: [...translation.entries, ...translation.credited],
          learned,
          asked,
        });
    if (flow) this.counters.installed++;
    else if (kept) this.counters.full++;
    this.datapath.complete(upcall.slot, encoded, flow);
    this.host.credit(translation, 1, upcall.size, tcpFlagsOf(upcall));
  }
}

const [TCP_FLAGS] = KEY_FIELDS.tcp_flags;

function tcpFlagsOf({ key }: NativeUpcall): number {
  return (key[TCP_FLAGS] << 8) | key[TCP_FLAGS + 1];
}
