// Cutting GSO frames: see gso.h.
#include "gso.h"

#include "checksum.h"

namespace pw {

namespace {

constexpr uint32_t kTcpSeq = 4, kTcpDataOffset = 12, kTcpFlags = 13, kUdpLength = 4;
constexpr uint8_t kFin = 0x01, kPsh = 0x08, kCwr = 0x80;

bool fits_type(GsoType type, const FrameLayout& layout) {
  switch (type) {
    case GsoType::tcp4: return layout.version == 4 && layout.proto == kIpTcp;
    case GsoType::tcp6: return layout.version == 6 && layout.proto == kIpTcp;
    case GsoType::udp4: return layout.proto == kIpUdp;
    case GsoType::none: break;
  }
  return false;
}

}  // namespace

bool GsoCut::parse(const Packet& packet) {
  packet_ = &packet;
  if (packet.gso_size == 0 || !locate(packet.data, packet.size, &layout_)) return false;
  if (layout_.l4 == 0 || layout_.fragment || !fits_type(packet.gso_type, layout_)) return false;
  const bool tcp = layout_.proto == kIpTcp;
  if (layout_.l4 + (tcp ? kTcpSize : kUdpSize) > layout_.end) return false;
  const uint32_t l4_header = tcp ? (packet.data[layout_.l4 + kTcpDataOffset] >> 4) * 4u : kUdpSize;
  if (l4_header < (tcp ? kTcpSize : kUdpSize) || layout_.l4 + l4_header > layout_.end) return false;
  // A checksum to be finished must be the one of this header, not of some other place.
  if (packet.csum_partial &&
      (packet.csum_start != layout_.l4 || packet.csum_offset != (tcp ? kTcpCsum : kUdpCsum))) {
    return false;
  }
  header_size_ = layout_.l4 + l4_header;
  payload_size_ = layout_.end - header_size_;
  segment_size_ = packet.gso_size;
  const uint32_t count = payload_size_ == 0 ? 1 : (payload_size_ + segment_size_ - 1) / segment_size_;
  if (count > kMaxSegments) return false;
  count_ = static_cast<int>(count);
  return true;
}

uint32_t GsoCut::payload_size(int i) const {
  return i + 1 < count_ ? segment_size_ : payload_size_ - uint32_t(i) * segment_size_;
}

void GsoCut::write_header(int i, uint8_t* header) const {
  memcpy(header, packet_->data, header_size_);
  const uint32_t size = payload_size(i), l4_size = header_size_ - layout_.l4 + size;
  uint8_t* ip = header + layout_.l3;
  uint8_t* l4 = header + layout_.l4;
  if (layout_.version == 4) {
    store16(ip + 2, static_cast<uint16_t>(header_size_ - layout_.l3 + size));
    store16(ip + 4, static_cast<uint16_t>(load16(ip + 4) + i));
    memset(ip + kIpv4Csum, 0, 2);
    const uint16_t csum = csum_finish(csum_add(0, ip, (ip[0] & 0x0f) * 4u));
    memcpy(ip + kIpv4Csum, &csum, 2);
  } else {
    store16(ip + 4, static_cast<uint16_t>(header_size_ - layout_.l3 - kIpv6Size + size));
  }

  const bool tcp = layout_.proto == kIpTcp;
  if (tcp) {
    store32(l4 + kTcpSeq, load32(l4 + kTcpSeq) + uint32_t(i) * segment_size_);
    if (i > 0) l4[kTcpFlags] &= static_cast<uint8_t>(~kCwr);
    if (i + 1 < count_) l4[kTcpFlags] &= static_cast<uint8_t>(~(kFin | kPsh));
  } else {
    store16(l4 + kUdpLength, static_cast<uint16_t>(l4_size));
  }

  uint8_t* field = l4 + (tcp ? kTcpCsum : kUdpCsum);
  uint64_t sum = 0;
  if (packet_->csum_partial) {
    // The field holds the sum of the pseudo-header with the whole frame's length: take that out, put ours in.
    uint16_t seed;
    memcpy(&seed, field, 2);
    const uint16_t whole = to_be16(static_cast<uint16_t>(layout_.end - layout_.l4)).raw;
    sum = uint64_t{seed} + static_cast<uint16_t>(~whole) + to_be16(static_cast<uint16_t>(l4_size)).raw;
  } else {
    sum = pseudo_header_sum(header, layout_, l4_size);
  }
  memset(field, 0, 2);
  sum = csum_add(sum, l4, header_size_ - layout_.l4);
  // The payload begins at an odd offset of the sum only when the header is odd, which no TCP or UDP header is.
  uint16_t csum = csum_finish(csum_add(sum, payload(i), size));
  if (!tcp && csum == 0) csum = 0xffff;
  memcpy(field, &csum, 2);
}

}  // namespace pw
