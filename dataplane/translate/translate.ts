// The slow path: one packet, from one entry point, through all the tables it passes. From: upcalls (the switch) and
// simulate.ts (the trace). To: datapath actions, and the mask of all that they depend on.
//
// A packet enters at table 0, or, when it carries a recirculation id, where the pipeline was frozen.
import { isMeteredCopy } from '../datapath/actions.js';
import { KEY_SIZE } from '../datapath/native.js';
import type { Flow } from '../key/flow.js';
import { scratchCopy } from '../key/scratch.js';
import { runActionSet } from './actions/action-set.js';
import { finishPause, runSteps } from './actions/pause.js';
import { keepLearned } from './actions/learn.js';
import { sendsPacket } from './actions/output.js';
import { AT, FRAG_LATER, isIp, isZero, put32, TUNNEL_END, TUNNEL_START, u16, u32 } from './bytes.js';
import { Context, type TranslateOptions } from './context.js';
import { thaw, thawedFlow } from './freeze.js';
import type { Environment, Translation } from './types.js';
import { startAt } from './walk.js';

export type { TranslateOptions } from './context.js';

const ECN_MASK = 3;
const ECN_CE = 3;
/** OFPP_UNSET: the action set has no output. */
const UNSET = 0xfff7;
const ACTSET_OUTPUT = KEY_SIZE + 76;
const VLAN_CFI_BYTE = 0x10;

/** Runs the packet. `flow` is not changed; its pipeline part counts (a packet-out may set registers). */
export function translatePacket(env: Environment, flow: Flow, options: TranslateOptions = {}): Translation {
  const recircId = u32(flow, AT.recirc_id);
  const state = options.state ?? (recircId === 0 ? undefined : env.recirc.get(recircId));
  const tunnelPort = arrivedFromTunnel(env, flow);
  const arrived = scratchCopy(flow);
  if (!tunnelPort) arrived.fill(0, TUNNEL_START, TUNNEL_END);
  const ctx = new Context(
    env,
    state ? thawedFlow(arrived, state) : arrived,
    arrived.slice(TUNNEL_START, TUNNEL_END),
    options,
  );
  if (!state) put32(ctx.flow, ACTSET_OUTPUT, UNSET);
  lookAtBasics(ctx, tunnelPort);

  if (recircId !== 0 && !state) {
    // The state was forgotten while the packet was on its way.
    ctx.warn(`no frozen state for recirc_id ${recircId}`);
    ctx.dropping('flow');
  } else if (state) {
    thaw(ctx, state);
    if (state.steps) runSteps(ctx, state.steps);
    else startAt(ctx, state.table);
  } else startAt(ctx, 0);
  if (!ctx.error && !ctx.pausing) runActionSet(ctx);
  if (!ctx.error) finishPause(ctx);
  keepLearned(ctx);
  return finish(ctx, tunnelPort);
}

/** Only what came through a tunnel has tunnel fields; what the key says for other packets is not even read. */
function arrivedFromTunnel(env: Environment, flow: Flow): boolean {
  const port = env.port(u32(flow, AT.in_port));
  return port ? port.kind === 'geneve' : !isZero(flow, TUNNEL_START, TUNNEL_END);
}

/** What every megaflow looks at, as OVS has it. */
function lookAtBasics({ flow, mask }: Context, tunnelPort: boolean): void {
  mask.fill(0xff, AT.recirc_id, AT.recirc_id + 4);
  mask.fill(0xff, AT.in_port, AT.in_port + 4);
  mask.fill(0xff, AT.dl_type, AT.dl_type + 2);
  if (isIp(flow)) mask[AT.nw_frag] = 3;
  if (!tunnelPort) return;
  mask.fill(0xff, AT.tun_id, AT.tun_dst + 4);
  if (isZero(flow, AT.tun_dst, AT.tun_dst + 4)) mask.fill(0xff, AT.tun_ipv6_src, AT.tun_ipv6_dst + 16);
  mask[AT.tun_flags + 1] |= 0xe;
  mask[AT.tun_tos] = 0xff;
  if (isIp(flow) && (flow[AT.tun_tos] & ECN_MASK) === ECN_CE) mask[AT.nw_tos] |= ECN_MASK;
}

function finish(ctx: Context, tunnelPort: boolean): Translation {
  const { mask, flow } = ctx;
  if (ctx.error) {
    ctx.actions = [];
    ctx.dropping('resubmit_limit');
  }
  // At the end the packet itself can be used up. A metered copy stays one, as in Open vSwitch.
  const end = ctx.actions.at(-1);
  if (end?.type === 'clone' && !isMeteredCopy(end.actions)) ctx.actions.splice(-1, 1, ...end.actions);
  const sends = sendsPacket(ctx.actions);
  if (!sends) ctx.actions.push({ type: 'drop', reason: ctx.drop.reason });
  // Fields that the pipeline wrote are in the mask although the packet never had them.
  if (!tunnelPort) mask.fill(0, TUNNEL_START, TUNNEL_END);
  for (const tci of [AT.vlan_tci, AT.vlan2_tci]) if (u16(mask, tci) !== 0) mask[tci] |= VLAN_CFI_BYTE;
  // A later fragment has no ports; that it is one is looked at.
  if ((ctx.base[AT.nw_frag] & FRAG_LATER) !== 0) {
    mask.fill(0, AT.icmp_type, AT.tp_dst + 2);
  }
  const translation: Translation = {
    actions: ctx.actions,
    mask,
    finalFlow: flow,
    entries: ctx.entries,
    credited: ctx.credited,
    usedNormal: ctx.usedNormal,
  };
  if (!sends) translation.drop = ctx.drop;
  if (ctx.error) translation.error = ctx.error;
  return translation;
}
