// Refuses, when a flow is loaded, what the switch cannot do, so that no packet finds out. From: tables.ts.
import { UnsupportedError } from '../errors.js';
import type { Action } from '../openflow/ast.js';

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
