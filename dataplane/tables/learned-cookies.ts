// Which flows have learn(delete_learned): when the last one that names a table and a cookie goes, the flows that were
// learned with them go, too. Kept by tables.ts.
import type { Action, LearnAction } from '../openflow/ast.js';
import type { FlowEntry } from './flow-entry.js';

export interface LearnedWith {
  table: number;
  cookie: bigint;
}

interface Change {
  added: readonly FlowEntry[];
  removed: readonly FlowEntry[];
}

export class LearnedCookies {
  /** Learning actions by table and cookie. */
  readonly #learning = new Map<string, number>();

  /** Notes a change that was made. */
  change(change: Change): void {
    for (const [key, { by }] of differences(change)) {
      const left = (this.#learning.get(key) ?? 0) + by;
      if (left > 0) this.#learning.set(key, left);
      else this.#learning.delete(key);
    }
  }

  /** Whose learned flows have nobody left after this change. */
  orphans(change: Change): LearnedWith[] {
    return [...differences(change)].flatMap(
      ([
        key,
        {
          by,
          action: { table, cookie },
        },
      ]) => (by < 0 && (this.#learning.get(key) ?? 0) + by <= 0 ? [{ table, cookie }] : []),
    );
  }
}

/** How many more, or less, learning actions there are by table and cookie. */
function differences({ added, removed }: Change): Map<string, { by: number; action: LearnAction }> {
  const found = new Map<string, { by: number; action: LearnAction }>();
  const count = (entries: readonly FlowEntry[], by: number): void => {
    for (const action of learning(entries)) {
      const key = `${action.table}/${action.cookie}`;
      found.set(key, { by: (found.get(key)?.by ?? 0) + by, action });
    }
  };
  count(added, 1);
  count(removed, -1);
  return found;
}

function learning(entries: readonly FlowEntry[]): LearnAction[] {
  const of = (actions: readonly Action[]): LearnAction[] =>
    actions.flatMap((action) => {
      if (action.type === 'clone') return of(action.actions);
      return action.type === 'learn' && action.deleteLearned ? [action] : [];
    });
  return entries.flatMap((entry) => of(entry.actions));
}
