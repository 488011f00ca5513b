// Mending L4 checksums by difference, see l4_checksum.h.
#include "l4_checksum.h"

#include <array>

#include "checksum.h"
#include "protocols.h"

namespace pw {
namespace {

bool is_ipv6(const Packet& packet) { return packet.key.dl_type == to_be16(kEthIpv6); }

// The checksum's place from the start of the L4 header, or 0 when the protocol has none that we know.
uint32_t checksum_offset(const Packet& packet) {
  switch (packet.key.nw_proto) {
    case kIpTcp: return kTcpCsum;
    case kIpUdp: return kUdpCsum;
    case kIpIcmp:
    case kIpIcmpv6: return kIcmpCsum;
    default: return 0;
  }
}

// The sum of this very header is left to the hardware, so to say.
bool is_partial(const Packet& packet, uint32_t offset) {
  return packet.csum_partial && packet.csum_start == packet.l4_offset && packet.csum_offset == offset;
}

void mend(Packet& packet, uint32_t offset, const void* old_bytes, const void* new_bytes, size_t size) {
  uint8_t* field = packet.data + packet.l4_offset + offset;
  uint16_t csum;
  memcpy(&csum, field, 2);
  if (packet.key.nw_proto == kIpUdp) {
    if (csum == 0) return;
    csum = csum_update(csum, old_bytes, new_bytes, size);
    if (csum == 0) csum = 0xffff;
  } else {
    csum = csum_update(csum, old_bytes, new_bytes, size);
  }
  memcpy(field, &csum, 2);
}

constexpr std::array<uint32_t, 256> kCrcTable = [] {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; i++) {
    uint32_t c = i;
    for (int bit = 0; bit < 8; bit++) c = (c & 1) ? (c >> 1) ^ 0x82f63b78u : c >> 1;  // Castagnoli, reflected
    table[i] = c;
  }
  return table;
}();

uint32_t crc_add(uint32_t crc, const uint8_t* p, size_t n) {
  while (n-- > 0) crc = kCrcTable[(crc ^ *p++) & 0xff] ^ (crc >> 8);
  return crc;
}

}  // namespace

void mend_pseudo_header(Packet& packet, const void* old_bytes, const void* new_bytes, size_t size) {
  const uint8_t proto = packet.key.nw_proto;
  if (proto != kIpTcp && proto != kIpUdp && !(proto == kIpIcmpv6 && is_ipv6(packet))) return;
  const uint32_t offset = checksum_offset(packet);
  if (!is_partial(packet, offset)) return mend(packet, offset, old_bytes, new_bytes, size);
  // The field is the plain sum, not its complement: updating the complement's complement is the same algebra.
  uint8_t* field = packet.data + packet.l4_offset + offset;
  uint16_t sum;
  memcpy(&sum, field, 2);
  sum = static_cast<uint16_t>(~csum_update(static_cast<uint16_t>(~sum), old_bytes, new_bytes, size));
  memcpy(field, &sum, 2);
}

void mend_l4_checksum(Packet& packet, const void* old_bytes, const void* new_bytes, size_t size) {
  const uint32_t offset = checksum_offset(packet);
  if (offset == 0 || is_partial(packet, offset)) return;
  mend(packet, offset, old_bytes, new_bytes, size);
}

uint32_t l4_size(const Packet& packet) {
  const uint8_t* ip = packet.data + packet.l3_offset;
  const uint32_t end =
      packet.l3_offset + (is_ipv6(packet) ? kIpv6Size + load16(ip + 4) : static_cast<uint32_t>(load16(ip + 2)));
  return end - packet.l4_offset;
}

uint32_t sctp_crc(const Packet& packet) {
  static constexpr uint8_t kZero[4] = {};
  const uint8_t* l4 = packet.data + packet.l4_offset;
  uint32_t crc = crc_add(0xffffffff, l4, kSctpCsum);
  crc = crc_add(crc, kZero, 4);
  return ~crc_add(crc, l4 + kSctpSize, l4_size(packet) - kSctpSize);
}

void mend_sctp_crc(Packet& packet, uint32_t crc_before) {
  // By difference, so that a CRC that was wrong stays wrong.
  uint8_t* field = packet.data + packet.l4_offset + kSctpCsum;
  uint32_t crc;
  memcpy(&crc, field, 4);
  crc ^= crc_before ^ sctp_crc(packet);
  memcpy(field, &crc, 4);
}

bool routing_segments_left(const Packet& packet) {
  const uint8_t* ip = packet.data + packet.l3_offset;
  uint8_t next = ip[6];
  // extract() walked the same headers up to l4_offset; without it the chain was cut short.
  if (packet.l4_offset == kNoOffset) return false;
  const uint8_t* p = ip + kIpv6Size;
  const uint8_t* end = packet.data + packet.l4_offset;
  while (p + 8 <= end) {
    if (next == kIpRouting) return p[3] > 0;
    if (next != kIpHopopts && next != kIpDstopts && next != kIpAh && next != kIpFragment) return false;
    const uint32_t size = next == kIpFragment ? 8 : next == kIpAh ? (p[1] + 2u) * 4 : (p[1] + 1u) * 8;
    next = p[0];
    p += size;
  }
  return false;
}

}  // namespace pw
