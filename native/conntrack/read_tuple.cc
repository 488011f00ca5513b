// Packet to tuple, see read_tuple.h.
#include "read_tuple.h"

#include "../checksum.h"

namespace pw {
namespace {

// The IP packet's L4 part: false when the packet does not reach as far as its length field says.
bool find_l4(const Packet& packet, uint8_t family, Subject& s) {
  const uint8_t* l3 = packet.data + packet.l3_offset;
  const uint32_t room = packet.size - packet.l3_offset;
  const uint32_t ip_size = family == kFamily4 ? load16(l3 + 2) : load16(l3 + 4) + kIpv6Size;
  const uint32_t before_l4 = packet.l4_offset - packet.l3_offset;
  if (ip_size > room || ip_size < before_l4) return false;
  s.l4 = packet.data + packet.l4_offset;
  s.l4_size = ip_size - before_l4;
  return true;
}

bool ipv4_header_valid(const Packet& packet) {
  return csum_finish(csum_add(0, packet.data + packet.l3_offset, packet.l4_offset - packet.l3_offset)) == 0;
}

// The checksum over the L4 part; of everything but ICMP also over the pseudo-header (RFC 9293 section 3.1, RFC 8200
// section 8.1).
bool l4_checksum_valid(const Subject& s) {
  const Tuple& t = s.tuple;
  uint64_t sum = 0;
  if (t.family == kFamily6 || t.proto != kIpIcmp) {
    const uint32_t address_size = t.family == kFamily4 ? 4 : 16;
    sum = csum_add(sum, t.src, address_size);
    sum = csum_add(sum, t.dst, address_size);
    sum += to_be16(t.proto).raw;
    sum += to_be32(s.l4_size).raw;
  }
  return csum_finish(csum_add(sum, s.l4, s.l4_size)) == 0;
}

bool checksum_ok(Packet& packet, const Subject& s) {
  if (packet.csum_valid || packet.csum_partial || packet.gso_size) return true;
  if (!l4_checksum_valid(s)) return false;
  packet.csum_valid = true;  // so that the next zone need not sum again; rewrites keep it right
  return true;
}

// Port 0 is reserved (RFC 6335 section 6); OVS tracks nobody who uses it.
bool read_ports(Tuple& t, const uint8_t* l4) {
  memcpy(&t.src_port, l4, 4);
  return t.src_port.raw && t.dst_port.raw;
}

bool read_tcp(Packet& packet, Subject& s) {
  if (s.l4_size < kTcpSize) return false;
  const uint32_t header = (s.l4[12] >> 4) * 4u;
  if (header < kTcpSize || header > s.l4_size) return false;
  return read_ports(s.tuple, s.l4) && checksum_ok(packet, s);
}

bool read_udp(Packet& packet, Subject& s) {
  if (s.l4_size < kUdpSize) return false;
  const uint32_t size = load16(s.l4 + 4);
  if (size < kUdpSize || size > s.l4_size) return false;
  if (!read_ports(s.tuple, s.l4)) return false;
  const bool no_checksum = load16(s.l4 + kUdpCsum) == 0;
  if (no_checksum && s.tuple.family == kFamily4) return true;  // RFC 768: the sender made none
  return checksum_ok(packet, s);
}

bool read_icmp(Packet& packet, Subject& s) {
  if (s.l4_size < kIcmpSize || !checksum_ok(packet, s)) return false;
  Tuple& t = s.tuple;
  switch (icmp_kind(t.family, s.l4[0])) {
    case IcmpKind::query:
      if (s.l4[1] != 0) return false;
      memcpy(&t.src_port, s.l4 + 4, 2);
      t.dst_port = to_be16(static_cast<uint16_t>(s.l4[0] << 8));
      return true;
    case IcmpKind::error: {
      Inner inner;
      if (!read_inner(s.l4 + kIcmpSize, s.l4_size - kIcmpSize, t.family, t.zone, inner)) return false;
      if (memcmp(inner.tuple.src, t.dst, 16) != 0) return false;  // not told to the one who sent it
      t = reverse(inner.tuple);
      s.related = true;
      return true;
    }
    default:
      return false;
  }
}

}  // namespace

bool read_tuple(Packet& packet, uint16_t zone, Subject& s) {
  const FlowKey& key = packet.key;
  const uint16_t ethertype = key.dl_type.get();
  if (packet.l3_offset == kNoOffset || packet.l4_offset == kNoOffset || key.nw_frag) return false;
  if (ethertype != kEthIpv4 && ethertype != kEthIpv6) return false;

  Tuple& t = s.tuple;
  t = {};
  t.family = ethertype == kEthIpv4 ? kFamily4 : kFamily6;
  t.proto = key.nw_proto;
  t.zone = zone;
  const uint8_t* l3 = packet.data + packet.l3_offset;
  if (!find_l4(packet, t.family, s)) return false;
  if (t.family == kFamily4) {
    if (!ipv4_header_valid(packet)) return false;
    memcpy(t.src, l3 + 12, 4);
    memcpy(t.dst, l3 + 16, 4);
  } else {
    memcpy(t.src, l3 + 8, 16);
    memcpy(t.dst, l3 + 24, 16);
  }
  if (t.proto == kIpTcp) return read_tcp(packet, s);
  if (t.proto == kIpUdp) return read_udp(packet, s);
  if (t.is_icmp()) return read_icmp(packet, s);
  return !is_icmp_proto(t.proto) || s.l4_size >= kIcmpSize;
}

}  // namespace pw
