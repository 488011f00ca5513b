// What happens to flows, told to who listens: every change, as `ovs-ofctl monitor watch:` shows it, and the end of each
// flow with send_flow_rem, as OpenFlow's flow-removed message. From: the tables' changes, through switch.ts, which
// waits until every packet is counted. To: the control socket, and users of the API.
import { formatMatch, type FormatOptions, printActions } from './openflow/index.js';
import { formatDuration } from './openflow/printer.js';
import type { FlowEntry, RemovalReason, TablesChange } from './tables/index.js';

export interface FlowEvent {
  event: 'added' | 'modified' | 'deleted';
  reason?: RemovalReason;
  /** The flow asked to be told of: a flow-removed message. */
  flowRemoved: boolean;
  table: number;
  priority: number;
  cookie: string;
  match: string;
  actions: string;
  packets: number;
  bytes: number;
  /** Seconds. */
  duration: number;
  /** As ovs-ofctl monitor prints it; one for the change, and one for the message when there is one. */
  lines: string[];
}

export type FlowEventListener = (event: FlowEvent) => void;

export class FlowEvents {
  readonly #listeners = new Set<FlowEventListener>();

  constructor(private readonly format: () => FormatOptions) {}

  add(listener: FlowEventListener): { close(): void } {
    this.#listeners.add(listener);
    return { close: () => void this.#listeners.delete(listener) };
  }

  tell({ added, removed, replaced, reasons }: TablesChange, nowMs: number): void {
    if (this.#listeners.size === 0) return;
    for (const entry of removed) {
      const reason = reasons.get(entry);
      if (reason !== undefined) this.#send(describe(entry, 'deleted', nowMs, this.format(), reason));
    }
    for (const entry of added) {
      this.#send(describe(entry, replaced.has(entry) ? 'modified' : 'added', nowMs, this.format()));
    }
  }

  #send(event: FlowEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}

function describe(
  entry: FlowEntry,
  event: FlowEvent['event'],
  nowMs: number,
  options: FormatOptions,
  reason?: RemovalReason,
): FlowEvent {
  const { table, priority, packets, bytes, spec } = entry;
  const match = formatMatch(spec.match, priority, options);
  const actions = printActions(entry.actions, options);
  const flowRemoved = reason !== undefined && spec.flags.includes('send_flow_rem');
  const durationMs = nowMs - entry.createdMs;
  const lines = [changeLine(entry, event, reason, match, actions)];
  if (flowRemoved) lines.push(removedLine(entry, reason, match, durationMs));
  const cookie = `0x${entry.cookie.toString(16)}`;
  return {
    ...{ event, ...(reason === undefined ? {} : { reason }), flowRemoved, table, priority, cookie },
    ...{
      match: formatMatch(spec.match, undefined, options),
      actions,
      packets,
      bytes,
      duration: durationMs / 1000,
      lines,
    },
  };
}

function timeouts({ idleTimeout, hardTimeout }: FlowEntry): string {
  return `${idleTimeout ? ` idle_timeout=${idleTimeout}` : ''}${hardTimeout ? ` hard_timeout=${hardTimeout}` : ''}`;
}

function changeLine(
  entry: FlowEntry,
  event: FlowEvent['event'],
  reason: RemovalReason | undefined,
  match: string,
  actions: string,
): string {
  const why = reason === undefined ? '' : ` reason=${reason}`;
  const cookie = entry.cookie === 0n ? '0' : `0x${entry.cookie.toString(16)}`;
  const head = ` event=${event.toUpperCase()}${why} table=${entry.table}${timeouts(entry)} cookie=${cookie}`;
  return `${head}${match === '' ? '' : ` ${match}`} actions=${actions}`;
}

function removedLine(entry: FlowEntry, reason: RemovalReason, match: string, durationMs: number): string {
  const { table, cookie, idleTimeout, hardTimeout, packets, bytes } = entry;
  const words = [match, `reason=${reason}`, `table_id=${table}`];
  if (cookie !== 0n) words.push(`cookie:0x${cookie.toString(16)}`);
  words.push(`duration${formatDuration(durationMs)}`, `idle${idleTimeout}`);
  if (hardTimeout) words.push(`hard${hardTimeout}`);
  words.push(`pkts${packets}`, `bytes${bytes}`);
  return `OFPT_FLOW_REMOVED (xid=0x0): ${words.join(' ')}`;
}
