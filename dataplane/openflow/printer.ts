// A flow as ovs-ofctl dump-flows prints it, with or without statistics. The parser reads what this prints.
import type { FlowSpec } from './ast.js';
import { formatMatch, type FormatOptions } from './format-flow.js';
import { printActions } from './print-actions.js';

export interface FlowStats {
  durationMs: number;
  packets: bigint | number;
  bytes: bigint | number;
  /** Seconds since the last packet. */
  idleAge?: number;
  /** Seconds since the flow was last modified, when that is not its duration. */
  hardAge?: number;
}

export interface PrintOptions extends FormatOptions {
  /** Printed as dump-flows does; without it the line is dump-flows --no-stats's. */
  stats?: FlowStats;
}

const FLAG_ORDER = ['send_flow_rem', 'check_overlap', 'reset_counts', 'no_packet_counts', 'no_byte_counts'] as const;

/** One line of dump-flows, with the space before it. */
export function printFlow(flow: FlowSpec, options: PrintOptions = {}): string {
  const { stats } = options;
  const head: string[] = [];
  if (stats || flow.cookie !== 0n) head.push(`cookie=0x${flow.cookie.toString(16)}`);
  if (stats) head.push(`duration=${formatDuration(stats.durationMs)}`);
  if (stats || flow.table !== 0) head.push(`table=${flow.table}`);
  if (stats) head.push(`n_packets=${stats.packets}`, `n_bytes=${stats.bytes}`);
  if (flow.idleTimeout) head.push(`idle_timeout=${flow.idleTimeout}`);
  if (flow.hardTimeout) head.push(`hard_timeout=${flow.hardTimeout}`);
  const flags = FLAG_ORDER.filter((flag) => flow.flags.includes(flag))
    .map((flag) => `${flag} `)
    .join('');
  const tail: string[] = [];
  if (flow.importance) tail.push(`importance=${flow.importance}`);
  if (stats?.idleAge !== undefined) tail.push(`idle_age=${stats.idleAge}`);
  if (stats?.hardAge !== undefined) tail.push(`hard_age=${stats.hardAge}`);
  const match = formatMatch(flow.match, flow.priority, options);
  const commas = (parts: string[]): string => parts.map((part) => `${part}, `).join('');
  const actions = `actions=${printActions(flow.actions, options)}`;
  return ` ${commas(head)}${flags}${commas(tail)}${match}${match === '' ? '' : ' '}${actions}`;
}

/** Milliseconds, unless there are none. */
export function formatDuration(ms: number): string {
  const whole = Math.max(0, Math.round(ms));
  const fraction = whole % 1000;
  return `${Math.floor(whole / 1000)}${fraction === 0 ? '' : `.${String(fraction).padStart(3, '0')}`}s`;
}
