// The action set: what write_actions collects for the end of the pipeline. It runs in OpenFlow's order, whatever the
// order of writing: tags off, tags on, TTL, fields, and then one output.
import { fieldByName } from '../../key/fields.js';
import { setField } from '../../key/flow.js';
import { type Action, OFPP } from '../../openflow/ast.js';
import type { Context } from '../context.js';
import { isPlain } from './controller.js';
import { runActions } from './run.js';

const actsetOutput = fieldByName('actset_output');

const FIRST: readonly Action['type'][] = ['pop_vlan', 'push_vlan', 'dec_ttl'];
const FIELD_WRITES: readonly Action['type'][] = ['load', 'set_field', 'move', 'mod', 'set_tunnel'];
/** Where the packet goes: the first of these that is there, and of several the last. */
const LAST: readonly Action['type'][] = ['group', 'output', 'resubmit', 'ct'];

export function writeActions(ctx: Context, { actions }: Extract<Action, { type: 'write_actions' }>): void {
  ctx.actionSet = [...ctx.actionSet, ...actions];
  const group = ctx.actionSet.some((action) => action.type === 'group');
  const output = ctx.actionSet.findLast(isOutput);
  if (group) setField(ctx.flow, actsetOutput, OFPP.UNSET);
  else if (output) setField(ctx.flow, actsetOutput, output.type === 'output' ? output.port : OFPP.CONTROLLER);
  ctx.recorder?.actionSetIs(inOrder(ctx.actionSet), ctx.depth);
}

export function clearActions(ctx: Context): void {
  ctx.recorder?.actionSetIs(inOrder(ctx.actionSet), ctx.depth, 'was');
  ctx.actionSet = [];
  setField(ctx.flow, actsetOutput, OFPP.UNSET);
}

export function runActionSet(ctx: Context): void {
  const set = ctx.actionSet;
  if (set.length === 0) return;
  ctx.actionSet = [];
  const list = inOrder(set);
  if (list.length === 0) return;
  ctx.recorder?.actionSet(list, ctx.depth);
  ctx.depth++;
  const { last } = ctx;
  ctx.last = true;
  ctx.inActionSet = true;
  runActions(ctx, list);
  ctx.inActionSet = false;
  ctx.last = last;
  ctx.depth--;
}

/** A list of actions as an action set: in its order, each once. One that sends the packet nowhere does nothing. */
export function inOrder(set: readonly Action[]): Action[] {
  const last = (type: Action['type']): Action | undefined =>
    set.findLast((action) => (type === 'output' ? isOutput(action) : action.type === type));
  const end = LAST.map(last).find((action) => action !== undefined);
  if (!end) return [];
  const first = FIRST.map(last).filter((action) => action !== undefined);
  return [...first, ...set.filter((action) => FIELD_WRITES.includes(action.type)), end];
}

/** CONTROLLER is a port as any other. */
function isOutput(action: Action): action is Extract<Action, { type: 'output' | 'controller' }> {
  return action.type === 'output' || (action.type === 'controller' && isPlain(action));
}
