// Listens to every switch of the lab while a walk runs: each pass of each packet, as the switches translated it.
import { ControlClient } from '../../dataplane/control/client.js';
import type { WatchRecord } from '../../dataplane/datapath/watch.js';
import { fromHex, keyFromFrame } from '../../dataplane/wire/index.js';
import { fieldByName } from '../../dataplane/key/fields.js';
import { setField } from '../../dataplane/key/flow.js';
import { parseFieldValue } from '../../dataplane/key/format.js';
import { flowFacts, tcpSeq } from './facts.js';
import type { ObservedPass } from './observed.js';

export class Watchers {
  readonly #clients: ControlClient[] = [];
  readonly #journeys = new Map<string, ObservedPass>();
  /** Records that a switch could not send because we read too slowly. */
  lost = 0;

  static async start(sockets: Record<string, string>): Promise<Watchers> {
    const watchers = new Watchers();
    try {
      for (const [node, path] of Object.entries(sockets)) {
        const client = await ControlClient.connect(path);
        watchers.#clients.push(client);
        client.onNotify = (method, [record]) => {
          if (method === 'record') watchers.#take(node, record as WatchRecord & { lost: number });
        };
        await client.call('packetwalk/watch');
      }
    } catch (error) {
      watchers.close();
      throw error;
    }
    return watchers;
  }

  /** Forgets what was seen so far. */
  reset(): void {
    this.#journeys.clear();
  }

  /** In the order in which the switches read the packets. */
  passes(): ObservedPass[] {
    return [...this.#journeys.values()].sort((a, b) => (a.timeNs < b.timeNs ? -1 : a.timeNs > b.timeNs ? 1 : 0));
  }

  close(): void {
    for (const client of this.#clients) client.close();
  }

  #take(node: string, record: WatchRecord & { lost: number }): void {
    this.lost += record.lost;
    const key = `${node} ${record.traceId}`;
    let journey = this.#journeys.get(key);
    if (!journey) {
      if (record.pass !== 0) return; // began before we listened
      journey = observe(node, record);
      this.#journeys.set(key, journey);
    }
    journey.passes.push(record.trace);
    journey.outputs.push(...record.outputs);
    journey.drop ??= record.drop;
  }
}

/** A pass at its beginning, of the first record of a packet on a switch. */
export function observe(node: string, record: WatchRecord): ObservedPass {
  const frame = fromHex(record.frame) ?? new Uint8Array();
  const flow = keyFromFrame(frame, record.inPort.no);
  // The tunnel is not in the frame any more; the switch kept what the outer header said.
  for (const name of ['tun_src', 'tun_dst', 'tun_id']) {
    const text = record.fields[name];
    if (text !== undefined) setField(flow, fieldByName(name), parseFieldValue(fieldByName(name), text).value);
  }
  return {
    node,
    traceId: record.traceId,
    timeNs: BigInt(record.timeNs),
    in: record.inPort.name,
    facts: flowFacts(flow),
    seq: tcpSeq(frame),
    passes: [],
    outputs: [],
    drop: null,
  };
}
