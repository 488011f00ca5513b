// Partial checksums, verification, segmentation: see offload.h.
#include "offload.h"

#include <array>

#include "checksum.h"
#include "frame_layout.h"
#include "gso.h"

namespace pw {

namespace {

// CRC32c (RFC 9260 appendix A), reflected, one byte at a time: SCTP is rare here.
constexpr std::array<uint32_t, 256> make_crc32c_table() {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; i++) {
    uint32_t crc = i;
    for (int bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ ((crc & 1) ? 0x82f63b78u : 0);
    table[i] = crc;
  }
  return table;
}

uint32_t crc32c(uint32_t crc, const uint8_t* p, uint32_t size) {
  static constexpr std::array<uint32_t, 256> kTable = make_crc32c_table();
  for (uint32_t i = 0; i < size; i++) crc = (crc >> 8) ^ kTable[(crc ^ p[i]) & 0xff];
  return crc;
}

// Of an SCTP packet, its checksum field counted as zero.
uint32_t sctp_checksum(const uint8_t* sctp, uint32_t size) {
  static constexpr uint8_t kZero[4] = {};
  uint32_t crc = crc32c(~0u, sctp, kSctpCsum);
  crc = crc32c(crc, kZero, sizeof kZero);
  return ~crc32c(crc, sctp + kSctpCsum + 4, size - kSctpCsum - 4);
}

bool sctp_valid(const uint8_t* sctp, uint32_t size) {
  if (size < kSctpSize) return false;
  uint32_t got;
  memcpy(&got, sctp + kSctpCsum, sizeof got);  // little-endian on the wire, as the machine is
  return got == sctp_checksum(sctp, size);
}

}  // namespace

bool compute_checksum(const Packet& packet, FinishedChecksum* result) {
  const uint32_t start = packet.csum_start, field = start + packet.csum_offset;
  if (start >= packet.size || field + 2 > packet.size) return false;
  result->at = field;
  FrameLayout layout;
  const bool located = locate(packet.data, packet.size, &layout) && layout.l4 == start;
  if (located && layout.proto == kIpSctp && packet.csum_offset == kSctpCsum) {
    if (layout.end - start < kSctpSize) return false;
    const uint32_t crc = sctp_checksum(packet.data + start, layout.end - start);
    result->size = sizeof crc;
    memcpy(result->bytes, &crc, sizeof crc);
    return true;
  }
  uint16_t csum = csum_finish(csum_add(0, packet.data + start, packet.size - start));
  // Zero means "none" in UDP. In TCP both forms of zero are right, so the offset decides without a look at IP.
  if (csum == 0 && packet.csum_offset == kUdpCsum) csum = 0xffff;
  result->size = sizeof csum;
  memcpy(result->bytes, &csum, sizeof csum);
  return true;
}

bool finish_checksum(Packet& packet) {
  if (!packet.csum_partial) return true;
  FinishedChecksum checksum;
  if (!compute_checksum(packet, &checksum)) return false;
  memcpy(packet.data + checksum.at, checksum.bytes, checksum.size);
  packet.csum_partial = false;
  return true;
}

bool checksums_valid(const Packet& packet) {
  FrameLayout layout;
  if (!locate(packet.data, packet.size, &layout)) return false;
  if (layout.version == 0) return true;
  const uint8_t* ip = packet.data + layout.l3;
  if (layout.version == 4 && csum_fold(csum_add(0, ip, (ip[0] & 0x0f) * 4u)) != 0xffff) return false;
  if (layout.l4 == 0 || layout.fragment) return true;  // the rest is elsewhere

  const uint8_t* l4 = packet.data + layout.l4;
  uint32_t size = layout.end - layout.l4;
  uint64_t sum = 0;
  switch (layout.proto) {
    case kIpSctp:
      return sctp_valid(l4, size);
    case kIpIcmp:
      if (layout.version != 4) return true;
      if (size < kIcmpSize) return false;
      break;
    case kIpIcmpv6:
      if (layout.version != 6) return true;
      if (size < 4) return false;
      break;
    case kIpTcp:
      if (size < kTcpSize) return false;
      break;
    case kIpUdp:
      if (size < kUdpSize || load16(l4 + 4) > size || load16(l4 + 4) < kUdpSize) return false;
      size = load16(l4 + 4);  // its own length rules; bytes behind it are not covered
      if (load16(l4 + kUdpCsum) == 0) return layout.version == 4;  // RFC 768; not allowed over IPv6 (RFC 8200 8.1)
      break;
    default:
      return true;
  }
  if (layout.proto != kIpIcmp) {
    if (layout.routed) return true;  // the final address is not in reach
    sum = pseudo_header_sum(packet.data, layout, size);
  }
  return csum_fold(csum_add(sum, l4, size)) == 0xffff;
}

int segment_gso(const Packet& packet, uint8_t* scratch, uint32_t scratch_size,
                const std::function<void(Packet& segment)>& emit) {
  GsoCut cut;
  if (!cut.parse(packet)) return -1;
  const uint32_t room = scratch_size > kHeadroom ? scratch_size - kHeadroom : 0;
  if (cut.header_size() + cut.payload_size(0) > room) return -1;
  Packet segment = packet;
  for (int i = 0; i < cut.count(); i++) {
    segment.data = scratch + kHeadroom;
    segment.size = cut.header_size() + cut.payload_size(i);
    segment.headroom = kHeadroom;
    segment.tailroom = room - segment.size;
    segment.csum_partial = false;
    segment.csum_start = segment.csum_offset = 0;
    segment.gso_type = GsoType::none;
    segment.gso_ecn = false;
    segment.gso_size = 0;
    cut.write_header(i, segment.data);
    memcpy(segment.data + cut.header_size(), cut.payload(i), cut.payload_size(i));
    emit(segment);
  }
  return cut.count();
}

}  // namespace pw
