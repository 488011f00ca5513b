// push_vlan and pop_vlan (strip_vlan).
import type { Action } from '../../openflow/ast.js';
import { AT, put16, u16, VLAN_CFI } from '../bytes.js';
import type { Context } from '../context.js';
import { isTagged, lookAtLostTag } from '../subfields.js';

const TAG_SIZE = 4;

/** A third tag pushes the second out of sight. */
export function pushVlan(ctx: Context, { ethertype }: Extract<Action, { type: 'push_vlan' }>): void {
  const { flow } = ctx;
  if (isTagged(flow)) lookAtTags(ctx);
  else {
    flow.fill(0, AT.vlan_tci, AT.vlan2_tpid + 2);
    // That there is none: a tag that is there moves, and where two are the second is lost.
    ctx.mask[AT.vlan_tci] |= VLAN_CFI >> 8;
    lookAtLostTag(ctx);
  }
  flow.copyWithin(AT.vlan2_tci, AT.vlan_tci, AT.vlan_tci + TAG_SIZE);
  put16(flow, AT.vlan_tci, VLAN_CFI);
  put16(flow, AT.vlan_tpid, ethertype);
}

export function popVlan(ctx: Context): void {
  const { flow, mask } = ctx;
  mask[AT.vlan_tci] |= VLAN_CFI >> 8;
  if (!isTagged(flow)) return;
  mask[AT.vlan2_tci] |= VLAN_CFI >> 8;
  if ((u16(flow, AT.vlan2_tci) & VLAN_CFI) === 0) flow.fill(0, AT.vlan_tci, AT.vlan_tci + TAG_SIZE);
  else {
    lookAtTags(ctx);
    flow.copyWithin(AT.vlan_tci, AT.vlan2_tci, AT.vlan2_tci + TAG_SIZE);
  }
  flow.fill(0, AT.vlan2_tci, AT.vlan2_tci + TAG_SIZE);
}

/** Tags that move are looked at whole: what is read later in their new place was in another one when it arrived. */
function lookAtTags({ mask }: Context): void {
  mask.fill(0xff, AT.vlan_tci, AT.vlan2_tpid + 2);
}
