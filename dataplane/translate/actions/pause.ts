// A packet that waits for a controller: controller(pause) ends the pipeline, every open list of actions leaves behind
// what it had not done yet, and at the end all of it is frozen and goes up with the packet. From: controller.ts. A
// resumed packet does what is left. To: translate.ts, group.ts and clone.ts, where a pipeline may end.
import type { Action } from '../../openflow/ast.js';
import { commit } from '../commit.js';
import type { Context } from '../context.js';
import { frozen } from '../freeze.js';
import type { FrozenStep } from '../types.js';
import { sendUp } from './controller.js';
import { runActions } from './run.js';

/** What the list still had to do, when the packet pauses in it or in a table that it sent the packet to. */
export function keepRest(ctx: Context, actions: readonly Action[]): void {
  if (actions.length > 0) ctx.pausing?.steps.push({ table: ctx.table, cookie: ctx.cookie, actions });
}

/** Sends the packet up, if it pauses. As in OVS, table 0 stands for the table of a paused packet. */
export function finishPause(ctx: Context): void {
  const { pausing } = ctx;
  if (!pausing) return;
  ctx.pausing = undefined;
  commit(ctx);
  const order = { ...pausing.order, table: 0, cookie: ctx.cookie };
  sendUp(ctx, { ...frozen(ctx, 0), steps: pausing.steps, packetIn: order }, order);
}

/** Does what a paused packet, or a packet-out, is to do. */
export function runSteps(ctx: Context, steps: readonly FrozenStep[]): void {
  const { last } = ctx;
  for (const [i, { table, cookie, actions }] of steps.entries()) {
    // Another pause: the rest stays undone. As in OVS, it then counts as the present flow's.
    if (ctx.pausing) {
      keepRest(ctx, actions);
      continue;
    }
    ctx.table = table;
    ctx.cookie = cookie;
    ctx.last = last && i === steps.length - 1;
    runActions(ctx, actions);
  }
  ctx.last = last;
}
