// native/fields.def in TypeScript: the runs of bytes of the datapath's key, by name. Compared with the addon's
// `keyLayout` when it is loaded (addon.ts); a difference refuses to load.

export const KEY_FIELDS = {
  recirc_id: [0, 4], in_port: [4, 4], pkt_mark: [8, 4], dp_hash: [12, 4], ct_state: [16, 4], ct_mark: [20, 4],
  ct_label: [24, 16], ct_zone: [40, 2], ct_nw_proto: [42, 1], key_pad1: [43, 1], ct_tp_src: [44, 2], ct_tp_dst: [46, 2],
  ct_nw_src: [48, 4], ct_nw_dst: [52, 4], ct_ipv6_src: [56, 16], ct_ipv6_dst: [72, 16],
  dl_dst: [88, 6], dl_src: [94, 6], dl_type: [100, 2],
  vlan_tci: [102, 2], vlan_tpid: [104, 2], vlan2_tci: [106, 2], vlan2_tpid: [108, 2],
  nw_proto: [110, 1], nw_tos: [111, 1], nw_ttl: [112, 1], nw_frag: [113, 1], arp_op: [114, 2],
  nw_src: [116, 4], nw_dst: [120, 4], tcp_flags: [124, 2], icmp_type: [126, 1], icmp_code: [127, 1],
  tp_src: [128, 2], tp_dst: [130, 2], ipv6_label: [132, 4], ipv6_src: [136, 16], ipv6_dst: [152, 16],
  nd_target: [168, 16], arp_sha: [184, 6], arp_tha: [190, 6], key_pad2: [196, 4],
  tun_id: [200, 8], tun_src: [208, 4], tun_dst: [212, 4], tun_ipv6_src: [216, 16], tun_ipv6_dst: [232, 16],
  tun_flags: [248, 2], tun_tos: [250, 1], tun_ttl: [251, 1], tun_tp_src: [252, 2], tun_tp_dst: [254, 2],
  tun_gbp_id: [256, 2], tun_gbp_flags: [258, 1], key_pad3: [259, 5],
  tun_metadata_present: [264, 8], tun_metadata: [272, 240],
} as const satisfies Record<string, readonly [offset: number, size: number]>;

export type FieldName = keyof typeof KEY_FIELDS;
