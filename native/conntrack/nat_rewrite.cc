// The rewrite, see nat.h. Bytes and checksums are rewrite.h's business, but for the packet inside an ICMP error.
#include "../checksum.h"
#include "../l4_checksum.h"
#include "../rewrite.h"
#include "icmp.h"
#include "nat.h"

namespace pw {
namespace {

constexpr uint8_t kOnes[16] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                               0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

void set_src(Packet& packet, const Tuple& t) {
  set_field(packet, t.family == kFamily4 ? offsetof(FlowKey, nw_src) : offsetof(FlowKey, ipv6_src), t.src, kOnes);
}
void set_dst(Packet& packet, const Tuple& t) {
  set_field(packet, t.family == kFamily4 ? offsetof(FlowKey, nw_dst) : offsetof(FlowKey, ipv6_dst), t.dst, kOnes);
}
bool has_ports(const Tuple& t) { return t.proto == kIpTcp || t.proto == kIpUdp; }

// Where the inner L4 header keeps its checksum, if the error carries it and there is one; else null.
uint8_t* inner_checksum(const Tuple& t, uint8_t* l4, uint32_t size) {
  const uint32_t at = t.proto == kIpTcp ? kTcpCsum : t.proto == kIpUdp ? kUdpCsum : kIcmpCsum;
  if (!has_ports(t) && !(t.family == kFamily6 && t.is_icmp())) return nullptr;  // ICMPv4 does not cover addresses
  if (size < at + 2) return nullptr;
  return t.proto == kIpUdp && load16(l4 + at) == 0 ? nullptr : l4 + at;
}

// Replaces bytes and mends the checksums that cover them, of which either may be null.
void replace(uint8_t* at, const void* with, size_t size, uint8_t* checksum, uint8_t* other_checksum) {
  for (uint8_t* field : {checksum, other_checksum}) {
    if (!field) continue;
    uint16_t sum;
    memcpy(&sum, field, 2);
    sum = csum_update(sum, at, with, size);
    memcpy(field, &sum, 2);
  }
  memcpy(at, with, size);
}

// The packet inside travelled the other way: it becomes `t`, the error's own tuple reversed.
void translate_inner(Packet& packet, const Tuple& t) {
  uint8_t* icmp = packet.data + packet.l4_offset;
  const uint32_t size = l4_size(packet);
  Inner inner;
  if (!read_inner(icmp + kIcmpSize, size - kIcmpSize, t.family, t.zone, inner)) return;
  uint8_t* l3 = packet.data + (inner.l3 - packet.data);
  uint8_t* l4 = packet.data + (inner.l4 - packet.data);
  uint8_t* l4_csum = inner_checksum(t, l4, inner.l4_size);
  if (t.family == kFamily4) {
    replace(l3 + 12, t.src, 4, l3 + kIpv4Csum, l4_csum);
    replace(l3 + 16, t.dst, 4, l3 + kIpv4Csum, l4_csum);
  } else {
    replace(l3 + 8, t.src, 16, nullptr, l4_csum);
    replace(l3 + 24, t.dst, 16, nullptr, l4_csum);
  }
  if (has_ports(t)) replace(l4, &t.src_port, 4, nullptr, l4_csum);
}

// An ICMP error is small: its checksum is made anew. Not when its field holds the pseudo-header's sum only.
void sum_icmp(Packet& packet, uint8_t family) {
  if (packet.csum_partial) return;
  uint8_t* icmp = packet.data + packet.l4_offset;
  const uint32_t size = l4_size(packet);
  memset(icmp + kIcmpCsum, 0, 2);
  uint64_t sum = csum_add(0, icmp, size);
  if (family == kFamily6) {
    sum = csum_add(sum, packet.data + packet.l3_offset + 8, 32);
    sum += to_be16(kIpIcmpv6).raw;
    sum += to_be32(size).raw;
  }
  const uint16_t csum = csum_finish(sum);
  memcpy(icmp + kIcmpCsum, &csum, 2);
}

}  // namespace

uint32_t translate(Packet& packet, const Connection& c, Direction direction, bool related) {
  const Tuple target = reverse(direction == kOrig ? c.reply : c.orig);
  const bool is_src = (c.nat == kNatSrc) == (direction == kOrig);
  if (is_src) set_src(packet, target);
  else set_dst(packet, target);
  if (related) {
    translate_inner(packet, reverse(target));
    sum_icmp(packet, target.family);
  } else if (has_ports(target)) {
    set_field(packet, offsetof(FlowKey, tp_src), reinterpret_cast<const uint8_t*>(&target.src_port), kOnes);
    set_field(packet, offsetof(FlowKey, tp_dst), reinterpret_cast<const uint8_t*>(&target.dst_port), kOnes);
  }
  return is_src ? kCtSnat : kCtDnat;
}

}  // namespace pw
