// The TAP port: a network device in a namespace whose other end is a file of ours. The default for pods (their eth0
// is the device itself) and for internal ports. Frames cross with a virtio-net header, so checksums may be
// unfinished and TCP frames up to 64 KB long in both directions. Opened by open_port.cc; driven by the datapath.
#pragma once
#include <cstdint>
#include <memory>
#include <string>

#include "port.h"

namespace pw {

struct TapSpec {
  uint32_t no = 0;
  std::string name;
  std::string ifname;       // in `netns`; empty: `name`
  std::string netns;        // name or path; empty: the current namespace
  std::string mac;          // "02:00:00:00:00:01"; empty: the kernel chooses
  uint32_t mtu = 1500;
  bool up = true;
  uint32_t txqueuelen = 0;  // frames that may wait for us; 0: the kernel's default (1000)
};

// Null on refusal, with `error` filled. A persistent device of that name in `netns` is attached to when free;
// otherwise the device is made, and vanishes when the port is closed.
std::unique_ptr<Port> open_tap(const TapSpec& spec, SysError* error);

}  // namespace pw
