// A packet that goes through conntrack, or otherwise comes back, leaves the pipeline's state behind under a
// recirculation id (freeze) and takes it up again in the next pass (thaw). From: actions/ct.ts; from translate.ts for
// the way back.
import { KEY_SIZE } from '../datapath/native.js';
import type { Flow } from '../key/flow.js';
import { scratchCopy } from '../key/scratch.js';
import { AT, put32, TUNNEL_END, TUNNEL_START } from './bytes.js';
import type { Context } from './context.js';
import type { DatapathCt, FrozenState } from './types.js';

/** Sends a copy of the packet, with the connection that `ct` found for it, round again, to go on in `table`. */
export function freeze(ctx: Context, table: number, ct: DatapathCt): void {
  const state: FrozenState = { ...frozen(ctx, table), conntracked: true };
  if (ctx.left) state.steps = [ctx.left];
  ctx.left = undefined;
  const id = ctx.env.recirc.allocate(state);
  ctx.actions.push({ type: 'recirc', id });
  ctx.recorder?.freeze(id, state, ctx.flow, ct);
}

/** The pipeline's state as it is now. */
export function frozen(ctx: Context, table: number): FrozenState {
  const { flow } = ctx;
  const state: FrozenState = {
    table,
    pipeline: flow.slice(KEY_SIZE),
    inPort: ctx.inPort,
    stack: ctx.stack.slice(),
    conntracked: ctx.conntracked,
  };
  if (ctx.actionSet.length > 0) state.actionSet = ctx.actionSet.slice();
  // What arrived comes back with the packet; what the pipeline set would be lost.
  if (changedTunnel(ctx)) {
    state.tunnel = flow.slice(TUNNEL_START, TUNNEL_END);
    ctx.mask.fill(0xff, TUNNEL_START, TUNNEL_END);
  }
  return state;
}

function changedTunnel({ flow, arrivedTunnel, thawed, tunnel }: Context): boolean {
  if (thawed?.tunnel || tunnel) return true;
  for (let i = 0; i < arrivedTunnel.length; i++) if (flow[TUNNEL_START + i] !== arrivedTunnel[i]) return true;
  return false;
}

/** Puts back what freeze took. */
export function thaw(ctx: Context, state: FrozenState): void {
  ctx.thawed = state;
  ctx.stack = state.stack.slice();
  ctx.actionSet = state.actionSet?.slice() ?? [];
  ctx.conntracked = state.conntracked ?? false;
}

/** The packet's flow as it was when the state was frozen, with what conntrack made of it since. */
export function thawedFlow(flow: Flow, state: FrozenState): Flow {
  const thawed = scratchCopy(flow);
  if (!state.conntracked) thawed.fill(0, AT.ct_state, AT.ct_ipv6_dst + 16);
  thawed.set(state.pipeline, KEY_SIZE);
  put32(thawed, AT.in_port, state.inPort);
  if (state.tunnel) thawed.set(state.tunnel, TUNNEL_START);
  return thawed;
}
