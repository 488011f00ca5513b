// The geneve port: Ethernet frames in UDP (RFC 8926), the other end chosen by each packet's tun_dst. A UDP socket in
// the underlay's namespace: the kernel routes, resolves neighbours and fills the outer headers. Bursts cross as one
// system call (UDP_SEGMENT, UDP_GRO). Opened by open_port.cc; driven by the datapath.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "geneve_header.h"
#include "port.h"

namespace pw {

struct GeneveSpec {
  uint32_t no = 0;
  std::string name;
  std::string netns;         // name or path; empty: the current namespace
  uint32_t mtu = 65000;
  uint16_t udp_port = 6081;
  bool csum = true;          // outer UDP checksum; without it no UDP_SEGMENT either, which the kernel refuses
  std::string local_ip;      // to send from and listen on; empty: any, chosen by the route
  bool ipv6 = false;         // other ends with IPv6 addresses (tun_ipv6_dst), too
};

class GenevePort : public Port {
 public:
  using Port::Port;
  // Between bursts, by the datapath thread.
  virtual void set_tlv_map(const std::vector<TlvOption>& options) = 0;
};

// Null on refusal, with `error` filled.
std::unique_ptr<GenevePort> open_geneve(const GeneveSpec& spec, SysError* error);

}  // namespace pw
