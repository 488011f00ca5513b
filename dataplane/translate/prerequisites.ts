// Whether the packet has a field at all (ovs-fields(7), "Prerequisites"), looking at what tells so. From: the actions
// that read or write fields; a write to a field that the packet does not have is ignored.
import type { Prerequisite } from '../key/fields.js';
import type { Flow } from '../key/flow.js';
import { AT, ETH, FRAG_LATER, IPPROTO, isArp, isIp, u16, VLAN_CFI } from './bytes.js';

const ND_SOLICIT = 135;
const ND_ADVERT = 136;

/** dl_type and nw_frag are looked at in every packet; the rest is looked at here. */
export function meets(prerequisite: Prerequisite, flow: Flow, mask: Flow): boolean {
  const type = u16(flow, AT.dl_type);
  switch (prerequisite) {
    case 'none':
    case 'ethernet':
    case 'tunnel':
      return true;
    case 'arp':
      return isArp(flow);
    case 'ipv4':
      return type === ETH.IP;
    case 'ipv6':
      return type === ETH.IPV6;
    case 'ip':
      return isIp(flow);
    case 'vlan':
      mask[AT.vlan_tci] |= VLAN_CFI >> 8;
      return (flow[AT.vlan_tci] & (VLAN_CFI >> 8)) !== 0;
    case 'tcp':
      return hasPorts(flow, mask, IPPROTO.TCP);
    case 'udp':
      return hasPorts(flow, mask, IPPROTO.UDP);
    case 'sctp':
      return hasPorts(flow, mask, IPPROTO.SCTP);
    case 'icmp':
      return type === ETH.IP && isProtocol(flow, mask, IPPROTO.ICMP);
    case 'icmpv6':
      return type === ETH.IPV6 && isProtocol(flow, mask, IPPROTO.ICMPV6);
    case 'nd':
      return isNd(flow, mask, ND_SOLICIT) || isNd(flow, mask, ND_ADVERT);
    case 'nd_sll':
      return isNd(flow, mask, ND_SOLICIT);
    case 'nd_tll':
      return isNd(flow, mask, ND_ADVERT);
    case 'ct':
      mask.fill(0xff, AT.ct_state, AT.ct_state + 4);
      return flow[AT.ct_state + 3] !== 0;
  }
}

/** Of ICMP a later fragment will do, as in OVS (is_icmpv4() in lib/flow.h): its type and code read as 0. */
function isProtocol(flow: Flow, mask: Flow, protocol: number): boolean {
  if (!isIp(flow)) return false;
  mask[AT.nw_proto] = 0xff;
  return flow[AT.nw_proto] === protocol;
}

/** The packet has the header of that transport, and not just a later fragment's share of it. */
function hasPorts(flow: Flow, mask: Flow, protocol: number): boolean {
  return isProtocol(flow, mask, protocol) && (flow[AT.nw_frag] & FRAG_LATER) === 0;
}

function isNd(flow: Flow, mask: Flow, type: number): boolean {
  if (u16(flow, AT.dl_type) !== ETH.IPV6 || !hasPorts(flow, mask, IPPROTO.ICMPV6)) return false;
  mask[AT.icmp_type] = 0xff;
  mask[AT.icmp_code] = 0xff;
  return flow[AT.icmp_type] === type && flow[AT.icmp_code] === 0;
}
