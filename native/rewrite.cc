// Header rewrites, see rewrite.h. Each function changes one field, in the frame and in the key; l4_checksum.h knows
// which checksum depends on it.
#include "rewrite.h"

#include "checksum.h"
#include "extract.h"
#include "l4_checksum.h"
#include "protocols.h"

namespace pw {
namespace {

constexpr uint32_t kMaxField = 16;

// The field's new bytes; false when nothing changes.
struct Change {
  uint8_t bytes[kMaxField];
  Change(const void* old, const uint8_t* value, const uint8_t* mask, size_t size) {
    const auto* o = static_cast<const uint8_t*>(old);
    for (size_t i = 0; i < size; i++) bytes[i] = static_cast<uint8_t>((o[i] & ~mask[i]) | (value[i] & mask[i]));
    differs = memcmp(bytes, o, size) != 0;
  }
  bool differs;
};

bool is_ipv4(const FlowKey& key) { return key.dl_type == to_be16(kEthIpv4); }
bool is_ipv6(const FlowKey& key) { return key.dl_type == to_be16(kEthIpv6); }
bool is_arp(const FlowKey& key) { return key.dl_type == to_be16(kEthArp) || key.dl_type == to_be16(kEthRarp); }

// Bytes of the IPv4 header, its checksum mended. `at` and `size` are even.
void write_ipv4(Packet& packet, uint32_t at, const void* bytes, size_t size) {
  uint8_t* ip = packet.data + packet.l3_offset;
  uint16_t csum;
  memcpy(&csum, ip + kIpv4Csum, 2);
  csum = csum_update(csum, ip + at, bytes, size);
  memcpy(ip + kIpv4Csum, &csum, 2);
  memcpy(ip + at, bytes, size);
}

// One byte of the IPv4 header: the checksum is over 16-bit words.
void write_ipv4_byte(Packet& packet, uint32_t at, uint8_t value) {
  uint8_t word[2];
  const uint32_t even = at & ~1u;
  memcpy(word, packet.data + packet.l3_offset + even, 2);
  word[at & 1] = value;
  write_ipv4(packet, even, word, 2);
}

// Bytes of the L4 header; `at` (from its start) and `size` are even.
void write_l4(Packet& packet, uint32_t at, const void* bytes, size_t size) {
  uint8_t* l4 = packet.data + packet.l4_offset;
  if (packet.key.nw_proto == kIpSctp) {
    const uint32_t before = sctp_crc(packet);
    memcpy(l4 + at, bytes, size);
    mend_sctp_crc(packet, before);
    return;
  }
  mend_l4_checksum(packet, l4 + at, bytes, size);
  memcpy(l4 + at, bytes, size);
}

void set_mac(Packet& packet, uint8_t* field, uint32_t at, const uint8_t* value, const uint8_t* mask) {
  const Change c(field, value, mask, 6);
  if (packet.size < kEthHeaderSize || !c.differs) return;
  memcpy(field, c.bytes, 6);
  memcpy(packet.data + at, c.bytes, 6);
}

void set_vlan_tci(Packet& packet, const uint8_t* value, const uint8_t* mask) {
  FlowKey& key = packet.key;
  if ((key.vlan_tci.get() & kVlanCfi) == 0) return;
  const Change c(&key.vlan_tci, value, mask, 2);
  const auto tci = static_cast<uint16_t>(load16(c.bytes) | kVlanCfi);
  // In the key CFI says that a tag is present; in the frame the bit is the sender's.
  const auto in_frame = static_cast<uint16_t>((tci & ~kVlanCfi) | (load16(packet.data + 14) & kVlanCfi));
  key.vlan_tci.set(tci);
  store16(packet.data + 14, in_frame);
}

// With another tuple it may be of another connection: a ct action in the same zone looks again, as OVS's does
// (pkt_metadata_init_conn() in lib/packets.c).
void forget_connection(Packet& packet) { packet.ct = {}; }

void set_ipv4_address(Packet& packet, be32& field, uint32_t at, const uint8_t* value, const uint8_t* mask) {
  const Change c(&field, value, mask, 4);
  if (!c.differs) return;
  if (packet.l4_offset != kNoOffset) mend_pseudo_header(packet, &field, c.bytes, 4);
  write_ipv4(packet, at, c.bytes, 4);
  memcpy(&field, c.bytes, 4);
  forget_connection(packet);
}

void set_arp_bytes(Packet& packet, void* field, uint32_t at, const uint8_t* value, const uint8_t* mask, size_t size) {
  const Change c(field, value, mask, size);
  memcpy(field, c.bytes, size);
  memcpy(packet.data + packet.l3_offset + at, c.bytes, size);
}

void set_nw_address(Packet& packet, be32& field, uint32_t ipv4_at, uint32_t arp_at, const uint8_t* value,
                    const uint8_t* mask) {
  if (is_ipv4(packet.key)) set_ipv4_address(packet, field, ipv4_at, value, mask);
  else if (is_arp(packet.key)) set_arp_bytes(packet, &field, arp_at, value, mask, 4);
}

void set_ipv6_address(Packet& packet, uint8_t* field, uint32_t at, const uint8_t* value, const uint8_t* mask) {
  const Change c(field, value, mask, 16);
  if (!is_ipv6(packet.key) || !c.differs) return;
  // With a routing header still to be worked off, the checksum is made with the last address, not this one (RFC 8200
  // section 8.1).
  const bool in_checksum = field == packet.key.ipv6_src || !routing_segments_left(packet);
  if (packet.l4_offset != kNoOffset && in_checksum) mend_pseudo_header(packet, field, c.bytes, 16);
  memcpy(packet.data + packet.l3_offset + at, c.bytes, 16);
  memcpy(field, c.bytes, 16);
  forget_connection(packet);
}

void set_ipv6_label(Packet& packet, const uint8_t* value, const uint8_t* mask) {
  if (!is_ipv6(packet.key)) return;
  const Change c(&packet.key.ipv6_label, value, mask, 4);
  const uint32_t label = load32(c.bytes) & 0xfffff;
  uint8_t* ip = packet.data + packet.l3_offset;
  store32(ip, (load32(ip) & 0xfff00000) | label);
  packet.key.ipv6_label.set(label);
}

void set_nw_tos(Packet& packet, const uint8_t* value, const uint8_t* mask) {
  const Change c(&packet.key.nw_tos, value, mask, 1);
  if (!c.differs) return;
  if (is_ipv4(packet.key)) {
    write_ipv4_byte(packet, 1, c.bytes[0]);
  } else if (is_ipv6(packet.key)) {
    uint8_t* ip = packet.data + packet.l3_offset;
    store32(ip, (load32(ip) & 0xf00fffff) | static_cast<uint32_t>(c.bytes[0]) << 20);
  } else {
    return;
  }
  packet.key.nw_tos = c.bytes[0];
}

void set_nw_ttl(Packet& packet, const uint8_t* value, const uint8_t* mask) {
  const Change c(&packet.key.nw_ttl, value, mask, 1);
  if (!c.differs) return;
  if (is_ipv4(packet.key)) write_ipv4_byte(packet, 8, c.bytes[0]);
  else if (is_ipv6(packet.key)) packet.data[packet.l3_offset + 7] = c.bytes[0];
  else return;
  packet.key.nw_ttl = c.bytes[0];
}

bool has_ports(const Packet& packet) {
  if (packet.l4_offset == kNoOffset) return false;
  switch (packet.key.nw_proto) {
    case kIpTcp: {
      const uint32_t header = (packet.data[packet.l4_offset + 12] >> 4) * 4u;
      return header >= kTcpSize && header <= l4_size(packet);
    }
    case kIpUdp: return true;
    case kIpSctp: return l4_size(packet) >= kSctpSize;
    default: return false;
  }
}
bool has_icmp(const Packet& packet) {
  const uint8_t proto = packet.key.nw_proto;
  return packet.l4_offset != kNoOffset && (proto == kIpIcmp || proto == kIpIcmpv6);
}
bool is_nd(const Packet& packet) {
  const FlowKey& key = packet.key;
  return is_ipv6(key) && key.nw_proto == kIpIcmpv6 && has_icmp(packet) && key.icmp_code == 0 &&
         (key.icmp_type == kNdSolicit || key.icmp_type == kNdAdvert);
}

void set_tp(Packet& packet, be16& field, uint32_t at, const uint8_t* value, const uint8_t* mask) {
  const Change c(&field, value, mask, 2);
  if (!has_ports(packet) || !c.differs) return;
  write_l4(packet, at, c.bytes, 2);
  memcpy(&field, c.bytes, 2);
  forget_connection(packet);
}

void set_icmp(Packet& packet, uint8_t& field, uint32_t at, const uint8_t* value, const uint8_t* mask) {
  const Change c(&field, value, mask, 1);
  if (!has_icmp(packet) || !c.differs) return;
  uint8_t word[2] = {packet.key.icmp_type, packet.key.icmp_code};
  word[at] = c.bytes[0];
  write_l4(packet, 0, word, 2);
  field = c.bytes[0];
  forget_connection(packet);
}

void set_nd_target(Packet& packet, const uint8_t* value, const uint8_t* mask) {
  const Change c(packet.key.nd_target, value, mask, 16);
  if (!is_nd(packet) || !c.differs || l4_size(packet) < kNdOptions) return;
  write_l4(packet, kNdTarget, c.bytes, 16);
  memcpy(packet.key.nd_target, c.bytes, 16);
}

// The link-layer address option of a neighbour message, when it has one.
void set_nd_option(Packet& packet, uint8_t* field, uint8_t option, const uint8_t* value, const uint8_t* mask) {
  const Change c(field, value, mask, 6);
  if (!is_nd(packet) || !c.differs) return;
  const uint32_t end = l4_size(packet);
  const uint8_t* l4 = packet.data + packet.l4_offset;
  uint32_t size;
  for (uint32_t at = kNdOptions; at + 8 <= end; at += size) {
    size = l4[at + 1] * 8u;
    if (size == 0 || at + size > end) return;
    if (l4[at] != option || size != 8) continue;
    write_l4(packet, at + 2, c.bytes, 6);
    memcpy(field, c.bytes, 6);
    return;
  }
}

void set_hardware_address(Packet& packet, uint8_t* field, uint32_t arp_at, uint8_t option, const uint8_t* value,
                          const uint8_t* mask) {
  if (is_arp(packet.key)) set_arp_bytes(packet, field, arp_at, value, mask, 6);
  else set_nd_option(packet, field, option, value, mask);
}

void set_pkt_mark(FlowKey& key, const uint8_t* value, const uint8_t* mask) {
  const Change c(&key.pkt_mark, value, mask, 4);
  memcpy(&key.pkt_mark, c.bytes, 4);
}

constexpr uint16_t at(size_t offset) { return static_cast<uint16_t>(offset); }
#define PW_AT(name) at(offsetof(FlowKey, name))

}  // namespace

bool is_settable(uint16_t offset, uint16_t size) {
  switch (offset) {
#define PW_SETTABLE(name) \
  case PW_AT(name): return size == sizeof(FlowKey::name);
    PW_SETTABLE(pkt_mark)
    PW_SETTABLE(dl_dst)
    PW_SETTABLE(dl_src)
    PW_SETTABLE(vlan_tci)
    PW_SETTABLE(nw_tos)
    PW_SETTABLE(nw_ttl)
    PW_SETTABLE(arp_op)
    PW_SETTABLE(nw_src)
    PW_SETTABLE(nw_dst)
    PW_SETTABLE(icmp_type)
    PW_SETTABLE(icmp_code)
    PW_SETTABLE(tp_src)
    PW_SETTABLE(tp_dst)
    PW_SETTABLE(ipv6_label)
    PW_SETTABLE(ipv6_src)
    PW_SETTABLE(ipv6_dst)
    PW_SETTABLE(nd_target)
    PW_SETTABLE(arp_sha)
    PW_SETTABLE(arp_tha)
#undef PW_SETTABLE
    default: return false;
  }
}

void set_field(Packet& packet, uint16_t offset, const uint8_t* value, const uint8_t* mask) {
  FlowKey& key = packet.key;
  // The three that need no L3 header.
  switch (offset) {
    case PW_AT(pkt_mark): return set_pkt_mark(key, value, mask);
    case PW_AT(dl_dst): return set_mac(packet, key.dl_dst, 0, value, mask);
    case PW_AT(dl_src): return set_mac(packet, key.dl_src, 6, value, mask);
    case PW_AT(vlan_tci): return set_vlan_tci(packet, value, mask);
    default: break;
  }
  if (packet.l3_offset == kNoOffset) return;
  switch (offset) {
    case PW_AT(nw_src): return set_nw_address(packet, key.nw_src, 12, 14, value, mask);
    case PW_AT(nw_dst): return set_nw_address(packet, key.nw_dst, 16, 24, value, mask);
    case PW_AT(nw_tos): return set_nw_tos(packet, value, mask);
    case PW_AT(nw_ttl): return set_nw_ttl(packet, value, mask);
    case PW_AT(ipv6_src): return set_ipv6_address(packet, key.ipv6_src, 8, value, mask);
    case PW_AT(ipv6_dst): return set_ipv6_address(packet, key.ipv6_dst, 24, value, mask);
    case PW_AT(ipv6_label): return set_ipv6_label(packet, value, mask);
    case PW_AT(tp_src): return set_tp(packet, key.tp_src, 0, value, mask);
    case PW_AT(tp_dst): return set_tp(packet, key.tp_dst, 2, value, mask);
    case PW_AT(icmp_type): return set_icmp(packet, key.icmp_type, 0, value, mask);
    case PW_AT(icmp_code): return set_icmp(packet, key.icmp_code, 1, value, mask);
    case PW_AT(nd_target): return set_nd_target(packet, value, mask);
    case PW_AT(arp_sha): return set_hardware_address(packet, key.arp_sha, 8, kNdOptSource, value, mask);
    case PW_AT(arp_tha): return set_hardware_address(packet, key.arp_tha, 18, kNdOptTarget, value, mask);
    case PW_AT(arp_op):
      if (is_arp(key)) set_arp_bytes(packet, &key.arp_op, 6, value, mask, 2);
      return;
    default: return;
  }
}
#undef PW_AT

bool push_vlan(Packet& packet, uint16_t tpid, uint16_t tci) {
  if (packet.headroom < kVlanTagSize || packet.size < kEthHeaderSize) return false;
  memmove(packet.data - kVlanTagSize, packet.data, 12);
  packet.data -= kVlanTagSize;
  packet.headroom -= kVlanTagSize;
  packet.size += kVlanTagSize;
  store16(packet.data + 12, tpid);
  store16(packet.data + 14, static_cast<uint16_t>(tci & ~kVlanCfi));
  if (packet.csum_partial) packet.csum_start += kVlanTagSize;
  extract(packet);
  return true;
}

void pop_vlan(Packet& packet) {
  if ((packet.key.vlan_tci.get() & kVlanCfi) == 0) return;
  memmove(packet.data + kVlanTagSize, packet.data, 12);
  packet.data += kVlanTagSize;
  packet.headroom += kVlanTagSize;
  packet.size -= kVlanTagSize;
  if (packet.csum_partial) packet.csum_start -= kVlanTagSize;
  extract(packet);
}

}  // namespace pw
