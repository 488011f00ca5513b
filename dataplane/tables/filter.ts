// Which flows a command is about: del-flows, mod-flows and dump-flows name them by table, match, cookie and output,
// loosely (every flow at least as narrow as the match) or strictly (the flow with this match and priority). Used by
// tables.ts.
import type { Action, FlowSpec } from '../openflow/ast.js';
import { DEFAULT_PRIORITY } from '../openflow/format-flow.js';
import { toMasked } from '../openflow/normalize.js';
import type { FlowEntry } from './flow-entry.js';
import { groupsOf } from './group-table.js';

/** A parsed flow serves as one; what is absent filters nothing. */
export type FlowFilter = Partial<
  Pick<FlowSpec, 'table' | 'priority' | 'match' | 'cookie' | 'cookieMask' | 'outPort' | 'outGroup'>
>;

/** As a table number: every table. */
export const ALL_TABLES = 255;

export function makeFilter(filter: FlowFilter, strict = false): (entry: FlowEntry) => boolean {
  const { value, mask } = toMasked(filter.match ?? { fields: [] });
  const { table = ALL_TABLES, priority = DEFAULT_PRIORITY, outPort, outGroup } = filter;
  const cookieMask = filter.cookieMask ?? 0n;
  const cookie = (filter.cookie ?? 0n) & cookieMask;
  return (entry) => {
    if (table !== ALL_TABLES && entry.table !== table) return false;
    if ((entry.cookie & cookieMask) !== cookie) return false;
    if (outPort !== undefined && !entry.actions.some((action) => outputsTo(action, outPort))) return false;
    if (outGroup !== undefined && !groupsOf(entry.actions).includes(outGroup)) return false;
    if (strict && (entry.priority !== priority || Buffer.compare(entry.mask, mask) !== 0)) return false;
    for (let i = 0; i < mask.length; i++) {
      const bits = mask[i];
      if (bits !== 0 && ((entry.mask[i] & bits) !== bits || (entry.value[i] & bits) !== value[i])) return false;
    }
    return true;
  };
}

/** Some packet matches both, and neither has the higher priority. */
export function overlaps(
  a: Pick<FlowEntry, 'value' | 'mask' | 'priority'>,
  b: Pick<FlowEntry, 'value' | 'mask' | 'priority'>,
): boolean {
  if (a.priority !== b.priority) return false;
  for (let i = 0; i < a.mask.length; i++) if ((a.mask[i] & b.mask[i] & (a.value[i] ^ b.value[i])) !== 0) return false;
  return true;
}

function outputsTo(action: Action, port: number): boolean {
  switch (action.type) {
    case 'output':
    case 'enqueue':
      return action.port === port;
    case 'write_actions':
    case 'clone':
      return action.actions.some((inner) => outputsTo(inner, port));
    default:
      return false;
  }
}
