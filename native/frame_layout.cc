// Header positions of a frame: see frame_layout.h.
#include "frame_layout.h"

#include "checksum.h"

namespace pw {

namespace {

constexpr uint32_t kEthernetHeader = 14, kIpv6Fragment = 8;
constexpr int kMaxTags = 2;

bool locate_ipv4(const uint8_t* data, uint32_t size, FrameLayout* layout) {
  const uint8_t* ip = data + layout->l3;
  if (layout->l3 + kIpv4Size > size || ip[0] >> 4 != 4) return false;
  const uint32_t header = (ip[0] & 0x0f) * 4u, total = load16(ip + 2);
  if (header < kIpv4Size || total < header || layout->l3 + total > size) return false;
  layout->version = 4;
  layout->proto = ip[9];
  layout->end = layout->l3 + total;
  const uint16_t fragment = load16(ip + 6);
  layout->fragment = (fragment & 0x3fff) != 0;            // more fragments, or an offset
  if ((fragment & 0x1fff) == 0) layout->l4 = layout->l3 + header;
  return true;
}

bool locate_ipv6(const uint8_t* data, uint32_t size, FrameLayout* layout) {
  const uint8_t* ip = data + layout->l3;
  if (layout->l3 + kIpv6Size > size || ip[0] >> 4 != 6) return false;
  layout->version = 6;
  layout->end = layout->l3 + kIpv6Size + load16(ip + 4);
  if (layout->end > size) return false;
  uint8_t next = ip[6];
  uint32_t at = layout->l3 + kIpv6Size;
  for (;;) {
    const bool extension = next == kIpHopopts || next == kIpRouting || next == kIpDstopts || next == kIpAh;
    if (!extension && next != kIpFragment) break;
    if (at + 8 > layout->end) return false;
    const uint8_t* header = data + at;
    if (next == kIpFragment) {
      layout->fragment = layout->fragment || (load16(header + 2) & 0xfff9) != 0;
      layout->proto = header[0];
      if ((load16(header + 2) & 0xfff8) != 0) return true;  // a later fragment: no L4 header here
      at += kIpv6Fragment;
    } else {
      if (next == kIpRouting && header[3] != 0) layout->routed = true;
      at += next == kIpAh ? (header[1] + 2u) * 4 : (header[1] + 1u) * 8;
      if (at > layout->end) return false;
    }
    next = header[0];
  }
  layout->proto = next;
  layout->l4 = at;
  return true;
}

}  // namespace

bool locate(const uint8_t* data, uint32_t size, FrameLayout* layout) {
  *layout = FrameLayout{};
  if (size < kEthernetHeader) return false;
  uint32_t at = 12;
  for (int tags = 0; tags < kMaxTags && is_vlan(load16(data + at)); tags++) {
    at += kVlanTagSize;
    if (at + 2 > size) return false;
  }
  const uint16_t type = load16(data + at);
  layout->end = size;
  if (type != kEthIpv4 && type != kEthIpv6) return true;
  layout->l3 = at + 2;
  return type == kEthIpv4 ? locate_ipv4(data, size, layout) : locate_ipv6(data, size, layout);
}

uint64_t pseudo_header_sum(const uint8_t* data, const FrameLayout& layout, uint32_t l4_size) {
  const bool ipv4 = layout.version == 4;
  const uint64_t sum = csum_add(0, data + layout.l3 + (ipv4 ? 12 : 8), ipv4 ? 8 : 32);
  return sum + to_be32(l4_size).raw + to_be16(layout.proto).raw;
}

}  // namespace pw
