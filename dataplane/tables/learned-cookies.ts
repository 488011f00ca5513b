// Which flows have learn(delete_learned): when the last one that names a table and a cookie goes, the flows that were
// learned with them go, too. Kept by tables.ts.
import type { Action, LearnAction } from '../openflow/ast.js';
import type { FlowEntry } from './flow-entry.js';

export interface LearnedWith {
  table: number;
  cookie: bigint;
}

export class LearnedCookies {
  /** Learning actions by table and cookie. */
  readonly #learning = new Map<string, number>();

  /** Notes a change of flows, and returns whose learned flows have nobody left. */
  change(added: readonly FlowEntry[], removed: readonly FlowEntry[]): LearnedWith[] {
    for (const action of learning(added)) this.#learning.set(key(action), (this.#learning.get(key(action)) ?? 0) + 1);
    const orphaned: LearnedWith[] = [];
    for (const action of learning(removed)) {
      const left = (this.#learning.get(key(action)) ?? 0) - 1;
      if (left > 0) this.#learning.set(key(action), left);
      else {
        this.#learning.delete(key(action));
        orphaned.push({ table: action.table, cookie: action.cookie });
      }
    }
    return orphaned;
  }
}

function key({ table, cookie }: LearnAction): string {
  return `${table}/${cookie}`;
}

function learning(entries: readonly FlowEntry[]): LearnAction[] {
  const of = (actions: readonly Action[]): LearnAction[] =>
    actions.flatMap((action) => {
      if (action.type === 'clone') return of(action.actions);
      return action.type === 'learn' && action.deleteLearned ? [action] : [];
    });
  return entries.flatMap((entry) => of(entry.actions));
}
