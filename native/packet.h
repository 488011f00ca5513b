// A packet in the datapath: bytes with metadata. Made by a port's rx, carried through extract -> cache -> execute,
// handed to a port's tx. The bytes belong to the port (ring slot) or the pool; a Packet never owns memory.
//
//   buffer          data                                    data+size    capacity end
//   |<- headroom -->|<- Ethernet | IP | TCP | payload ------>|<- tailroom ->|
//
// Headroom is at least kHeadroom when `growable`, so that encap and push_vlan prepend in place.
#pragma once
#include <cstdint>

#include "key.h"

namespace pw {

constexpr uint32_t kHeadroom = 192;           // Geneve outer headers with 124 bytes of options, and a VLAN tag
constexpr uint32_t kMaxFrame = 65536 + 256;   // a GSO frame with its link header
constexpr uint16_t kNoOffset = 0xffff;

enum class GsoType : uint8_t { none, tcp4, tcp6, udp4 /* USO, any family */, };

struct PathRecord;

struct Packet {
  uint8_t* data = nullptr;   // first byte of the Ethernet header
  uint32_t size = 0;         // bytes of the frame, without FCS
  uint32_t headroom = 0;     // writable bytes before data
  uint32_t tailroom = 0;     // writable bytes after data+size

  // Set by extract(): offsets from data, kNoOffset when absent or not parsable.
  uint16_t l3_offset = kNoOffset;
  uint16_t l4_offset = kNoOffset;

  // CHECKSUM_PARTIAL: the L4 checksum field holds the pseudo-header sum only and must be finished over
  // [csum_start, size) at csum_start + csum_offset before anything that cannot take it sees the frame.
  bool csum_partial = false;
  bool csum_valid = false;   // the kernel vouches for the L4 checksum (VIRTIO_NET_HDR_F_DATA_VALID)
  uint16_t csum_start = 0;   // from data
  uint16_t csum_offset = 0;  // from csum_start

  GsoType gso_type = GsoType::none;
  bool gso_ecn = false;
  uint16_t gso_size = 0;     // payload bytes in each segment; 0 = not a GSO frame

  PathRecord* path = nullptr;  // what it met so far, as long as that may become a path (path.h)
  uint32_t trace_id = 0;     // not 0: the packet is being watched, every pass goes to the slow path
  uint32_t epoch = 0;        // of the flow cache when the packet came in, see Pipeline::epoch
  uint64_t rx_ns = 0;        // CLOCK_MONOTONIC at the start of the burst

  // Written and read by conntrack only, valid while key.ct_state is: the connection of the last ct action, so that
  // another ct in the same zone neither looks it up again nor counts the packet twice. serial 0: none.
  struct { uint32_t index = 0, serial = 0; bool reply = false, related = false; } ct;

  FlowKey key;               // metadata + headers, valid after extract()
};

}  // namespace pw
