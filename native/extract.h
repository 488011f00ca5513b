// From bytes to the flow key: the second stage of a burst. A port's rx hands it a packet whose metadata and tunnel
// part are filled; it hands on the headers part of the key (bytes 88..199) and the L3/L4 offsets.
// Reads as OVS's miniflow_extract() does: a header that is cut short or lies leaves its fields zero, never a guess.
#pragma once
#include "packet.h"

namespace pw {

constexpr uint32_t kEthHeaderSize = 14;

// Any bytes are welcome. l3_offset is set for IPv4, IPv6 and ARP whose fixed header is sane; l4_offset when the
// header of the protocol lies inside the IP packet (so not for later fragments), or for a protocol that we do not know,
// at its first byte. As in OVS it is also set for TCP whose header length is wrong (the checksum is where it always is)
// and for SCTP that is cut short (conntrack does not look into it): their ports are not read, nor written.
void extract(Packet& packet);

}  // namespace pw
