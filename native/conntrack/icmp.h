// ICMP and ICMPv6: an echo and its answer are a connection named by the id; an error speaks of another connection,
// whose packet it carries. For read_tuple.cc and tracker.cc.
#pragma once
#include "verdict.h"

namespace pw {

enum class IcmpKind : uint8_t {
  query,      // has an id and an answer
  error,      // carries the packet that it is about
  untracked,  // all else: neighbour discovery, router advertisements, multicast listeners
};
IcmpKind icmp_kind(uint8_t family, uint8_t type);
// The type that answers a query, and the query that an answer answers.
uint8_t icmp_answer(uint8_t family, uint8_t type);
// Requests open connections, answers do not. By the protocol number alone: ICMPv6 over IPv4 has no id, but is held to
// this too, as in OVS.
bool icmp_may_open(uint8_t proto, uint8_t type);

Timeout icmp_open(Connection&);
Update icmp_update(Connection&, Direction);

// The packet inside an ICMP error: where its headers are and its tuple, as its sender sent it.
struct Inner {
  Tuple tuple;
  const uint8_t* l3;
  const uint8_t* l4;
  uint32_t l4_size;  // bytes of it that the error carries
};
// `p` is the first byte after the error's 8-byte header, `size` what is left of the outer packet. False when it is not
// the start of an IP packet of that family with at least the ports, or is a fragment.
bool read_inner(const uint8_t* p, uint32_t size, uint8_t family, uint16_t zone, Inner&);

}  // namespace pw
