// controller() in all its forms: a copy of the packet goes to TypeScript as an upcall whose cookie is a recirculation
// id; what the pipeline knew of the packet at this point, and what the controller is to be told, is the state of that
// id. With `pause` the packet itself goes, see pause.ts.
import type { Action } from '../../openflow/ast.js';
import { commit } from '../commit.js';
import type { Context } from '../context.js';
import { frozen } from '../freeze.js';
import type { FrozenState, PacketInOrder } from '../types.js';

const NOTHING = new Uint8Array();
const WHOLE = 0xffff;

type Reason = PacketInOrder['reason'];
type Controller = Extract<Action, { type: 'controller' }>;

export function controller(ctx: Context, action: Controller): void {
  const { id = 0, maxLen, userdata = NOTHING, pause = false, meterId } = action;
  const reason = isPlain(action) ? plainReason(ctx) : ((action.reason ?? 'action') as Reason);
  const order = { reason: actualReason(ctx, reason), id, maxLen, userdata, pause };
  if (!pause) return packetIn(ctx, order, meterId);
  ctx.pausing = { order, steps: [] };
  ctx.exited = true;
}

/** output:CONTROLLER. */
export function toControllers(ctx: Context, maxLen = WHOLE): void {
  controller(ctx, { type: 'controller', maxLen });
}

export function invalidTtl(ctx: Context, id: number): void {
  packetIn(ctx, { reason: 'invalid_ttl', id, maxLen: WHOLE, userdata: NOTHING, pause: false });
}

/** Puts the upcall for `state`. A packet on paper goes nowhere: without a frame, one that would wait does not even show. */
export function sendUp(ctx: Context, state: FrozenState, order: PacketInOrder): void {
  ctx.recorder?.packetIn(order, ctx.flow);
  const onPaper = ctx.options.learn === false;
  if (onPaper && order.pause && !ctx.options.frame) return;
  const cookie = ctx.env.recirc.allocate(state);
  ctx.actions.push({ type: 'upcall', cookie, order: onPaper && !order.pause ? { ...order, dontSend: true } : order });
}

/** `meterId`: the copy that goes up, and only that, is held to its rate. As in OVS, one that pauses is not. */
function packetIn(ctx: Context, about: Omit<PacketInOrder, 'table' | 'cookie'>, meterId?: number): void {
  commit(ctx);
  const order = { ...about, table: ctx.table, cookie: ctx.cookie };
  const { actionSet: _, ...state } = frozen(ctx, ctx.table);
  const meter = meterId === undefined ? undefined : ctx.env.meter(meterId);
  const { actions } = ctx;
  if (meter !== undefined) ctx.actions = [{ type: 'meter', id: meter }];
  sendUp(ctx, { ...state, packetIn: order }, order);
  if (meter !== undefined) actions.push({ type: 'clone', actions: ctx.actions });
  ctx.actions = actions;
}

/** Nothing is said that output:CONTROLLER would not say. */
export function isPlain({ reason, id, userdata, pause, meterId }: Controller): boolean {
  return reason === undefined && !id && userdata === undefined && !pause && meterId === undefined;
}

/** What sends the packet, when the flow does not say. */
function plainReason(ctx: Context): Reason {
  if (ctx.options.packetOut) return 'packet_out';
  if (ctx.inGroup) return 'group';
  return ctx.inActionSet ? 'action_set' : 'action';
}

/** The flow that matches what no other does is OpenFlow's way to ask for what matches nothing. */
function actualReason({ entry }: Context, reason: Reason): Reason {
  return reason === 'action' && entry?.priority === 0 && entry.spec.match.fields.length === 0
    ? 'explicit_miss'
    : reason;
}
