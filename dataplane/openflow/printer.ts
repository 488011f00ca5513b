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

/** One line of dump-flows, with the space before it. */
export function printFlow(flow: FlowSpec, options: PrintOptions = {}): string {
  const { stats } = options;
  const head: string[] = [`cookie=0x${flow.cookie.toString(16)}`];
  if (stats) head.push(`duration=${(Math.max(0, stats.durationMs) / 1000).toFixed(3).replace(/\.?0+$/, '')}s`);
  if (stats || flow.table !== 0) head.push(`table=${flow.table}`);
  if (stats) head.push(`n_packets=${stats.packets}`, `n_bytes=${stats.bytes}`);
  if (flow.idleTimeout) head.push(`idle_timeout=${flow.idleTimeout}`);
  if (flow.hardTimeout) head.push(`hard_timeout=${flow.hardTimeout}`);
  if (flow.importance) head.push(`importance=${flow.importance}`);
  if (stats?.idleAge !== undefined) head.push(`idle_age=${stats.idleAge}`);
  if (stats?.hardAge !== undefined) head.push(`hard_age=${stats.hardAge}`);
  const flags = flow.flags.map((flag) => `${flag} `).join('');
  const match = formatMatch(flow.match, flow.priority, options);
  const body = `${flags}${match}${match === '' ? '' : ' '}actions=${printActions(flow.actions, options)}`;
  return ` ${head.join(', ')}, ${body}`;
}
