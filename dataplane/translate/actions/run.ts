// Runs a list of actions: hands each to its function and decides nothing itself. From: walk.ts (a flow's actions) and
// the actions that have lists of their own (ct, clone, the action set).
import type { Action } from '../../openflow/ast.js';
import type { Context } from '../context.js';
import { clearActions, writeActions } from './action-set.js';
import { checkPktLarger } from './check-pkt-larger.js';
import { clone } from './clone.js';
import { conjunction } from './conjunction.js';
import { controller } from './controller.js';
import { ct, ctClear } from './ct.js';
import { decTtl } from './dec-ttl.js';
import { deleteField, move, load, mod, setField, setTunnel, writeMetadata } from './fields.js';
import { finTimeout, learn } from './learn.js';
import { output, outputReg } from './output.js';
import { group } from './group.js';
import { meter } from './meter.js';
import { bundle, multipath } from './multipath.js';
import { gotoTable, resubmit } from './resubmit.js';
import { pop, push } from './stack.js';
import { keepRest } from './pause.js';
import { popVlan, pushVlan } from './vlan.js';

/** Whether to go on with the list. */
export type Outcome = void | 'stop';

/** `list`: what the action is in; `next`: where the actions behind it begin. */
type Run<T extends Action['type']> = (
  ctx: Context,
  action: Extract<Action, { type: T }>,
  list: readonly Action[],
  next: number,
) => Outcome;

/** Nothing of it concerns the packet. */
const nothing = (): void => undefined;

/**
 * The pipeline ends here, and with it every table and list that is open. As in OVS it leaves behind what a pause would:
 * the next ct action of this translation, in another bucket or branch, takes that along, and its packet does nothing
 * else when it comes back.
 */
function exit(ctx: Context, _: Action, list: readonly Action[], next: number): void {
  ctx.exited = true;
  ctx.left ??= { table: ctx.table, cookie: ctx.cookie, actions: list.slice(next - 1) };
}

/** Refused when the flow was loaded (tables/supported.ts). */
function refused(_: Context, action: Action): never {
  throw new Error(`${action.type} reached translation`);
}

const RUN: { [T in Action['type']]: Run<T> } = {
  output,
  output_reg: outputReg,
  controller,
  enqueue: refused,
  set_queue: refused,
  pop_queue: refused,
  resubmit,
  goto_table: gotoTable,
  load,
  set_field: setField,
  move,
  mod,
  set_tunnel: setTunnel,
  push_vlan: pushVlan,
  pop_vlan: popVlan,
  dec_ttl: decTtl,
  push,
  pop,
  conjunction,
  ct,
  ct_clear: ctClear,
  learn,
  multipath,
  bundle,
  fin_timeout: finTimeout,
  check_pkt_larger: checkPktLarger,
  delete_field: deleteField,
  exit,
  group,
  meter,
  clone,
  note: nothing,
  clear_actions: clearActions,
  write_actions: writeActions,
  write_metadata: writeMetadata,
};

export function runActions(ctx: Context, actions: readonly Action[]): void {
  const { last } = ctx;
  for (const [i, action] of actions.entries()) {
    if (ctx.error !== undefined || ctx.exited) break;
    ctx.last = last && i === actions.length - 1 && ctx.actionSet.length === 0;
    ctx.recorder?.action(action, ctx.flow, ctx.depth);
    const run = RUN[action.type] as Run<Action['type']>;
    const outcome = run(ctx, action, actions, i + 1);
    ctx.recorder?.afterAction(action, ctx.flow, ctx.depth);
    if (ctx.pausing) keepRest(ctx, actions.slice(i + 1));
    if (outcome === 'stop') break;
  }
  ctx.last = last;
}
