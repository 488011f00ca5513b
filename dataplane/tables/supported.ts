// Refuses, when a flow is loaded, what the switch cannot do, so that no packet finds out. From: tables.ts.
import { InputError, UnsupportedError } from '../errors.js';
import type { Action, Match } from '../openflow/ast.js';

/** Of a flow that is to be loaded. Open vSwitch refuses the same (OFPBRC_EPERM): these two are its datapath's own. */
export function checkMatch({ fields }: Match): void {
  for (const { field, value, mask } of fields) {
    if (mask === 0n || !(field.name === 'dp_hash' || (field.name === 'recirc_id' && value !== 0n))) continue;
    throw new InputError(
      'EFIELD',
      `expected fields that flows may match, got ${field.name}, which is the datapath's own`,
    );
  }
}

export function checkSupported(actions: readonly Action[]): void {
  for (const action of actions) {
    switch (action.type) {
      case 'enqueue':
      case 'set_queue':
      case 'pop_queue':
        throw new UnsupportedError(`${action.type} (queues)`);
      case 'ct':
        checkSupported(action.exec);
        break;
      case 'clone':
      case 'write_actions':
        checkSupported(action.actions);
        break;
    }
  }
}
