// A lookup reads the flow in four stages: what the switch knows about the packet, Ethernet, IP, ports. A subtable that
// has nothing for the first stages is left without looking at the later ones, so that ports, which differ from packet
// to packet, stay wildcarded in most megaflows. Used by subtable.ts. The stages are OVS's, so that masks come out
// alike.
import { KEY_FIELDS, type FieldName } from '../datapath/key-fields.js';
import { FLOW_SIZE } from '../key/fields.js';

export const STAGES = 4;

const STAGE_OF: Partial<Record<FieldName, number>> = {
  ct_nw_src: 2,
  ct_nw_dst: 2,
  ct_ipv6_src: 2,
  ct_ipv6_dst: 2,
  ct_tp_src: 3,
  ct_tp_dst: 3,
  dl_dst: 1,
  dl_src: 1,
  dl_type: 1,
  vlan_tci: 1,
  vlan_tpid: 1,
  vlan2_tci: 1,
  vlan2_tpid: 1,
  nw_proto: 2,
  nw_tos: 2,
  nw_ttl: 2,
  nw_frag: 2,
  arp_op: 2,
  nw_src: 2,
  nw_dst: 2,
  ipv6_label: 2,
  ipv6_src: 2,
  ipv6_dst: 2,
  nd_target: 3,
  arp_sha: 3,
  arp_tha: 3,
  tcp_flags: 3,
  icmp_type: 3,
  icmp_code: 3,
  tp_src: 3,
  tp_dst: 3,
};

/** Stage of each byte of a Flow. */
export const stageOfByte = new Uint8Array(FLOW_SIZE);
for (const [name, stage] of Object.entries(STAGE_OF)) {
  const [offset, size] = KEY_FIELDS[name as FieldName];
  stageOfByte.fill(stage, offset, offset + size);
}
