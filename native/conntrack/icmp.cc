// See icmp.h. Numbers from the IANA registries of ICMP and ICMPv6 types.
#include "icmp.h"

namespace pw {
namespace {

constexpr uint8_t kEchoReply = 0, kUnreachable = 3, kSourceQuench = 4, kRedirect = 5, kEcho = 8, kTimeExceeded = 11,
                  kParameter = 12, kTimestamp = 13, kTimestampReply = 14, kInfo = 15, kInfoReply = 16;
constexpr uint8_t kUnreachable6 = 1, kTooBig6 = 2, kTimeExceeded6 = 3, kParameter6 = 4, kEcho6 = 128, kEchoReply6 = 129;

// Steps over IPv6 extension headers; false for a fragment or when they are cut short.
bool skip_extensions(const uint8_t*& p, uint32_t& size, uint8_t& proto) {
  for (;;) {
    uint32_t header;
    switch (proto) {
      case kIpHopopts:
      case kIpRouting:
      case kIpDstopts:
        if (size < 8) return false;
        header = (p[1] + 1u) * 8;
        break;
      case kIpAh:
        if (size < 8) return false;
        header = (p[1] + 2u) * 4;
        break;
      case kIpFragment:
        if (size < 8 || load16(p + 2) != 0) return false;
        header = 8;
        break;
      default:
        return true;
    }
    if (size < header) return false;
    proto = p[0];
    p += header;
    size -= header;
  }
}

bool read_inner_l3(const uint8_t* p, uint32_t size, uint8_t family, Inner& inner) {
  Tuple& t = inner.tuple;
  inner.l3 = p;
  uint32_t header;
  if (family == kFamily4) {
    if (size < kIpv4Size) return false;
    header = (p[0] & 0x0f) * 4u;
    if (header < kIpv4Size || size < header || (load16(p + 6) & 0x3fff)) return false;
    t.proto = p[9];
    memcpy(t.src, p + 12, 4);
    memcpy(t.dst, p + 16, 4);
    p += header;
    size -= header;
  } else {
    if (size < kIpv6Size) return false;
    t.proto = p[6];
    memcpy(t.src, p + 8, 16);
    memcpy(t.dst, p + 24, 16);
    p += kIpv6Size;
    size -= kIpv6Size;
    if (!skip_extensions(p, size, t.proto)) return false;
  }
  inner.l4 = p;
  inner.l4_size = size;
  return true;
}

}  // namespace

IcmpKind icmp_kind(uint8_t family, uint8_t type) {
  if (family == kFamily6) {
    if (type == kEcho6 || type == kEchoReply6) return IcmpKind::query;
    return type >= kUnreachable6 && type <= kParameter6 ? IcmpKind::error : IcmpKind::untracked;
  }
  switch (type) {
    case kEcho:
    case kEchoReply:
    case kTimestamp:
    case kTimestampReply:
    case kInfo:
    case kInfoReply:
      return IcmpKind::query;
    case kUnreachable:
    case kSourceQuench:
    case kRedirect:
    case kTimeExceeded:
    case kParameter:
      return IcmpKind::error;
    default:
      return IcmpKind::untracked;
  }
}

uint8_t icmp_answer(uint8_t family, uint8_t type) {
  if (family == kFamily6) return type == kEcho6 ? kEchoReply6 : kEcho6;
  switch (type) {
    case kEcho: return kEchoReply;
    case kEchoReply: return kEcho;
    case kTimestamp: return kTimestampReply;
    case kTimestampReply: return kTimestamp;
    case kInfo: return kInfoReply;
    default: return kInfo;
  }
}

bool icmp_may_open(uint8_t proto, uint8_t type) {
  return proto == kIpIcmpv6 ? type == kEcho6 : type == kEcho || type == kTimestamp || type == kInfo;
}

Timeout icmp_open(Connection& c) {
  c.flow_state = FlowState::first;
  return Timeout::icmp_first;
}

Update icmp_update(Connection& c, Direction direction) {
  if (direction == kReply) c.flow_state = FlowState::both_ways;
  if (c.flow_state == FlowState::both_ways) return {Verdict::established, Timeout::icmp_reply};
  return {Verdict::still_new, Timeout::icmp_first};
}

bool read_inner(const uint8_t* p, uint32_t size, uint8_t family, uint16_t zone, Inner& inner) {
  inner = {};
  Tuple& t = inner.tuple;
  t.family = family;
  t.zone = zone;
  if (!read_inner_l3(p, size, family, inner)) return false;
  const uint8_t* l4 = inner.l4;
  if (t.proto == kIpTcp || t.proto == kIpUdp) {
    // RFC 792 promises 8 bytes of the L4 header: the ports, and in TCP the sequence number. ICMPv6 carries as much as
    // fits into 1280 bytes (RFC 4443 section 2.4), so there OVS wants TCP's header whole.
    const uint32_t need = t.proto == kIpTcp && family == kFamily6 ? kTcpSize : 8;
    if (inner.l4_size < need) return false;
    memcpy(&t.src_port, l4, 4);
    return t.src_port.raw && t.dst_port.raw;
  }
  if (t.is_icmp()) {
    if (inner.l4_size < kIcmpSize || icmp_kind(family, l4[0]) != IcmpKind::query || l4[1] != 0) return false;
    memcpy(&t.src_port, l4 + 4, 2);
    t.dst_port = to_be16(static_cast<uint16_t>(l4[0] << 8 | l4[1]));
  }
  return true;
}

}  // namespace pw
