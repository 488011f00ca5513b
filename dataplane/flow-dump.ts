// A flow entry as dump-flows shows it: as ovs-ofctl's line or as data. Used by switch.ts.
import { formatMatch, type FormatOptions, printActions, printFlow } from './openflow/index.js';
import type { FlowEntry } from './tables/index.js';

export interface DumpOptions {
  /** Ports by name. Default true. */
  names?: boolean;
  /** With counters and ages. Default true. */
  stats?: boolean;
}

export interface FlowRow {
  table: number;
  priority: number;
  cookie: string;
  match: string;
  actions: string;
  packets: number;
  bytes: number;
  /** Seconds. */
  duration: number;
  idle_age: number;
}

export function printEntry(
  entry: FlowEntry,
  nowMs: number,
  { stats, ...options }: DumpOptions & FormatOptions,
): string {
  const { idleTimeout, hardTimeout } = entry;
  const spec = { ...entry.spec, idleTimeout: idleTimeout || undefined, hardTimeout: hardTimeout || undefined };
  if (!stats) return printFlow(spec, options);
  const { packets, bytes } = entry;
  return printFlow(spec, {
    ...options,
    stats: { durationMs: nowMs - entry.createdMs, packets, bytes, idleAge: idleAge(entry, nowMs) },
  });
}

export function flowRow(entry: FlowEntry, nowMs: number, options: FormatOptions): FlowRow {
  return {
    table: entry.table,
    priority: entry.priority,
    cookie: `0x${entry.cookie.toString(16)}`,
    match: formatMatch(entry.spec.match, undefined, options),
    actions: printActions(entry.actions, options),
    packets: entry.packets,
    bytes: entry.bytes,
    duration: (nowMs - entry.createdMs) / 1000,
    idle_age: idleAge(entry, nowMs),
  };
}

function idleAge(entry: FlowEntry, nowMs: number): number {
  return Math.max(0, Math.floor((nowMs - entry.usedMs) / 1000));
}
