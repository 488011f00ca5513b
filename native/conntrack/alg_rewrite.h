// Text in a control channel that names an address: NAT must change it, and it may get longer or shorter. Then every
// later sequence number of that end differs on the two sides of the switch. For alg.cc and tracker.cc.
#pragma once
#include <string_view>

#include "../packet.h"
#include "connection.h"

namespace pw {

// Replaces `size` bytes at `at` of the TCP payload; lengths and checksums are mended. The bytes in front move into the
// headroom or out of it. False, and nothing changes, when there is no room or IP's length field cannot say it. A packet
// without headroom is left alone in any case: one that was put together of fragments must keep its size.
bool replace_payload(Packet&, uint32_t at, uint32_t size, std::string_view text);

// The segment of sequence number `seq`, as its sender numbers it, became `difference` bytes longer. The same segment
// sent once more says the same once more. (OVS 3.1 adds it up, and the connection is lost.)
void note_shift(Connection&, Direction, uint32_t seq, int32_t difference);

// Acknowledgements to the end whose numbers are shifted: as that end knows them. Before the state machine looks.
void unshift_ack(Packet&, const Connection&, Direction);
// What the end itself sends: as the other end knows it. After the state machine and Algs::read() have
// looked.
void shift_seq(Packet&, const Connection&, Direction);

}  // namespace pw
