// What a frozen pipeline still has to do, as Open vSwitch prints it. To: packet-in/format.ts, trace/recorder.ts.
import type { Action } from '../openflow/ast.js';
import type { FormatOptions } from '../openflow/format-flow.js';
import { printActions } from '../openflow/print-actions.js';
import type { FrozenStep } from './types.js';

/** Whose actions they are stands in front of the first that depends on it. */
export function stepsText(steps: readonly FrozenStep[], options: FormatOptions): string {
  let known = '';
  const parts = steps.flatMap(({ table, cookie = 0xffff_ffff_ffff_ffffn, actions }) =>
    actions
      .filter(({ type }) => type !== 'note' && type !== 'conjunction')
      .flatMap((action) => {
        const owner = `unroll_xlate(table=${table}, cookie=${cookie})`;
        const isNews = dependsOnOwner(action) && owner !== known;
        if (isNews) known = owner;
        return [...(isNews ? [owner] : []), printActions([action], options)];
      }),
  );
  return parts.join(',');
}

const OWNED: readonly Action['type'][] = ['output', 'output_reg', 'group', 'controller', 'dec_ttl'];

function dependsOnOwner(action: Action): boolean {
  return OWNED.includes(action.type) || (action.type === 'resubmit' && action.table === undefined);
}
