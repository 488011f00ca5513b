// Frame to flow key, see extract.h. One function for each layer; each takes the bytes that the layer above vouches for.
#include "extract.h"

#include "protocols.h"

namespace pw {
namespace {

// What is left to read. Every read is preceded by a look at `left`.
struct Cursor {
  const uint8_t* p;
  uint32_t left;
  void skip(uint32_t n) {
    p += n;
    left -= n;
  }
};

void set_offset(uint16_t& offset, const Packet& packet, const uint8_t* p) {
  const auto n = static_cast<size_t>(p - packet.data);
  if (n < kNoOffset) offset = static_cast<uint16_t>(n);
}

uint16_t parse_ethertype(Cursor& c) {
  const uint16_t type = load16(c.p);
  c.skip(2);
  if (type >= kEthMin) return type;
  // 802.3 length: an LLC/SNAP header with an Ethernet OUI may name the type.
  static constexpr uint8_t kSnap[6] = {0xaa, 0xaa, 0x03, 0, 0, 0};
  if (c.left < 8 || memcmp(c.p, kSnap, 6) != 0) return kEthNone;
  const uint16_t snap_type = load16(c.p + 6);
  c.skip(8);
  return snap_type >= kEthMin ? snap_type : kEthNone;
}

uint16_t parse_ethernet(FlowKey& key, Cursor& c) {
  memcpy(key.dl_dst, c.p, 12);
  c.skip(12);
  for (int tags = 0; tags < 2 && is_vlan(load16(c.p)); tags++) {
    if (c.left < kVlanTagSize + 2) break;
    be16 tpid, tci;
    memcpy(&tpid, c.p, 2);
    tci = to_be16(static_cast<uint16_t>(load16(c.p + 2) | kVlanCfi));
    if (tags == 0) {
      key.vlan_tpid = tpid;
      key.vlan_tci = tci;
    } else {
      key.vlan2_tpid = tpid;
      key.vlan2_tci = tci;
    }
    c.skip(kVlanTagSize);
  }
  const uint16_t type = parse_ethertype(c);
  key.dl_type = to_be16(type);
  return type;
}

void parse_arp(Packet& packet, Cursor& c) {
  static constexpr uint8_t kEthernetIpv4[6] = {0, 1, 8, 0, 6, 4};  // hardware and protocol type and sizes, RFC 826
  if (c.left < kArpSize || memcmp(c.p, kEthernetIpv4, 6) != 0) return;
  set_offset(packet.l3_offset, packet, c.p);
  FlowKey& key = packet.key;
  const uint16_t op = load16(c.p + 6);
  if (op <= 0xff) key.arp_op = to_be16(op);  // OVS keeps 8 bits; a larger opcode reads as 0
  memcpy(key.arp_sha, c.p + 8, 6);
  memcpy(&key.nw_src, c.p + 14, 4);
  memcpy(key.arp_tha, c.p + 18, 6);
  memcpy(&key.nw_dst, c.p + 24, 4);
}

// True when an L4 header may follow; the cursor is then on it and ends where the IP packet ends, without padding.
bool parse_ipv4(Packet& packet, Cursor& c) {
  if (c.left < kIpv4Size) return false;
  const uint32_t header = (c.p[0] & 0x0f) * 4u;
  const uint32_t total = load16(c.p + 2);
  if (header < kIpv4Size || c.left < header || total > c.left || header > total) return false;
  if (c.left - total > 0xffff) return false;
  set_offset(packet.l3_offset, packet, c.p);
  FlowKey& key = packet.key;
  memcpy(&key.nw_src, c.p + 12, 8);  // and nw_dst
  key.nw_tos = c.p[1];
  key.nw_ttl = c.p[8];
  key.nw_proto = c.p[9];
  const uint16_t frag = load16(c.p + 6);
  if (frag & 0x3fff) key.nw_frag = (frag & 0x1fff) ? kFragAny | kFragLater : kFragAny;
  c.left = total;
  c.skip(header);
  return true;
}

// Walks the extension headers to the protocol. False when one is cut short.
bool parse_ipv6_extensions(Cursor& c, uint8_t& proto, uint8_t& frag) {
  for (;;) {
    uint32_t size;
    switch (proto) {
      case kIpHopopts:
      case kIpRouting:
      case kIpDstopts:
        if (c.left < 8) return false;
        size = (c.p[1] + 1u) * 8;
        break;
      case kIpAh:
        if (c.left < 8) return false;
        size = (c.p[1] + 2u) * 4;
        break;
      case kIpFragment: {
        if (c.left < 8) return false;
        size = 8;
        const uint16_t offset_flags = load16(c.p + 2);
        if (offset_flags == 0) break;
        frag = kFragAny;
        if (offset_flags & 0xfff8) {
          frag |= kFragLater;
          c.skip(size);
          return true;  // nw_proto stays 44: what follows is the middle of something
        }
        break;
      }
      default:
        return true;
    }
    if (c.left < size) return false;
    proto = c.p[0];
    c.skip(size);
  }
}

bool parse_ipv6(Packet& packet, Cursor& c) {
  if (c.left < kIpv6Size) return false;
  const uint32_t payload = load16(c.p + 4);
  if (payload + kIpv6Size > c.left || c.left - payload - kIpv6Size > 0xffff) return false;
  set_offset(packet.l3_offset, packet, c.p);
  FlowKey& key = packet.key;
  memcpy(key.ipv6_src, c.p + 8, 32);  // and ipv6_dst
  const uint32_t first = load32(c.p);
  uint8_t proto = c.p[6], frag = 0;
  const uint8_t hop_limit = c.p[7];
  c.skip(kIpv6Size);
  c.left = payload;
  if (!parse_ipv6_extensions(c, proto, frag)) return false;
  key.ipv6_label = to_be32(first & 0xfffff);
  key.nw_tos = static_cast<uint8_t>(first >> 20);
  key.nw_ttl = hop_limit;
  key.nw_proto = proto;
  key.nw_frag = frag;
  return true;
}

// Target and link-layer address options of a neighbour solicitation or advertisement. The same option twice voids all.
void parse_nd(FlowKey& key, Cursor c) {
  c.skip(kNdTarget);
  if (c.left < 16) return;
  memcpy(key.nd_target, c.p, 16);
  c.skip(16);
  static constexpr uint8_t kZero[6] = {};
  while (c.left >= 8) {
    const uint32_t size = c.p[1] * 8u;
    if (size == 0 || size > c.left) return;
    if (size == 8 && (c.p[0] == kNdOptSource || c.p[0] == kNdOptTarget)) {
      uint8_t* address = c.p[0] == kNdOptSource ? key.arp_sha : key.arp_tha;
      if (memcmp(address, kZero, 6) != 0) {
        memset(key.nd_target, 0, 16);
        memset(key.arp_sha, 0, 6);
        memset(key.arp_tha, 0, 6);
        return;
      }
      memcpy(address, c.p + 2, 6);
    }
    c.skip(size);
  }
}

void parse_l4(Packet& packet, const Cursor& c) {
  FlowKey& key = packet.key;
  if (key.nw_frag & kFragLater) return;
  const auto ports = [&] { memcpy(&key.tp_src, c.p, 4); };  // and tp_dst
  switch (key.nw_proto) {
    case kIpTcp: {
      if (c.left < kTcpSize) return;
      const uint32_t size = (c.p[12] >> 4) * 4u;  // with options
      if (size < kTcpSize || size > c.left) break;
      ports();
      key.tcp_flags = to_be16(load16(c.p + 12) & 0x0fff);
      break;
    }
    case kIpUdp:
      if (c.left < kUdpSize) return;
      ports();
      break;
    case kIpSctp:
      if (c.left >= kSctpSize) ports();
      break;
    case kIpIcmp:
    case kIpIcmpv6:
      if (c.left < kIcmpSize) return;
      key.icmp_type = c.p[0];
      key.icmp_code = c.p[1];
      if (key.nw_proto == kIpIcmpv6 && c.p[1] == 0 && (c.p[0] == kNdSolicit || c.p[0] == kNdAdvert)) parse_nd(key, c);
      break;
    default:
      break;
  }
  set_offset(packet.l4_offset, packet, c.p);
}

}  // namespace

void extract(Packet& packet) {
  FlowKey& key = packet.key;
  constexpr size_t kHeaders = offsetof(FlowKey, dl_dst);
  memset(reinterpret_cast<uint8_t*>(&key) + kHeaders, 0, kKeyTunnelOffset - kHeaders);
  packet.l3_offset = packet.l4_offset = kNoOffset;
  if (packet.size < kEthHeaderSize) return;
  Cursor c{packet.data, packet.size};
  switch (parse_ethernet(key, c)) {
    case kEthIpv4:
      if (parse_ipv4(packet, c)) parse_l4(packet, c);
      break;
    case kEthIpv6:
      if (parse_ipv6(packet, c)) parse_l4(packet, c);
      break;
    case kEthArp:
    case kEthRarp:
      parse_arp(packet, c);
      break;
    default:
      break;
  }
}

}  // namespace pw
