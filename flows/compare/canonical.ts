// One spelling for actions that do the same: every load, mod_* and set_field with one run of bits becomes a `load`. For
// diff.ts; printing is the language's own.
import { type Action, type FlowSpec, printFlow } from '../../dataplane/openflow/index.js';
import { ones } from '../../dataplane/key/flow.js';

export function canonicalActions(actions: readonly Action[]): Action[] {
  return actions.map(canonicalAction);
}

function canonicalAction(action: Action): Action {
  switch (action.type) {
    case 'mod':
      return { type: 'load', value: action.value, dst: { field: action.field, start: 0, count: action.field.bits } };
    case 'set_field':
      return setField(action);
    case 'ct':
      return { ...action, exec: canonicalActions(action.exec) };
    case 'clone':
    case 'write_actions':
      return { ...action, actions: canonicalActions(action.actions) };
    default:
      return action;
  }
}

/** A mask of one run of bits is a part of the field. */
function setField(action: Extract<Action, { type: 'set_field' }>): Action {
  const { field, value, mask = ones(field.bits) } = action;
  if (mask === 0n) return action;
  let start = 0;
  while (((mask >> BigInt(start)) & 1n) === 0n) start++;
  let count = 0;
  while (((mask >> BigInt(start + count)) & 1n) === 1n) count++;
  if (mask !== ones(count) << BigInt(start)) return action;
  return { type: 'load', value: (value & mask) >> BigInt(start), dst: { field, start, count } };
}

/** The flow's place in its table, and all of it, without the cookie. */
export function canonicalText(flow: FlowSpec): { key: string; text: string } {
  const plain: FlowSpec = { ...flow, cookie: 0n };
  return {
    key: printFlow({ ...plain, actions: [], flags: [], idleTimeout: 0, hardTimeout: 0, importance: 0 }),
    text: printFlow(plain),
  };
}
