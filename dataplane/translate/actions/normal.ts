// NORMAL: what a plain Ethernet switch does, with the address table of env.mac: learn where the source is, send to
// where the destination was last seen, and everywhere else when that is not known. And FLOOD and ALL, which only flood.
import { OFPP, type OfPort } from '../../openflow/ast.js';
import { AT, ETH, mac, u16, VLAN_CFI, VLAN_VID_MASK } from '../bytes.js';
import type { Context } from '../context.js';
import { sendTo } from './output.js';

const ARP_REQUEST = 1;
const TAGS_END = AT.vlan2_tpid + 2;
/** 01:80:c2:00:00:00 to ..0f: spanning tree and its kin, which a switch does not pass on (IEEE 802.1D). */
const RESERVED_MULTICAST = 0x0180c2000000n;

export function normal(ctx: Context): void {
  const { flow, mask, env, inPort } = ctx;
  ctx.usedNormal = true;
  mask.fill(0xff, AT.dl_dst, AT.dl_src + 6);
  mask[AT.vlan_tci] |= (VLAN_CFI | VLAN_VID_MASK) >> 8;
  mask[AT.vlan_tci + 1] = 0xff;
  // A packet-out comes from no port: it is forwarded, and teaches nothing.
  const fromNowhere = inPort === OFPP.CONTROLLER || inPort === OFPP.NONE;
  if (!fromNowhere && !env.port(inPort)) {
    ctx.dropping('flow');
    ctx.warn('no input bundle, dropping');
    return;
  }
  const destination = mac(flow, AT.dl_dst);
  if (destination >> 4n === RESERVED_MULTICAST >> 4n) {
    ctx.dropping('flow');
    ctx.detail('packet has reserved destination MAC, dropping');
    return;
  }
  lookAtGratuitous(ctx);
  const vlan = u16(flow, AT.vlan_tci) & VLAN_VID_MASK;
  if (ctx.options.learn !== false && !fromNowhere) env.mac.learn(vlan, mac(flow, AT.dl_src), inPort);
  const port = env.mac.lookup(vlan, destination);
  if (port === undefined) {
    ctx.detail('no learned MAC for destination, flooding');
    withoutEmptyTags(ctx, () => flood(ctx));
  } else if (port === inPort) {
    ctx.dropping('same_port');
    ctx.detail('learned port is input port, dropping');
  } else if (!env.port(port)) {
    ctx.dropping('no_port');
    ctx.detail('learned port is unknown, dropping');
  } else {
    ctx.detail('forwarding to learned port');
    withoutEmptyTags(ctx, () => sendTo(ctx, port));
  }
}

/** A tag that says nothing (VLAN 0, priority 0) does not leave by NORMAL, nor do those within it: OVS's ports have
 *  priority-tags=no. The packet in the pipeline keeps it. */
function withoutEmptyTags(ctx: Context, send: () => void): void {
  const { flow, mask } = ctx;
  const tags = flow.slice(AT.vlan_tci, TAGS_END);
  for (const at of [AT.vlan_tci, AT.vlan2_tci]) {
    mask[at] |= VLAN_CFI >> 8;
    const tci = u16(flow, at);
    if ((tci & VLAN_CFI) === 0) break;
    if (at === AT.vlan2_tci || (tci & VLAN_VID_MASK) === 0) mask.fill(0xff, at, at + 2);
    if (tci !== VLAN_CFI) continue;
    flow.fill(0, at, TAGS_END);
    break;
  }
  send();
  flow.set(tags, AT.vlan_tci);
}

/** Every port but the one that the packet came from. */
export function flood(ctx: Context): void {
  const ports: OfPort[] = [];
  for (const { no } of ctx.env.ports()) if (no !== ctx.inPort) ports.push(no);
  ports.sort((a, b) => a - b);
  for (const no of ports) sendTo(ctx, no);
}

/** OVS looks at what makes an ARP gratuitous before it learns from it, and its masks show that. */
function lookAtGratuitous({ flow, mask }: Context): void {
  if (u16(flow, AT.dl_type) !== ETH.ARP) return;
  if (mac(flow, AT.dl_dst) !== 0xffff_ffff_ffffn) return;
  mask.fill(0xff, AT.arp_op, AT.arp_op + 2);
  if (u16(flow, AT.arp_op) === ARP_REQUEST) mask.fill(0xff, AT.nw_src, AT.nw_dst + 4);
}
