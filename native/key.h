// The flow key: every fact about a packet that a flow can match on. Filled by extract.cc (headers), the ports
// (in_port, tunnel) and conntrack (ct_*); read by the flow cache; handed to TypeScript as plain bytes in upcalls.
// A mask has the same layout: 1-bits are looked at.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "byteorder.h"

namespace pw {

constexpr size_t kKeySize = 512;
constexpr size_t kKeyWords = kKeySize / 8;  // 64: one bit each in a word map

// Members in network byte order; offsets asserted against fields.def below.
struct alignas(8) FlowKey {
  be32 recirc_id, in_port, pkt_mark, dp_hash;
  be32 ct_state, ct_mark;
  uint8_t ct_label[16];
  be16 ct_zone;
  uint8_t ct_nw_proto, key_pad1;
  be16 ct_tp_src, ct_tp_dst;
  be32 ct_nw_src, ct_nw_dst;
  uint8_t ct_ipv6_src[16], ct_ipv6_dst[16];
  uint8_t dl_dst[6], dl_src[6];
  be16 dl_type, vlan_tci, vlan_tpid, vlan2_tci, vlan2_tpid;
  uint8_t nw_proto, nw_tos, nw_ttl, nw_frag;
  be16 arp_op;
  be32 nw_src, nw_dst;
  be16 tcp_flags;
  uint8_t icmp_type, icmp_code;
  be16 tp_src, tp_dst;
  be32 ipv6_label;
  uint8_t ipv6_src[16], ipv6_dst[16];
  uint8_t nd_target[16];
  uint8_t arp_sha[6], arp_tha[6];
  uint8_t key_pad2[4];
  be64 tun_id;
  be32 tun_src, tun_dst;
  uint8_t tun_ipv6_src[16], tun_ipv6_dst[16];
  be16 tun_flags;
  uint8_t tun_tos, tun_ttl;
  be16 tun_tp_src, tun_tp_dst;
  be16 tun_gbp_id;
  uint8_t tun_gbp_flags, key_pad3[5];
  be64 tun_metadata_present;
  uint8_t tun_metadata[240];
};
static_assert(sizeof(FlowKey) == kKeySize);
#define PW_FIELD(name, offset, size)                     \
  static_assert(offsetof(FlowKey, name) == (offset));    \
  static_assert(sizeof(FlowKey::name) == (size));
#include "fields.def"
#undef PW_FIELD

// First byte after the part that a packet without a tunnel can fill; the rest is zeroed only when used.
constexpr size_t kKeyTunnelOffset = offsetof(FlowKey, tun_id);

// ct_state bits, OpenFlow numbering (ovs-fields(7), ct_state).
enum CtStateBits : uint32_t {
  kCtNew = 0x01, kCtEst = 0x02, kCtRel = 0x04, kCtRpl = 0x08,
  kCtInv = 0x10, kCtTrk = 0x20, kCtSnat = 0x40, kCtDnat = 0x80,
};
constexpr uint8_t kFragAny = 1, kFragLater = 2;  // nw_frag
constexpr uint16_t kVlanCfi = 0x1000;            // "a tag is present" in vlan_tci

}  // namespace pw
