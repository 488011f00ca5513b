// virtio-net header <-> Packet: see vnet.h.
#include "vnet.h"

namespace pw {

namespace {

constexpr uint32_t kEthernetHeader = 14;
constexpr uint16_t kTcpCsumOffset = 16, kUdpCsumOffset = 6;

GsoType gso_type_of(uint8_t vnet_type) {
  switch (vnet_type) {
    case kVnetGsoTcp4: return GsoType::tcp4;
    case kVnetGsoTcp6: return GsoType::tcp6;
    case kVnetGsoUdpL4: return GsoType::udp4;
    default: return GsoType::none;
  }
}

uint8_t vnet_type_of(GsoType type) {
  switch (type) {
    case GsoType::tcp4: return kVnetGsoTcp4;
    case GsoType::tcp6: return kVnetGsoTcp6;
    case GsoType::udp4: return kVnetGsoUdpL4;
    case GsoType::none: break;
  }
  return kVnetGsoNone;
}

void clear_offloads(Packet& packet) {
  packet.csum_partial = packet.csum_valid = false;
  packet.csum_start = packet.csum_offset = 0;
  packet.gso_type = GsoType::none;
  packet.gso_ecn = false;
  packet.gso_size = 0;
}

}  // namespace

bool vnet_to_packet(const VnetHeader& header, Packet& packet) {
  clear_offloads(packet);
  if (header.flags & kVnetNeedsCsum) {
    const uint32_t field = uint32_t{header.csum_start} + header.csum_offset;
    if (header.csum_start < kEthernetHeader || field + 2 > packet.size) return false;
  }
  if (header.gso_type != kVnetGsoNone) {
    const GsoType type = gso_type_of(header.gso_type & ~kVnetGsoEcn);
    const uint16_t csum_offset = type == GsoType::udp4 ? kUdpCsumOffset : kTcpCsumOffset;
    if (type == GsoType::none || header.gso_size == 0) return false;
    if (!(header.flags & kVnetNeedsCsum) || header.csum_offset != csum_offset) return false;
    packet.gso_type = type;
    packet.gso_ecn = (header.gso_type & kVnetGsoEcn) != 0;
    packet.gso_size = header.gso_size;
  }
  packet.csum_valid = (header.flags & kVnetDataValid) != 0;
  if (header.flags & kVnetNeedsCsum) {
    packet.csum_partial = true;
    packet.csum_start = header.csum_start;
    packet.csum_offset = header.csum_offset;
  }
  return true;
}

void vnet_from_packet(const Packet& packet, VnetHeader& header) {
  header = VnetHeader{};
  if (packet.csum_partial) {
    header.flags = kVnetNeedsCsum;
    header.csum_start = packet.csum_start;
    header.csum_offset = packet.csum_offset;
  } else if (packet.csum_valid) {
    header.flags = kVnetDataValid;
  }
  if (packet.gso_type == GsoType::none) return;
  header.gso_type = vnet_type_of(packet.gso_type) | (packet.gso_ecn ? kVnetGsoEcn : 0);
  header.gso_size = packet.gso_size;
  if (!packet.csum_partial) return;
  // The kernel pulls hdr_len bytes into linear memory. For TCP the data offset gives it, when it lies in the frame.
  uint32_t l4_size = 8;
  if (packet.gso_type != GsoType::udp4) {
    const uint32_t data_offset = uint32_t{packet.csum_start} + 12;
    l4_size = data_offset < packet.size ? (packet.data[data_offset] >> 4) * 4u : 20;
  }
  const uint32_t hdr_len = packet.csum_start + l4_size;
  header.hdr_len = static_cast<uint16_t>(hdr_len < packet.size ? hdr_len : packet.size);
}

}  // namespace pw
