// See fragments_read.h. The checks are those of OVS's lib/ipf.c, and that a fragment must carry something that fits.
#include "fragments_read.h"

#include "checksum.h"
#include "protocols.h"

namespace pw {
namespace {

constexpr uint16_t kMoreV4 = 0x2000, kOffsetV4 = 0x1fff;  // RFC 791 section 3.1, offset in 8-byte units
constexpr uint16_t kMoreV6 = 0x0001, kOffsetV6 = 0xfff8;  // RFC 8200 section 4.5, offset in place
constexpr uint32_t kFragmentHeader = 8, kFlagsV4 = 6;

bool read_ipv4(const uint8_t* ip, uint32_t room, FragmentRead& read) {
  const uint32_t header = (ip[0] & 0x0f) * 4u;
  read.ip_size = load16(ip + 2);
  if (header < kIpv4Size || read.ip_size < header || read.ip_size > room) return false;
  if (csum_finish(csum_add(0, ip, header)) != 0) return false;
  FragmentKey& key = read.key;
  key.family = 4;
  key.proto = ip[9];
  key.id = load16(ip + 4);
  memcpy(key.src, ip + 12, 4);
  memcpy(key.dst, ip + 16, 4);
  const uint16_t flags = load16(ip + kFlagsV4);
  read.more = flags & kMoreV4;
  read.start = (flags & kOffsetV4) * 8u;
  read.header = header;
  return true;
}

// Bytes of an extension header before the fragment header, 0 when it is none or cut short.
uint32_t extension_size(uint8_t type, const uint8_t* p, uint32_t left) {
  if (left < 8) return 0;
  uint32_t size = 0;
  if (type == kIpHopopts || type == kIpRouting || type == kIpDstopts) size = (p[1] + 1u) * 8;
  else if (type == kIpAh) size = (p[1] + 2u) * 4;
  return size <= left ? size : 0;
}

bool read_ipv6(const uint8_t* ip, uint32_t room, FragmentRead& read) {
  read.ip_size = kIpv6Size + load16(ip + 4);
  if (read.ip_size > room) return false;
  uint8_t next = ip[6];
  uint32_t at = kIpv6Size;
  while (next != kIpFragment) {
    const uint32_t size = extension_size(next, ip + at, read.ip_size - at);
    if (size == 0) return false;
    next = ip[at];
    at += size;
  }
  if (at + kFragmentHeader > read.ip_size) return false;
  FragmentKey& key = read.key;
  key.family = 6;
  key.id = load32(ip + at + 4);
  memcpy(key.src, ip + 8, 16);
  memcpy(key.dst, ip + 24, 16);
  const uint16_t flags = load16(ip + at + 2);
  read.more = flags & kMoreV6;
  read.start = flags & kOffsetV6;
  read.header = at + kFragmentHeader;
  return true;
}

}  // namespace

bool read_fragment(const Packet& packet, uint16_t zone, FragmentRead& read) {
  // Who leaves checksums or segments to be made later cannot have cut the datagram already.
  if (packet.l3_offset == kNoOffset || packet.csum_partial || packet.gso_size != 0) return false;
  const bool is_v4 = packet.key.dl_type == to_be16(kEthIpv4);
  const uint8_t* ip = packet.data + packet.l3_offset;
  const uint32_t room = packet.size - packet.l3_offset;
  read = {};
  if (!(is_v4 ? read_ipv4(ip, room, read) : read_ipv6(ip, room, read))) return false;
  read.key.zone = zone;
  read.key.recirc_id = packet.key.recirc_id.get();
  read.key.in_port = packet.key.in_port.get();
  read.end = read.start + read.ip_size - read.header;
  return read.end > read.start && read.end <= kMaxDatagram;
}

bool write_whole_header(uint8_t* l3, const FragmentRead& first, uint32_t payload) {
  const uint32_t size = first.header + payload - (first.key.family == 4 ? 0 : kIpv6Size);
  if (size > kMaxDatagram) return false;
  if (first.key.family == 4) {
    store16(l3 + 2, static_cast<uint16_t>(size));
    store16(l3 + kFlagsV4, 0);
    memset(l3 + kIpv4Csum, 0, 2);
    const uint16_t csum = csum_finish(csum_add(0, l3, first.header));
    memcpy(l3 + kIpv4Csum, &csum, 2);
  } else {
    store16(l3 + 4, static_cast<uint16_t>(size));
    store16(l3 + first.header - kFragmentHeader + 2, 0);
  }
  return true;
}

}  // namespace pw
