// Watching real packets: listeners give a match, the addon marks the packets whose first pass agrees with it, and each
// pass of such a packet comes up to be translated with a recorder. upcalls.ts brings the passes, the switch translates
// them, and here they become WatchRecords for whoever listens (the control socket, the lab's walk).
import { type Flow, getNumber } from '../key/flow.js';
import { fieldByName } from '../key/fields.js';
import { TraceRecorder } from '../trace/recorder.js';
import { describeOutput, describePass, type TraceOptions } from '../trace/simulate.js';
import type { Trace, TracePass } from '../trace/types.js';
import { translatePacket } from '../translate/translate.js';
import type { Environment, Translation } from '../translate/types.js';
import { KEY_SIZE, type NativeDatapath, type NativeUpcall } from './native.js';
import { packetFields } from './packet-fields.js';

const recircId = fieldByName('recirc_id');
const inPort = fieldByName('in_port');

/** One pass of one watched packet through this switch. All of it is plain JSON. */
export interface WatchRecord {
  bridge: string;
  /** The same on every pass of one packet. */
  traceId: number;
  /** 0 as the packet came in, one more for each recirculation. */
  pass: number;
  /** CLOCK_REALTIME when the frame was read; ns as decimal digits, since JSON numbers end at 53 bits. */
  timeNs: string;
  inPort: { no: number; name: string };
  /** The key of this pass, connection state and tunnel included: field name to printed value. */
  fields: Record<string, string>;
  /** The frame's first bytes (headers) as hex, as they are on this pass. */
  frame: string;
  /** Bytes of the whole frame. */
  size: number;
  /** Payload bytes of each segment when the frame is GSO, else 0. */
  gsoSize: number;
  csumPartial: boolean;
  /** What the tables did on this pass, with the connection state that it saw. */
  trace: TracePass;
  outputs: Trace['outputs'];
  drop: Trace['drop'];
}

export type WatchListener = (record: WatchRecord) => void;

interface Watcher {
  key: Uint8Array;
  mask: Uint8Array;
  listener: WatchListener;
}

/** A watched packet on its way: who watches it, and how often it has come up. */
interface Journey {
  watchers: Watcher[];
  passes: number;
}

/** Journeys remembered at most; a packet between two passes is never older than so many others. */
const MAX_JOURNEYS = 4096;

export class Watches {
  readonly #watchers = new Set<Watcher>();
  readonly #journeys = new Map<number, Journey>();

  constructor(private readonly datapath: Pick<NativeDatapath, 'setTrace'>) {}

  add(key: Uint8Array, mask: Uint8Array, listener: WatchListener): { close(): void } {
    const watcher = { key: key.slice(0, KEY_SIZE), mask: mask.slice(0, KEY_SIZE), listener };
    this.#watchers.add(watcher);
    this.#setFilter();
    return {
      close: () => {
        if (this.#watchers.delete(watcher)) this.#setFilter();
      },
    };
  }

  /** The listeners of this pass, and its number. */
  journey(upcall: NativeUpcall): { pass: number; listeners: WatchListener[] } {
    let journey = this.#journeys.get(upcall.traceId);
    if (!journey) {
      journey = { watchers: [...this.#watchers].filter((w) => agrees(upcall.key, w)), passes: 0 };
      this.#journeys.set(upcall.traceId, journey);
      if (this.#journeys.size > MAX_JOURNEYS) this.#journeys.delete(this.#journeys.keys().next().value!);
    }
    const listeners = journey.watchers.filter((w) => this.#watchers.has(w)).map((w) => w.listener);
    return { pass: journey.passes++, listeners };
  }

  /** The addon has one filter: what all watchers have in common. journey() sorts out who meant what. */
  #setFilter(): void {
    const [first, ...others] = this.#watchers;
    if (!first) {
      this.#journeys.clear();
      return this.datapath.setTrace(null);
    }
    const mask = first.mask.slice();
    for (const other of others) {
      for (let i = 0; i < KEY_SIZE; i++) mask[i] &= other.mask[i] & ~(first.key[i] ^ other.key[i]);
    }
    this.datapath.setTrace({ key: first.key.map((byte, i) => byte & mask[i]), mask });
  }
}

/** Translates a pass of a watched packet as any other, with a recorder, and tells those who watch it. */
export function watchedPass(
  { pass, listeners }: { pass: number; listeners: readonly WatchListener[] },
  env: Environment,
  flow: Flow,
  upcall: NativeUpcall,
  options: TraceOptions & { bridge: string },
): Translation {
  if (listeners.length === 0) return translatePacket(env, flow);
  const recorder = new TraceRecorder(options);
  const id = getNumber(flow, recircId);
  const state = id === 0 ? undefined : env.recirc.get(id);
  if (state) recorder.thaw(state);
  const translation = translatePacket(env, flow, { recorder });
  const no = getNumber(flow, inPort);
  const record: WatchRecord = {
    bridge: options.bridge,
    traceId: upcall.traceId,
    pass,
    timeNs: String(upcall.timeNs),
    inPort: { no, name: env.port(no)?.name ?? String(no) },
    fields: packetFields(flow, undefined, options.tlvMap),
    frame: Buffer.from(upcall.frame).toString('hex'),
    size: upcall.size,
    gsoSize: upcall.gsoSize,
    csumPartial: upcall.csumPartial,
    trace: describePass({ flow, state }, translation, recorder, options, options.bridge),
    outputs: recorder.outputs.map((output) => describeOutput(output, env)),
    drop: translation.drop ?? null,
  };
  for (const listener of listeners) listener(record);
  return translation;
}

function agrees(key: Uint8Array, { key: wanted, mask }: Watcher): boolean {
  for (let i = 0; i < KEY_SIZE; i++) if ((key[i] ^ wanted[i]) & mask[i]) return false;
  return true;
}
