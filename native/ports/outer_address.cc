// Ends of tunnels: see outer_address.h.
#include "outer_address.h"

#include <arpa/inet.h>

namespace pw {

bool OuterAddress::parse(const std::string& text) {
  in_addr ipv4{};
  if (inet_pton(AF_INET, text.c_str(), &ipv4) == 1) {
    set_ipv4(ipv4.s_addr);
    return true;
  }
  return inet_pton(AF_INET6, text.c_str(), &in6) == 1;
}

socklen_t OuterAddress::to_sockaddr(int family, be16 port, sockaddr_in6* out) const {
  *out = sockaddr_in6{};
  if (family == AF_INET) {
    sockaddr_in in{};
    in.sin_family = AF_INET;
    in.sin_port = port.raw;
    in.sin_addr.s_addr = ipv4();
    memcpy(out, &in, sizeof in);
    return sizeof in;
  }
  out->sin6_family = AF_INET6;
  out->sin6_port = port.raw;
  out->sin6_addr = in6;
  return sizeof *out;
}

OuterAddress OuterAddress::of(const sockaddr_in6& from) {
  OuterAddress address;
  if (from.sin6_family == AF_INET6) {
    address.in6 = from.sin6_addr;
    return address;
  }
  sockaddr_in in;
  memcpy(&in, &from, sizeof in);
  address.set_ipv4(in.sin_addr.s_addr);
  return address;
}

}  // namespace pw
