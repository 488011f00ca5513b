// clone(): runs actions on a copy of the packet; afterwards everything is as it was.
import type { Action } from '../../openflow/ast.js';
import { commit } from '../commit.js';
import type { Context } from '../context.js';
import { runActionSet } from './action-set.js';
import { finishPause } from './pause.js';
import { runActions } from './run.js';

export function clone(ctx: Context, { actions }: Extract<Action, { type: 'clone' }>): void {
  // Where nothing comes after it, the packet itself can be used up.
  const undoable = ctx.last || actions.every(isUndoable);
  const { last } = ctx;
  // Changes made so far are both the copy's and the packet's.
  if (!undoable) commit(ctx);
  const saved = { flow: ctx.flow.slice(), base: ctx.base.slice(), tunnel: ctx.tunnel, conntracked: ctx.conntracked };
  const { actions: outer, stack, actionSet } = ctx;
  if (!undoable) ctx.actions = [];
  ctx.stack = stack.slice();
  ctx.last = last || !undoable;
  // The copy has the action set, too, and runs it at its end.
  runActions(ctx, actions);
  if (!ctx.error && !ctx.pausing) runActionSet(ctx);
  finishPause(ctx);
  ctx.last = last;
  ctx.flow.set(saved.flow);
  ctx.conntracked = saved.conntracked;
  ctx.stack = stack;
  ctx.actionSet = actionSet;
  if (undoable) return;
  const inner = ctx.actions;
  ctx.actions = outer;
  if (inner.length > 0) ctx.actions.push({ type: 'clone', actions: inner });
  ctx.base = saved.base;
  ctx.tunnel = saved.tunnel;
}

/**
 * Whether the next commit writes back whatever this does to the datapath's packet, so that it needs no copy. As OVS has
 * it, what other tables may do is not asked.
 */
function isUndoable(action: Action): boolean {
  return action.type === 'output' || action.type === 'output_reg'
    ? action.maxLen === undefined
    : action.type !== 'ct' && action.type !== 'meter';
}
