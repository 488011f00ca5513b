// Listens to one node's switch for packets that agree with any of some matches, and joins the records of each packet's
// recirculations into one pass from port to port.
import { ControlClient } from '../../dataplane/control/client.js';
import type { WatchRecord } from '../../dataplane/datapath/watch.js';
import { fromHex } from '../../dataplane/wire/index.js';
import { observe } from '../walk/watchers.js';
import type { WatchedPass } from './follow.js';

export interface SwitchEvents {
  /** At the first record of a packet; more passes and outputs are put into it as they come. */
  onPass(pass: WatchedPass): void;
  /** Records that the switch could not hand over because we read too slowly. */
  onLost(records: number): void;
  onGone(): void;
}

interface Open {
  pass: WatchedPass;
  /** Of the recirculation that came last. A packet that agrees with several matches is told once for each of them. */
  latest: number;
}

/** Packets whose next recirculation is waited for. */
const MAX_OPEN = 4096;

export class SwitchListener {
  readonly #open = new Map<number, Open>();
  #closing = false;

  private constructor(
    private readonly node: string,
    private readonly client: ControlClient,
    private readonly events: SwitchEvents,
  ) {}

  static async start(node: string, socket: string, matches: string[], events: SwitchEvents): Promise<SwitchListener> {
    const listener = new SwitchListener(node, await ControlClient.connect(socket), events);
    const { client } = listener;
    client.onNotify = (method, [record]) => {
      if (method === 'record') listener.#take(record as WatchRecord & { lost: number });
    };
    client.onClose(() => {
      if (!listener.#closing) events.onGone();
    });
    try {
      for (const match of new Set(matches)) await client.call('packetwalk/watch', match);
    } catch (error) {
      listener.close();
      throw error;
    }
    return listener;
  }

  close(): void {
    this.#closing = true;
    this.client.close();
  }

  #take(record: WatchRecord & { lost: number }): void {
    if (record.lost > 0) this.events.onLost(record.lost);
    let open = this.#open.get(record.traceId);
    if (open && record.pass <= open.latest) return;
    if (!open) {
      if (record.pass !== 0) return; // began before we listened, or its beginning was lost
      const frame = fromHex(record.frame) ?? new Uint8Array();
      const pass = { ...observe(this.node, record), frame, size: record.size, csumPartial: record.csumPartial };
      open = { pass, latest: -1 };
      this.#open.set(record.traceId, open);
      if (this.#open.size > MAX_OPEN) this.#open.delete(this.#open.keys().next().value!);
      this.events.onPass(pass);
    }
    open.latest = record.pass;
    open.pass.passes.push(record.trace);
    open.pass.outputs.push(...record.outputs);
    open.pass.drop ??= record.drop;
  }
}
