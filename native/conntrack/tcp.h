// TCP: states and the sequence window, for tracker.cc. The algorithm is the one of OVS's userspace conntrack and of the
// BSDs' pf (van Rooij, "Real Stateful TCP Packet Filtering in IP Filter"): both ends' data must fit into what the other
// end has allowed, in both directions.
#pragma once
#include "verdict.h"

namespace pw {

// tcp_flags bits (RFC 9293, figure 1).
constexpr uint8_t kTcpFin = 0x01, kTcpSyn = 0x02, kTcpRst = 0x04, kTcpPsh = 0x08, kTcpAck = 0x10, kTcpUrg = 0x20;

// One segment as the tracker reads it. A GSO frame is one segment with its whole payload.
struct Segment {
  uint32_t seq, ack, payload;
  uint16_t window;
  uint8_t flags;
  const uint8_t* options;
  uint32_t options_size;
};

// `l4` points to a TCP header of `size` bytes with its payload; header and data offset have been checked.
Segment read_segment(const uint8_t* l4, uint32_t size);

// May the segment open a connection? A SYN may, and so may, when `loose`, one from the middle of a stream.
bool tcp_may_open(const Segment&, bool loose);
Timeout tcp_open(Connection&, const Segment&);
// `liberal`: a segment outside the window is not invalid.
Update tcp_update(Connection&, const Segment&, Direction, bool liberal);

// What tcp_update() does most of the time: an ACK, with data or without, inside the window of a connection that is
// established at both ends. False: it is not that, and nothing was done.
bool tcp_touch(Connection&, const Segment&, Direction, bool liberal);

}  // namespace pw
