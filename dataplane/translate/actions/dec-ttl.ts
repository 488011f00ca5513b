// dec_ttl: one hop less. A packet whose TTL would reach zero is done with this table, and goes to the controllers that
// the action names (those with id 0, when it names none).
import type { Action } from '../../openflow/ast.js';
import { AT, ETH, isIp, u16 } from '../bytes.js';
import type { Context } from '../context.js';
import { invalidTtl } from './controller.js';
import type { Outcome } from './run.js';

export function decTtl(ctx: Context, { ids = [0] }: Extract<Action, { type: 'dec_ttl' }>): Outcome {
  const { flow, mask } = ctx;
  if (!isIp(flow)) return;
  mask[AT.nw_ttl] = 0xff;
  mask[AT.nw_proto] = 0xff;
  if (flow[AT.nw_ttl] > 1) {
    flow[AT.nw_ttl]--;
    return;
  }
  for (const id of ids) invalidTtl(ctx, id);
  ctx.dropping('ttl');
  ctx.warn(`IPv${u16(flow, AT.dl_type) === ETH.IP ? 4 : 6} decrement TTL exception`);
  return 'stop';
}
