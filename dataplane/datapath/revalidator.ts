// Keeps installed megaflows true when flows, groups, ports or learned addresses change. From: switch.ts, which marks
// the megaflows that a change may concern. Each of them is translated again from its masked key: one whose answer is
// the same stays, one with other actions gets them in place with its statistics, and one that looks at too little now,
// or that only a packet can answer for, goes.
//
// A few hundred are looked at on the spot, so that a change is whole when it returns; where there are more, the rest
// follows in slices between which packets are answered and the control socket is served. Whoever changes flows replies
// when settled() resolves: from then on no packet is treated as before the change.
import type { Translation } from '../translate/types.js';
import { dependenciesText } from './dependencies.js';
import { encodeActions } from './encode.js';
import { type Megaflow, type MegaflowContent, type Megaflows, sameBytes, type Verdict } from './megaflows.js';
import type { Answered } from './upcalls.js';

/** Milliseconds of work between two looks at everything else. */
const SLICE_MS = 4;

export interface RevalidationCounters {
  /** Megaflows that were translated again. */
  checked: number;
  /** Of these: the same as before; with other actions or other flows to credit; removed. */
  kept: number;
  updated: number;
  removed: number;
}

export interface RevalidatorHost {
  /** What a packet with this key would get, without any of its side effects. undefined: only a packet can tell. */
  retranslate(key: Uint8Array): Answered | undefined;
  /** A translation threw, which is our mistake: its megaflow goes. */
  failed(error: unknown): void;
}

export class Revalidator {
  readonly counters: RevalidationCounters = { checked: 0, kept: 0, updated: 0, removed: 0 };
  readonly #suspects = new Set<Megaflow>();
  #waiting: (() => void)[] = [];
  #scheduled: NodeJS.Immediate | undefined;

  constructor(
    private readonly megaflows: Megaflows,
    private readonly host: RevalidatorHost,
    private readonly now: () => number = () => performance.now(),
  ) {}

  get pending(): number {
    return this.#suspects.size;
  }

  /** These may be wrong now. run() follows, by the caller or at the latest in the next turn. */
  mark(flows: Iterable<Megaflow>): void {
    for (const flow of flows) this.#suspects.add(flow);
    this.#schedule();
  }

  /** These are wrong. */
  remove(flows: Iterable<Megaflow>): void {
    const verdicts = [...flows].map((flow) => ({ flow }));
    for (const { flow } of verdicts) this.#suspects.delete(flow);
    this.counters.removed += verdicts.length;
    this.megaflows.apply(verdicts);
  }

  /** Looks at suspects for a slice of time, or at all of them. */
  run(sliceMs = SLICE_MS): void {
    if (this.#suspects.size > 0) this.megaflows.apply(this.#judgeSome(this.now() + sliceMs));
    if (this.#suspects.size > 0) return this.#schedule();
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }

  /** Looks at one, if it is a suspect: whether it is installed still. */
  ensure(flow: Megaflow): boolean {
    if (this.#suspects.delete(flow)) {
      const verdict = this.#judge(flow);
      if (verdict) this.megaflows.apply([verdict]);
    }
    return this.megaflows.has(flow);
  }

  /** Resolves when nothing is left to look at. */
  settled(): Promise<void> {
    return this.#suspects.size === 0 ? Promise.resolve() : new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** What is to become of all suspects, for a change that takes effect as a whole. After `deadline` those that are left
   *  go without being looked at. */
  verdicts(deadline: number): Verdict[] {
    const verdicts = this.#judgeSome(deadline);
    const rest = [...this.#suspects].filter((flow) => this.megaflows.has(flow));
    this.#suspects.clear();
    this.counters.removed += rest.length;
    return [...verdicts, ...rest.map((flow) => ({ flow }))];
  }

  /** The switch ends: nobody waits any more. */
  close(): void {
    if (this.#scheduled) clearImmediate(this.#scheduled);
    this.#suspects.clear();
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  #schedule(): void {
    this.#scheduled ??= setImmediate(() => {
      this.#scheduled = undefined;
      this.run();
    });
  }

  #judgeSome(deadline: number): Verdict[] {
    const verdicts: Verdict[] = [];
    for (const flow of this.#suspects) {
      this.#suspects.delete(flow);
      if (!this.megaflows.has(flow)) continue;
      const verdict = this.#judge(flow);
      if (verdict) verdicts.push(verdict);
      if (this.now() >= deadline) break;
    }
    return verdicts;
  }

  /** undefined: it stays as it is. */
  #judge(flow: Megaflow): Verdict | undefined {
    this.counters.checked++;
    const content = this.#retranslate(flow);
    if (!content || looksFurther(content.mask, flow.mask)) {
      this.counters.removed++;
      return { flow };
    }
    if (isSame(flow, content)) {
      this.counters.kept++;
      return undefined;
    }
    this.counters.updated++;
    return { flow, content };
  }

  #retranslate(flow: Megaflow): MegaflowContent | undefined {
    try {
      const answered = this.host.retranslate(flow.key);
      return answered && contentOf(answered);
    } catch (error) {
      this.host.failed(error);
      return undefined;
    }
  }
}

/** As a megaflow has it. */
export function contentOf({ translation, learned, asked, dependencies }: Answered): MegaflowContent {
  return {
    mask: translation.mask,
    actions: translation.actions,
    encoded: encodeActions(translation.actions),
    entries: creditedBy(translation),
    learned,
    asked,
    dependencies,
  };
}

export function creditedBy({ entries, credited }: Translation): MegaflowContent['entries'] {
  return [...entries, ...credited];
}

/** A bit of `mask` is not in `installed`: packets that the megaflow takes for alike are not. */
function looksFurther(mask: Uint8Array, installed: Uint8Array): boolean {
  for (let i = 0; i < installed.length; i++) if ((mask[i] & ~installed[i]) !== 0) return true;
  return false;
}

function isSame(flow: Megaflow, content: MegaflowContent): boolean {
  return (
    sameBytes(flow.encoded, content.encoded) &&
    flow.entries.length === content.entries.length &&
    flow.entries.every((entry, i) => entry === content.entries[i]) &&
    flow.kin.text === dependenciesText(content.dependencies)
  );
}
