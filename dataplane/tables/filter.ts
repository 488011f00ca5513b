// Which flows a command is about: del-flows, mod-flows and dump-flows name them by table, match, cookie and output,
// and each flow at least as narrow as the match is one of them. (Strictly it is the flow with this very match and
// priority: tables.ts finds it.) Used by tables.ts.
import type { Action, FlowSpec } from '../openflow/ast.js';
import { toMasked } from '../openflow/normalize.js';
import type { FlowEntry } from './flow-entry.js';
import { groupsOf } from './group-table.js';

/** A parsed flow serves as one; what is absent filters nothing. */
export type FlowFilter = Partial<
  Pick<FlowSpec, 'table' | 'priority' | 'match' | 'cookie' | 'cookieMask' | 'outPort' | 'outGroup'>
>;

/** As a table number: every table. */
export const ALL_TABLES = 255;

export function makeFilter(filter: FlowFilter): (entry: FlowEntry) => boolean {
  const { value, mask } = toMasked(filter.match ?? { fields: [] });
  const { table = ALL_TABLES, outPort, outGroup } = filter;
  const cookieMask = filter.cookieMask ?? 0n;
  const cookie = (filter.cookie ?? 0n) & cookieMask;
  return (entry) => {
    if (table !== ALL_TABLES && entry.table !== table) return false;
    if ((entry.cookie & cookieMask) !== cookie) return false;
    if (outPort !== undefined && !entry.actions.some((action) => outputsTo(action, outPort))) return false;
    if (outGroup !== undefined && !groupsOf(entry.actions).includes(outGroup)) return false;
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
