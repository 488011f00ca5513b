// resubmit and goto_table: on to another table. resubmit returns, and with a port of its own the table is searched as
// if the packet had come in there; with `ct`, as if its addresses were those of the connection's first packet.
import type { Flow } from '../../key/flow.js';
import { type Action, OFPP } from '../../openflow/ast.js';
import { AT, ETH, isIp, u16 } from '../bytes.js';
import type { Context } from '../context.js';
import { enterTable } from '../walk.js';

/** As a table number: the current one. */
const SAME_TABLE = 255;

export function resubmit(ctx: Context, action: Extract<Action, { type: 'resubmit' }>): void {
  const table = action.table ?? SAME_TABLE;
  const inPort = action.port ?? OFPP.IN_PORT;
  const go = (): void => {
    enterTable(ctx, table === SAME_TABLE ? ctx.table : table, inPort === OFPP.IN_PORT ? ctx.inPort : inPort);
  };
  if (action.ct) withOriginalTuple(ctx, go);
  else go();
}

export function gotoTable(ctx: Context, { table }: Extract<Action, { type: 'goto_table' }>): void {
  enterTable(ctx, table, ctx.inPort);
}

function withOriginalTuple(ctx: Context, go: () => void): void {
  const { flow, mask } = ctx;
  mask[AT.ct_nw_proto] = 0xff;
  if (flow[AT.ct_nw_proto] === 0 || !isIp(flow)) return ctx.report('resubmit(ct) with non-tracked or non-IP packet!');
  swapTuples(flow);
  swapTuples(mask, flow);
  go();
  swapTuples(flow);
  swapTuples(mask, flow);
}

/** [field of the packet, field of the connection's first packet, size]. */
const PAIRS_IPV4 = [
  [AT.nw_src, AT.ct_nw_src, 4],
  [AT.nw_dst, AT.ct_nw_dst, 4],
] as const;
const PAIRS_IPV6 = [
  [AT.ipv6_src, AT.ct_ipv6_src, 16],
  [AT.ipv6_dst, AT.ct_ipv6_dst, 16],
] as const;
const PAIRS = [
  [AT.nw_proto, AT.ct_nw_proto, 1],
  [AT.tp_src, AT.ct_tp_src, 2],
  [AT.tp_dst, AT.ct_tp_dst, 2],
] as const;

/** The mask is swapped with the flow, so that what is looked at in between is put to the account of the right field. */
function swapTuples(bytes: Uint8Array, flow: Flow = bytes): void {
  for (const [own, original, size] of [...(u16(flow, AT.dl_type) === ETH.IP ? PAIRS_IPV4 : PAIRS_IPV6), ...PAIRS]) {
    const saved = bytes.slice(own, own + size);
    bytes.copyWithin(own, original, original + size);
    bytes.set(saved, original);
  }
}
