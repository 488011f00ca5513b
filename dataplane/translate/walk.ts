// From table to table: finds the packet's flow in a table and runs its actions, which may send it to further tables,
// each returning to where it was entered. From: translate.ts (table 0) and the actions resubmit, goto_table and
// output:TABLE.
//
// A pipeline must not run for ever: tables entered backwards may nest 64 deep, and a packet may enter 4096 tables in
// all. These are OVS's limits; forward moves alone do not count as depth, since there are only 255 tables.
import type { Flow } from '../key/flow.js';
import type { OfPort } from '../openflow/ast.js';
import type { FlowEntry } from '../tables/flow-table.js';
import { runActions } from './actions/run.js';
import { AT, FRAG_ANY, put32, u32 } from './bytes.js';
import type { Context } from './context.js';
import type { LookupResult } from './types.js';

export const MAX_DEPTH = 64;
export const MAX_RESUBMITS = 64 * 64;
const MAX_ACTIONS = 4096;
const MAX_STACK = 4096;

/** `inPort` counts for the lookup only: what the flow then does sees the real one. */
export function enterTable(ctx: Context, table: number, inPort: OfPort): void {
  if (!mayGoOn(ctx)) return;
  const { table: from, inGroup } = ctx;
  ctx.inGroup = false;
  const result = lookup(ctx, table, inPort);
  ctx.table = table;
  ctx.recorder?.table(table, result, ctx.flow, ctx.depth);
  if (result.entry) runEntry(ctx, result.entry, table <= from);
  else ctx.dropping('no_match');
  ctx.table = from;
  ctx.inGroup = inGroup;
}

/** The packet's first table. */
export function startAt(ctx: Context, table: number): void {
  ctx.table = table;
  const result = lookup(ctx, table, ctx.inPort);
  ctx.recorder?.table(table, result, ctx.flow, ctx.depth);
  if (!result.entry) return ctx.dropping('no_match');
  runEntry(ctx, result.entry, false);
  // A pause of the whole pipeline is put down to the flow that the packet met first.
  ctx.cookie = result.entry.cookie;
}

function runEntry(ctx: Context, entry: FlowEntry, backwards: boolean): void {
  ctx.entries.push(entry);
  ctx.resubmits++;
  if (backwards) ctx.backward++;
  const { entry: caller, cookie } = ctx;
  ctx.entry = entry;
  ctx.cookie = entry.cookie;
  ctx.depth++;
  if (entry.actions.length === 0) ctx.dropping('flow');
  runActions(ctx, entry.actions);
  ctx.depth--;
  ctx.entry = caller;
  ctx.cookie = cookie;
  if (backwards) ctx.backward--;
}

/** The limits are not reached yet; else the translation is given up. */
export function mayGoOn(ctx: Context): boolean {
  if (ctx.backward >= MAX_DEPTH) ctx.fail('Recursion too deep', `over max translation depth ${MAX_DEPTH}`);
  else if (ctx.resubmits > MAX_RESUBMITS) ctx.fail('Too many resubmits', `over ${MAX_RESUBMITS} resubmit actions`);
  else if (ctx.actions.length > MAX_ACTIONS)
    ctx.fail('Too many actions', `resubmits yielded over ${MAX_ACTIONS} datapath actions`);
  else if (ctx.stack.length > MAX_STACK)
    ctx.fail('Stack too deep', `resubmits yielded over ${MAX_STACK} values on the stack`);
  return ctx.error === undefined;
}

function lookup(ctx: Context, table: number, inPort: OfPort): LookupResult {
  const { flow, mask, env } = ctx;
  const realPort = u32(flow, AT.in_port);
  const fragment = (flow[AT.nw_frag] & FRAG_ANY) !== 0;
  if (inPort === realPort && !fragment) return env.lookup(table, flow, mask);
  put32(flow, AT.in_port, inPort);
  const ports = fragment ? hidePorts(flow) : undefined;
  const result = env.lookup(table, flow, mask);
  put32(flow, AT.in_port, realPort);
  if (ports) {
    flow.set(ports.icmp, AT.icmp_type);
    flow.set(ports.tp, AT.tp_src);
  }
  return result;
}

/** Later fragments have no ports, so tables do not see those of the first either (ovs-ofctl set-frags normal). */
function hidePorts(flow: Flow): { icmp: Uint8Array; tp: Uint8Array } {
  const icmp = flow.slice(AT.icmp_type, AT.icmp_type + 2);
  const tp = flow.slice(AT.tp_src, AT.tp_src + 4);
  flow.fill(0, AT.icmp_type, AT.icmp_type + 2);
  flow.fill(0, AT.tp_src, AT.tp_src + 4);
  return { icmp, tp };
}
