// check_pkt_larger: the rest of the list is translated twice, once for packets that are longer and once for all others,
// and the datapath chooses when it knows the length. Nothing of either is left behind for what comes after the list.
import type { DatapathAction } from '../../datapath/actions.js';
import type { Action } from '../../openflow/ast.js';
import { commit } from '../commit.js';
import type { Context } from '../context.js';
import { write } from '../subfields.js';
import { runActionSet } from './action-set.js';
import { finishPause } from './pause.js';
import { type Outcome, runActions } from './run.js';

export function checkPktLarger(
  ctx: Context,
  action: Extract<Action, { type: 'check_pkt_larger' }>,
  list: readonly Action[],
  next: number,
): Outcome {
  const rest = list.slice(next);
  const flow = ctx.flow.slice();
  commit(ctx);
  const { base, tunnel, conntracked, actions: outer, stack, actionSet, last } = ctx;
  // As in OVS, the second branch finds what the first has left of the stack and of the action set.
  ctx.stack = stack.slice();
  ctx.actionSet = actionSet.slice();
  const branch = (value: bigint): DatapathAction[] => {
    ctx.base = base.slice();
    ctx.actions = [];
    ctx.last = true;
    write(ctx, action.dst, value);
    if (rest.length === 0) ctx.recorder?.note('action', 'drop', ctx.depth);
    runActions(ctx, rest);
    if (!ctx.error && !ctx.pausing) runActionSet(ctx);
    finishPause(ctx);
    ctx.flow.set(flow);
    Object.assign(ctx, { tunnel, conntracked });
    return ctx.actions;
  };
  const greater = branch(1n);
  // An exit among longer packets ends the tables around this list, too; one among the others does not.
  const { exited } = ctx;
  ctx.exited = false;
  const lessEqual = branch(0n);
  Object.assign(ctx, { base, actions: outer, stack, actionSet, last, exited });
  ctx.actions.push({ type: 'check_pkt_len', length: action.length, greater, lessEqual });
  return 'stop';
}
