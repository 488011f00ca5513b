// One tracked connection: three cache lines. Made by tracker.cc on commit, found through table.cc, aged by expiry.cc.
//
//   line 0  deadline, mark, serial, flags, TCP state of both ends    all that a packet of a known path needs (path.h)
//   line 1  orig tuple, and what only commit and expiry touch
//   line 2  reply tuple, label
#pragma once
#include <cstddef>
#include <cstdint>

#include "../conntrack.h"
#include "tuple.h"

namespace pw {

constexpr uint32_t kNoConnection = 0xffffffff;
enum Direction : uint8_t { kOrig = 0, kReply = 1 };

// In the order that OVS compares them by (ct-dpif.h); the names are what dump-conntrack prints.
enum class TcpState : uint8_t {
  closed, listen, syn_sent, syn_recv, established, close_wait, fin_wait_1, closing, last_ack, fin_wait_2, time_wait,
};

// One end of a TCP connection, as the tracker has seen it (tcp.cc).
struct TcpPeer {
  uint32_t seqlo;    // highest sequence number sent
  uint32_t seqhi;    // highest that the other end acknowledged, plus its window
  uint16_t max_win;  // largest window offered, before scaling
  uint8_t wscale;    // kWscale* | shift
  TcpState state;
};
constexpr uint8_t kWscaleKnown = 0x80;    // the end sent the option
constexpr uint8_t kWscaleUnknown = 0x40;  // picked up mid-stream: any shift may be in use
constexpr uint8_t kWscaleShift = 0x0f;

// What everything that is not TCP remembers (other.cc, icmp.cc).
enum class FlowState : uint8_t { first, multiple, both_ways };

enum ConnectionFlags : uint8_t {
  kMirror = 1,    // both tuples are equal (a host talking to its own port): one place in the table, not two
  kHasLabel = 2,  // the label is not zero, line 2 must be read
  kDefaultLimit = 4,     // counts on the limit that zones share (limits.h)
  kExpected = 8,         // another connection announced it (expectations.h): +rel
  kShifted = 16,         // alg_rewrite.cc made what one end sent longer or shorter
  kShiftedReply = 32,    // it was the reply direction
};

// By how much NAT of addresses in a control channel has moved one end's sequence numbers (alg_rewrite.cc).
struct SequenceShift {
  uint32_t position;  // of the last segment that was rewritten, as its sender numbers it
  int32_t after;      // for what lies behind it
};

struct alignas(64) Connection {
  uint64_t expires_ns;
  uint32_t mark;     // host order
  uint32_t serial;   // unlike any earlier connection in this slot; 0: the slot is free
  TcpPeer peer[2];   // by Direction
  uint32_t self;     // index in the pool
  uint32_t wheel_tick;
  uint16_t version;  // of what a path relies on: another one after each change of mark or label, and after a first answer
  uint8_t flags;
  FlowState flow_state;
  uint8_t nat;       // NatKind, see nat.h
  Alg alg;           // reads this control channel
  int16_t shift_last;  // what the segment at shift.position added to it
  uint32_t policy;   // of timeouts, see timeouts.h
  uint8_t pad0[4];

  Tuple orig;
  uint32_t hash[2];  // of orig and reply
  uint32_t wheel_prev, wheel_next;
  uint32_t next_free;
  uint32_t limit_serial;  // of the limit that it counts on (limits.h); 0: none

  Tuple reply;
  uint8_t label[16]; // network order
  SequenceShift shift;

  const Tuple& tuple(Direction direction) const { return direction == kOrig ? orig : reply; }
};
static_assert(sizeof(TcpPeer) == 12 && sizeof(Connection) == 192);
static_assert(offsetof(Connection, orig) == 64 && offsetof(Connection, reply) == 128);

}  // namespace pw
