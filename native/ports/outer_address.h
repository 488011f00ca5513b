// An end of a tunnel: an IPv6 address, or an IPv4 one in its IPv6 form (::ffff:a.b.c.d, RFC 4291 2.5.5.2), as sockets
// of family AF_INET6 take and tell both. Used by the two halves of the geneve port.
#pragma once
#include <netinet/in.h>

#include <cstring>
#include <string>

#include "key.h"

namespace pw {

struct OuterAddress {
  in6_addr in6{};

  OuterAddress() { set_ipv4(0); }
  // Of a key: the IPv4 address unless that is zero.
  OuterAddress(be32 ipv4, const uint8_t* ipv6) {
    if (ipv4.raw) set_ipv4(ipv4.raw);
    else memcpy(&in6, ipv6, sizeof in6);
  }

  bool operator==(const OuterAddress& o) const { return memcmp(&in6, &o.in6, sizeof in6) == 0; }
  bool is_ipv4() const { return IN6_IS_ADDR_V4MAPPED(&in6); }
  // Neither family's.
  bool is_any() const { return IN6_IS_ADDR_UNSPECIFIED(&in6) || (is_ipv4() && ipv4() == 0); }
  // Network order, as in in_addr.
  uint32_t ipv4() const {
    uint32_t value;
    memcpy(&value, in6.s6_addr + 12, sizeof value);
    return value;
  }
  void set_ipv4(uint32_t value) {
    in6 = in6_addr{};
    in6.s6_addr[10] = in6.s6_addr[11] = 0xff;
    memcpy(in6.s6_addr + 12, &value, sizeof value);
  }

  // In the part of a key that is its family's; the other stays.
  void to_key(be32* ipv4_out, uint8_t* ipv6_out) const {
    if (is_ipv4()) ipv4_out->raw = ipv4();
    else memcpy(ipv6_out, &in6, sizeof in6);
  }

  // For a socket of family AF_INET6 "any" is any of both families.
  OuterAddress to_bind(int family) const {
    return family == AF_INET6 && is_any() ? OuterAddress(be32{}, in6addr_any.s6_addr) : *this;
  }

  // False for what is no address.
  bool parse(const std::string& text);
  // As a socket of this family takes it; returns its size.
  socklen_t to_sockaddr(int family, be16 port, sockaddr_in6* out) const;
  // From a socket of either family.
  static OuterAddress of(const sockaddr_in6& from);
};

}  // namespace pw
