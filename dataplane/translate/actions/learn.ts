// learn(): makes a flow from the packet, or refreshes the one that it made before. And fin_timeout, which learned flows
// may have: their time is shorter once the connection ends. Both are side effects: a trace leaves them out unless it is
// told to do what a packet would.
//
// Packets that go by without being translated refresh the learned flow, too: their megaflow credits it (Credited).
import type { Flow } from '../../key/flow.js';
import { getBits, newFlow } from '../../key/flow.js';
import { fieldByName } from '../../key/fields.js';
import { type Action, type FlowSpec, type LearnAction, type LearnSource, OFPP } from '../../openflow/ast.js';
import { type Masked, setSubfieldMatch, toFields } from '../../openflow/normalize.js';
import type { TlvMap } from '../../openflow/index.js';
import { AT } from '../bytes.js';
import type { Context } from '../context.js';
import { read, write } from '../subfields.js';

const inPort = fieldByName('in_port');
const FIN_OR_RST = 0x05;
const LEARNABLE: readonly number[] = [OFPP.IN_PORT, OFPP.FLOOD, OFPP.ALL, OFPP.LOCAL];

export function learn(ctx: Context, action: LearnAction): void {
  for (const { src } of action.specs) if (typeof src !== 'bigint') read(ctx, src);
  if (ctx.options.learn === false) return ctx.warn('suppressing side effects, so learn action ignored');
  const flow = learnedFlow(ctx.flow, action, ctx.env.tunMetadata);
  ctx.recorder?.learned(flow, ctx.depth);
  const { limit } = action;
  const learns = ctx.env.mayLearn(
    flow,
    limit,
    ctx.learned.map((learned) => learned.flow),
  );
  if (action.resultDst) {
    write(ctx, action.resultDst, learns ? 1n : 0n);
    ctx.recorder?.subfield(action.resultDst, ctx.flow, ctx.depth);
  }
  if (learns) ctx.learned.push({ flow, limit });
  else ctx.detail('Limit exceeded, learn failed');
}

/** Puts what a packet has taught into the tables, when its way through them is over. */
export function keepLearned(ctx: Context): void {
  for (const { flow, limit } of ctx.learned) {
    const learned = ctx.env.learn(flow, limit);
    if (learned) ctx.credited.push(learned);
  }
}

/** The flow that a packet teaches. */
function learnedFlow(packet: Flow, learn: LearnAction, tlvMap: TlvMap): FlowSpec {
  const valueOf = (src: LearnSource): bigint =>
    typeof src === 'bigint' ? src : getBits(packet, src.field, src.start, src.count);
  const masked: Masked = { value: newFlow(), mask: newFlow() };
  const actions: Action[] = [];
  const { finIdleTimeout: idleTimeout, finHardTimeout: hardTimeout } = learn;
  if (idleTimeout !== 0 || hardTimeout !== 0) actions.push({ type: 'fin_timeout', idleTimeout, hardTimeout });
  for (const spec of learn.specs) {
    const value = valueOf(spec.src);
    if (spec.type === 'load') actions.push({ type: 'load', value, dst: spec.dst });
    else if (spec.type === 'output') {
      const port = Number(value);
      if (port < OFPP.MAX || LEARNABLE.includes(port)) actions.push({ type: 'output', port });
    } else {
      // The 16 bits that OpenFlow 1.0 has for a port are all of the port.
      const short = spec.dst.field.name === 'in_port_of10';
      setSubfieldMatch(masked, short ? { field: inPort, start: 0, count: inPort.bits } : spec.dst, value);
    }
  }
  return {
    table: learn.table,
    priority: learn.priority,
    cookie: learn.cookie,
    match: { fields: toFields(masked, tlvMap) },
    actions,
    ...(learn.idleTimeout === 0 ? {} : { idleTimeout: learn.idleTimeout }),
    ...(learn.hardTimeout === 0 ? {} : { hardTimeout: learn.hardTimeout }),
    flags: learn.sendFlowRem ? ['send_flow_rem'] : [],
  };
}

export function finTimeout(ctx: Context, action: Extract<Action, { type: 'fin_timeout' }>): void {
  ctx.mask[AT.nw_proto] = 0xff;
  const { entry } = ctx;
  if (!entry || ctx.options.learn === false) return;
  ctx.credited.push({
    credit: (_packets, _bytes, _nowMs, tcpFlags) => {
      if ((tcpFlags & FIN_OR_RST) !== 0) entry.shorten(action.idleTimeout, action.hardTimeout);
    },
  });
}
