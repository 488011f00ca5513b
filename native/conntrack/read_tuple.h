// From a packet to the tuple that names its connection, with the checks that make it worth tracking. First step of
// tracker.cc; the bytes are read again (not the key) because they are what the checksum covers.
#pragma once
#include "../packet.h"
#include "icmp.h"

namespace pw {

struct Subject {
  Tuple tuple;         // of the packet; of an ICMP error: of the packet inside, turned into the error's direction
  bool related = false;  // an ICMP error
  const uint8_t* l4;
  uint32_t l4_size;    // without what pads the frame
};

// False when the packet cannot be tracked: not IP, a fragment, headers cut short or lying, a checksum that is known to
// be wrong, an ICMP type that names no connection. Sets packet.csum_valid when it has found the L4 checksum right.
//
// Fragments are joined before they come here (fragments.h). One that was refused there ends as +inv+trk.
bool read_tuple(Packet& packet, uint16_t zone, Subject&);

}  // namespace pw
