// From a port's description to a port of its kind: the one place that knows all kinds. Called by datapath.cc.
#pragma once
#include <memory>
#include <string>

#include "port.h"

namespace pw {

// NativePortSpec of dataplane/datapath/native.ts: what a kind does not use is ignored.
struct PortSpec {
  std::string kind;
  uint32_t no = 0;
  std::string name;
  uint32_t mtu = 1500;
  std::string ifname, netns, mac;
  bool up = true;
  uint32_t txqueuelen = 0;
  uint16_t udp_port = 6081;
  bool csum = true;
  std::string local_ip;
  bool ipv6 = false;
  bool wire = true;
  std::vector<std::vector<uint8_t>> frames;
  bool loop = false;
};

// nullptr when the system refuses, with `error` filled.
std::unique_ptr<Port> open_port(const PortSpec& spec, SysError* error);

}  // namespace pw
