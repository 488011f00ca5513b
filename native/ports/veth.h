// The veth port: an existing interface (the switch's end of a veth pair, or any other) through AF_PACKET. A mapped ring
// receives without a copy; bursts are sent with one call, straight from where they were received. Frames cross with
// a virtio-net header, so checksums may be unfinished and TCP frames up to 64 KB long in both directions.
// Opened by open_port.cc; driven by the datapath.
#pragma once
#include <cstdint>
#include <memory>
#include <string>

#include "port.h"

namespace pw {

// A slot must hold a GSO frame, so it costs 70 KB of memory, whatever comes: 128 slots are 9 MB. Two bursts: while the
// switch holds one, the kernel fills the other. Throughput is the same from 45 slots to 250; what differs is how long
// the datapath thread may be kept waiting before frames are lost.
constexpr uint32_t kVethRingSlots = 128;

struct VethSpec {
  uint32_t no = 0;
  std::string name;
  std::string ifname;       // in `netns`; empty: `name`
  std::string netns;        // name or path; empty: the current namespace
  uint32_t mtu = 1500;      // what this port takes from the switch; the device's own is left alone
  uint32_t ring_slots = kVethRingSlots;
};

// Null on refusal, with `error` filled. Sets the interface up. While the port is open the interface belongs to the
// switch: the host's own IP stack sees nothing of what arrives on it.
std::unique_ptr<Port> open_veth(const VethSpec& spec, SysError* error);

}  // namespace pw
