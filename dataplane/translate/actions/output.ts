// output in its forms: a port, a port from a field, IN_PORT, and the reserved ports. A packet is not sent out of the
// port that it came from unless IN_PORT says so. Tunnel ports are tunnel.ts's, NORMAL and floods are normal.ts's.
import type { DatapathAction } from '../../datapath/actions.js';
import { type Action, OFPP, type OfPort } from '../../openflow/ast.js';
import { commit } from '../commit.js';
import type { Context } from '../context.js';
import { read } from '../subfields.js';
import { enterTable } from '../walk.js';
import { toControllers } from './controller.js';
import { flood, normal } from './normal.js';
import { setTunnelHeader } from './tunnel.js';

export function output(ctx: Context, { port, maxLen }: Extract<Action, { type: 'output' }>): void {
  outputTo(ctx, port, maxLen);
}

export function outputReg(ctx: Context, { src, maxLen }: Extract<Action, { type: 'output_reg' }>): void {
  const port = Number(read(ctx, src));
  ctx.detail(`output port is ${port}`);
  outputTo(ctx, port > 0xffff ? OFPP.NONE : port, maxLen);
}

export function outputTo(ctx: Context, port: OfPort, maxLen?: number): void {
  switch (port) {
    case OFPP.IN_PORT:
      return sendTo(ctx, ctx.inPort, maxLen);
    case OFPP.TABLE:
      return enterTable(ctx, 0, ctx.inPort);
    case OFPP.NORMAL:
      return normal(ctx);
    case OFPP.FLOOD:
    case OFPP.ALL:
      return flood(ctx);
    case OFPP.CONTROLLER:
      return toControllers(ctx, maxLen);
    case OFPP.NONE:
      return;
    default:
      if (port !== ctx.inPort) return sendTo(ctx, port, maxLen);
      ctx.dropping('same_port');
      ctx.warn('skipping output to input port');
  }
}

/** Sends the packet as it is now out of the port, whichever it is. */
export function sendTo(ctx: Context, no: OfPort, maxLen?: number): void {
  const port = ctx.env.port(no);
  if (!port) {
    ctx.dropping('no_port');
    ctx.warn('Nonexistent output port');
    return;
  }
  let tunnel: Uint8Array | undefined;
  const before = ctx.actions.length;
  if (port.kind === 'geneve') {
    tunnel = setTunnelHeader(ctx, port);
    if (!tunnel) return;
  }
  commit(ctx);
  // It counts for the next output, whatever is written in between.
  if (maxLen !== undefined) ctx.actions.splice(before, 0, { type: 'trunc', size: maxLen });
  ctx.actions.push({ type: 'output', port: no });
  ctx.recorder?.output(no, ctx.flow, tunnel);
}

/** Whether any of it leaves the datapath or comes back into it. Controllers that hear of its end do not count. */
export function sendsPacket(actions: readonly DatapathAction[]): boolean {
  return actions.some(
    (action) =>
      action.type === 'output' ||
      action.type === 'recirc' ||
      (action.type === 'upcall' && action.order?.reason !== 'invalid_ttl') ||
      (action.type === 'clone' && sendsPacket(action.actions)) ||
      (action.type === 'check_pkt_len' && (sendsPacket(action.greater) || sendsPacket(action.lessEqual))),
  );
}
