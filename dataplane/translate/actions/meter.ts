// meter: the packet goes on unless the meter's rate is exceeded. The datapath counts and decides.
import type { Action } from '../../openflow/ast.js';
import type { Context } from '../context.js';

export function meter(ctx: Context, { id }: Extract<Action, { type: 'meter' }>): void {
  const datapathId = ctx.env.meter(id);
  if (datapathId !== undefined) ctx.actions.push({ type: 'meter', id: datapathId });
}
