// One table: its flows, the way to find the best one, and what it counts. Made by tables.ts, which is what others talk
// to.
import type { Flow } from '../key/flow.js';
import type { LookupResult } from '../translate/types.js';
import { type Classifier, TupleSpace } from './classifier.js';
import { DEFAULT_SETTINGS, type TableSettings } from './eviction.js';
import { FlowEntry } from './flow-entry.js';

export { FlowEntry } from './flow-entry.js';

export class FlowTable implements Iterable<FlowEntry> {
  settings: TableSettings = DEFAULT_SETTINGS;
  /** Packets that were looked up here, and those for which a flow was found. */
  lookups = 0;
  matched = 0;

  constructor(
    readonly id: number,
    private readonly classifier: Classifier = new TupleSpace(),
  ) {}

  get size(): number {
    return this.classifier.size;
  }

  [Symbol.iterator](): Iterator<FlowEntry> {
    return this.classifier[Symbol.iterator]();
  }

  /** The flow with the same match and priority. */
  find(entry: Pick<FlowEntry, 'value' | 'mask' | 'priority'>): FlowEntry | undefined {
    return this.classifier.find(entry.value, entry.mask, entry.priority);
  }

  /** Puts the flow in the place of the one with the same match and priority, which is returned. */
  put(entry: FlowEntry): FlowEntry | undefined {
    const old = this.find(entry);
    if (old) this.classifier.remove(old);
    this.classifier.insert(entry);
    return old;
  }

  remove(entry: FlowEntry): void {
    this.classifier.remove(entry);
  }

  lookup(flow: Flow, wildcards: Flow): LookupResult {
    return this.classifier.lookup(flow, wildcards);
  }

  /** That many packets were looked up here, now or through the flow cache. */
  count(packets: number, matched: boolean): void {
    this.lookups += packets;
    if (matched) this.matched += packets;
  }
}
