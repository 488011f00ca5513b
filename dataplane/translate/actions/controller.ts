// controller(): the packet goes to TypeScript, as an upcall whose cookie says why and for whom.
import type { Action } from '../../openflow/ast.js';
import { commit } from '../commit.js';
import type { Context } from '../context.js';

/** OFPR_*, as OpenFlow numbers them. */
const REASONS: Record<string, number> = {
  no_match: 0,
  action: 1,
  invalid_ttl: 2,
  action_set: 3,
  group: 4,
  packet_out: 5,
};

/** Controller id in the low 16 bits, reason above. */
export function upcallCookie(reason: string, id: number): number {
  return ((REASONS[reason] ?? REASONS.action) << 16) | (id & 0xffff);
}

export function controller(ctx: Context, { reason = 'action', id = 0 }: Extract<Action, { type: 'controller' }>): void {
  commit(ctx);
  ctx.actions.push({ type: 'upcall', cookie: upcallCookie(reason, id) });
}
