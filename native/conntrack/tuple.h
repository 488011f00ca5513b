// The name of a connection in one direction. read_tuple.cc makes one from a packet; table.cc finds a connection by it.
//
//    0               16               32        34        36    38      39
//    | src            | dst            | src_port| dst_port| zone | proto | family |
//
// An IPv4 address lies in the first four bytes, the rest is zero. ICMP has no ports: src_port holds the id, dst_port
// type * 256 + code. Protocols without ports (SCTP too, as in OVS 3.1) have zeros there.
#pragma once
#include <cstring>

#include "../byteorder.h"
#include "../protocols.h"
#include "siphash.h"

namespace pw {

constexpr uint8_t kFamily4 = 4, kFamily6 = 6;
constexpr bool is_icmp_proto(uint8_t proto) { return proto == kIpIcmp || proto == kIpIcmpv6; }

struct alignas(8) Tuple {
  uint8_t src[16], dst[16];
  be16 src_port, dst_port;
  uint16_t zone;
  uint8_t proto, family;

  bool operator==(const Tuple& other) const { return memcmp(this, &other, sizeof *this) == 0; }
  // Has an id, a type and a code instead of ports.
  bool is_icmp() const { return proto == (family == kFamily4 ? kIpIcmp : kIpIcmpv6); }
  uint8_t icmp_type() const { return static_cast<uint8_t>(dst_port.get() >> 8); }
  uint8_t icmp_code() const { return static_cast<uint8_t>(dst_port.get()); }
};
static_assert(sizeof(Tuple) == 40 && offsetof(Tuple, src_port) == 32 && offsetof(Tuple, zone) == 36);

// What the other end sends: addresses and ports change places; an ICMP request becomes its reply and back.
Tuple reverse(const Tuple&);

inline uint32_t hash_tuple(const SipKey& key, const Tuple& tuple) {
  uint64_t words[sizeof(Tuple) / 8];
  memcpy(words, &tuple, sizeof words);
  return static_cast<uint32_t>(siphash13(key, words, sizeof(Tuple) / 8));
}

}  // namespace pw
