// What a fragment says of itself: which datagram it belongs to, and which bytes of it it carries. For fragments.cc.
#pragma once
#include "packet.h"

namespace pw {

constexpr uint32_t kMaxDatagram = 65535;  // what an IP length field can say

// Fragments with equal keys are of one datagram. As in OVS, zone and recirc_id are part of it: each ct action joins
// anew. in_port too, which OVS leaves out: what one port sends never completes the datagram of another.
struct FragmentKey {
  uint8_t src[16], dst[16];
  uint32_t id, recirc_id, in_port;
  uint16_t zone;
  uint8_t proto;   // IPv4 only: IPv6 numbers by addresses alone (RFC 8200 section 4.5)
  uint8_t family;  // 4 or 6

  bool operator==(const FragmentKey& other) const { return memcmp(this, &other, sizeof *this) == 0; }
};
static_assert(sizeof(FragmentKey) == 48);

struct FragmentRead {
  FragmentKey key;
  uint32_t ip_size;       // of this packet, without what pads the frame
  uint32_t header;        // bytes before the fragment's part of the datagram, from the IP header on
  uint32_t start, end;    // its part
  bool more;              // there is another behind it
};

// False when the packet is no fragment that could be held: its headers are cut short or lie, its checksum is wrong, it
// carries nothing, or more than a datagram can have. Needs extract() done.
bool read_fragment(const Packet& packet, uint16_t zone, FragmentRead& read);

// Makes the headers of a first fragment those of a datagram with `payload` bytes behind them. False, and nothing is
// written, when that is more than IP can say. For IPv6 the fragment header stays, and says "whole" (RFC 6946).
bool write_whole_header(uint8_t* l3, const FragmentRead& first, uint32_t payload);

}  // namespace pw
