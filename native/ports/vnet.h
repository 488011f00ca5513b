// The virtio-net header that TAP and AF_PACKET put in front of each frame, and a Packet's offload fields: one made
// from the other. rx checks every offset here, once; nothing behind it meets a csum_start outside the frame.
#pragma once
#include <cstddef>
#include <cstdint>

#include "packet.h"

namespace pw {

// struct virtio_net_hdr, declared here because <linux/virtio_net.h> has a member named `class`.
// Fields are in the machine's byte order on both kinds of file (legacy virtio).
//
//   0       1          2         4          6            8             10
//   | flags | gso_type | hdr_len | gso_size | csum_start | csum_offset |
struct VnetHeader {
  uint8_t flags;
  uint8_t gso_type;
  uint16_t hdr_len;      // bytes of headers, a hint
  uint16_t gso_size;
  uint16_t csum_start;   // from the Ethernet header
  uint16_t csum_offset;  // from csum_start
};
static_assert(sizeof(VnetHeader) == 10);
static_assert(offsetof(VnetHeader, csum_start) == 6);

// virtio specification 5.1.6: VIRTIO_NET_HDR_F_* and VIRTIO_NET_HDR_GSO_*.
constexpr uint8_t kVnetNeedsCsum = 1, kVnetDataValid = 2;
constexpr uint8_t kVnetGsoNone = 0, kVnetGsoTcp4 = 1, kVnetGsoTcp6 = 4, kVnetGsoUdpL4 = 5, kVnetGsoEcn = 0x80;

// Sets the offload fields of `packet`, whose data and size are set. False, with the fields cleared, when the header
// contradicts the frame: an offset outside it, an unknown GSO type, a segment size of zero, GSO without a checksum
// to finish (the specification demands one, and the kernel always leaves one).
bool vnet_to_packet(const VnetHeader& header, Packet& packet);

// The header with which the kernel takes `packet`.
void vnet_from_packet(const Packet& packet, VnetHeader& header);

}  // namespace pw
