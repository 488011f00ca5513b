// ct() and ct_clear: conntrack. With a table, the packet's copy comes back with the connection's state and goes on
// there; the packet itself goes on with the next action, untracked, as if nothing had happened.
import type { Action } from '../../openflow/ast.js';
import { AT, isZero, u32 } from '../bytes.js';
import { commit } from '../commit.js';
import type { Context } from '../context.js';
import { freeze } from '../freeze.js';
import { read } from '../subfields.js';
import type { DatapathCt } from '../types.js';
import { runActions } from './run.js';

const MARK_END = AT.ct_mark + 4;
const LABEL_END = AT.ct_label + 16;
/** ct_state ... ct_ipv6_dst. */
const CT_END = AT.ct_ipv6_dst + 16;

type Ct = Extract<Action, { type: 'ct' }>;

export function ct(ctx: Context, action: Ct): void {
  commit(ctx);
  const { mask } = ctx;
  const looked = mask.slice(AT.ct_mark, LABEL_END);
  // What exec() writes shows in the mask: it begins empty, and is put back after.
  mask.fill(0, AT.ct_mark, LABEL_END);
  ctx.recorder?.exec(action, ctx.depth);
  runActions(ctx, action.exec);
  const zone = typeof action.zone === 'object' ? Number(read(ctx, action.zone)) : (action.zone ?? 0);
  const done = datapathCt(ctx, action, zone);
  ctx.actions.push(done);
  mask.set(looked, AT.ct_mark);
  if (action.table !== undefined) {
    freeze(ctx, action.table, done);
    const where = `The forked pipeline will be resumed at table ${action.table}.`;
    ctx.detail(`A clone of the packet is forked to recirculate. ${where}`);
  }
  untrack(ctx);
}

export function ctClear(ctx: Context): void {
  if (!ctx.conntracked) return;
  ctx.actions.push({ type: 'ct_clear' });
  ctx.flow.fill(0, AT.ct_state, CT_END);
  ctx.conntracked = false;
}

function datapathCt({ flow, mask }: Context, action: Ct, zone: number): DatapathCt {
  const done: DatapathCt = { type: 'ct', zone, commit: action.commit, force: action.force };
  if (!isZero(mask, AT.ct_mark, MARK_END)) {
    const bits = u32(mask, AT.ct_mark);
    done.mark = { value: (u32(flow, AT.ct_mark) & bits) >>> 0, mask: bits };
  }
  if (!isZero(mask, AT.ct_label, LABEL_END)) {
    const bits = mask.slice(AT.ct_label, LABEL_END);
    done.label = { value: flow.slice(AT.ct_label, LABEL_END).map((byte, i) => byte & bits[i]), mask: bits };
  }
  if (action.alg) done.alg = action.alg;
  if (action.nat) done.nat = { ...action.nat, flags: [...action.nat.flags] };
  return done;
}

/** The connection's state is for who comes back; it is not this packet's any more. */
function untrack(ctx: Context): void {
  ctx.flow.fill(0, AT.ct_state, CT_END);
  ctx.conntracked = false;
  ctx.detail('Sets the packet to an untracked state, and clears all the conntrack fields.');
}
