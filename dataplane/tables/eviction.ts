// How many flows a table takes, and which go when it is full: Open vSwitch's Flow_Table settings
// (ovs-vswitchd.conf.db(5)). Asked by tables.ts before a flow is added.
//
// Only flows with a timeout may be evicted. They are grouped by the values of the eviction fields; the largest group
// loses the flow of the least importance, among equals the one that would end soonest.
import type { Subfield } from '../openflow/ast.js';
import { getBits } from '../key/flow.js';
import type { FlowEntry } from './flow-entry.js';

/**
 * As in OVS a table without settings takes any number, and says that it takes a million (ofproto.c, query_tables()).
 */
const UNLIMITED = Number.MAX_SAFE_INTEGER;
export const TOLD_AT_MOST = 1_000_000;

export interface TableSettings {
  maxFlows: number;
  /** When full: `refuse` the new flow, or `evict` an old one. */
  overflow: 'refuse' | 'evict';
  /** Flows that agree in these are a group. None: all are one group. */
  evictionFields: readonly Subfield[];
}

export const DEFAULT_SETTINGS: TableSettings = { maxFlows: UNLIMITED, overflow: 'refuse', evictionFields: [] };

/** undefined: none may go. */
export function chooseVictim(entries: Iterable<FlowEntry>, fields: readonly Subfield[]): FlowEntry | undefined {
  const groups = new Map<string, FlowEntry[]>();
  for (const entry of entries) {
    if (entry.endsMs === undefined) continue;
    const key = fields.map((f) => getBits(entry.value, f.field, f.start, f.count)).join();
    const group = groups.get(key);
    if (group) group.push(entry);
    else groups.set(key, [entry]);
  }
  let largest: FlowEntry[] = [];
  for (const group of groups.values()) if (group.length > largest.length) largest = group;
  return largest.reduce<FlowEntry | undefined>(
    (victim, e) => (victim && !goesBefore(e, victim) ? victim : e),
    undefined,
  );
}

function goesBefore(a: FlowEntry, b: FlowEntry): boolean {
  const [ia, ib] = [a.spec.importance ?? 0, b.spec.importance ?? 0];
  return ia === ib ? (a.endsMs ?? 0) < (b.endsMs ?? 0) : ia < ib;
}
