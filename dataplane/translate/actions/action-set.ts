// The action set: what write_actions collects for the end of the pipeline. It runs in OpenFlow's order, whatever the
// order of writing: tags off, tags on, TTL, fields, and then one output.
import { fieldByName } from '../../key/fields.js';
import { setField } from '../../key/flow.js';
import { type Action, OFPP } from '../../openflow/ast.js';
import type { Context } from '../context.js';
import { runActions } from './run.js';

const actsetOutput = fieldByName('actset_output');

const FIRST: readonly Action['type'][] = ['pop_vlan', 'push_vlan', 'dec_ttl'];
const FIELD_WRITES: readonly Action['type'][] = ['load', 'set_field', 'move', 'mod', 'set_tunnel'];
/** The last of these that is there is the one that counts. */
const LAST: readonly Action['type'][] = ['output', 'resubmit', 'ct'];

export function writeActions(ctx: Context, { actions }: Extract<Action, { type: 'write_actions' }>): void {
  ctx.actionSet = [...ctx.actionSet, ...actions];
  const output = ctx.actionSet.findLast((action) => action.type === 'output');
  if (output) setField(ctx.flow, actsetOutput, output.port);
}

export function clearActions(ctx: Context): void {
  ctx.actionSet = [];
  setField(ctx.flow, actsetOutput, OFPP.UNSET);
}

export function runActionSet(ctx: Context): void {
  const set = ctx.actionSet;
  if (set.length === 0) return;
  ctx.actionSet = [];
  const list = [
    ...FIRST.map((type) => set.findLast((action) => action.type === type)),
    ...set.filter((action) => FIELD_WRITES.includes(action.type)),
    LAST.map((type) => set.findLast((action) => action.type === type)).find((action) => action !== undefined),
  ].filter((action) => action !== undefined);
  ctx.recorder?.actionSet(list, ctx.depth);
  ctx.depth++;
  runActions(ctx, list);
  ctx.depth--;
}
