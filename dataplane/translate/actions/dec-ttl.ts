// dec_ttl: one hop less. A packet whose TTL would reach zero is done with this table; OVS would also tell controllers
// that ask for it (OFPC_INVALID_TTL_TO_CONTROLLER), which none does here.
import { AT, ETH, isIp, u16 } from '../bytes.js';
import type { Context } from '../context.js';
import type { Outcome } from './run.js';

export function decTtl(ctx: Context): Outcome {
  const { flow, mask } = ctx;
  if (!isIp(flow)) return;
  mask[AT.nw_ttl] = 0xff;
  mask[AT.nw_proto] = 0xff;
  if (flow[AT.nw_ttl] > 1) {
    flow[AT.nw_ttl]--;
    return;
  }
  ctx.dropping('ttl');
  ctx.warn(`IPv${u16(flow, AT.dl_type) === ETH.IP ? 4 : 6} decrement TTL exception`);
  return 'stop';
}
