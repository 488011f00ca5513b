// NAT in two halves. The decision: which tuple will the answers of a new connection have? tracker.cc asks once, on
// commit. The rewrite: a packet's addresses and ports become what its connection says, in both directions; tracker.cc
// asks for every packet that a ct(nat) meets.
//
//   orig   192.0.2.1:40000 -> 198.51.100.2:80        as the client sends
//   reply  198.51.100.2:80 -> 203.0.113.5:1025       what nat(src=203.0.113.5) made of it, reversed
//
// A packet of the original direction becomes reverse(reply), an answer becomes reverse(orig).
#pragma once
#include <functional>

#include "../conntrack.h"
#include "connection.h"

namespace pw {

enum NatKind : uint8_t { kNatNone = 0, kNatSrc = 1, kNatDst = 2 };  // Connection::nat

// Draws that nobody outside can foresee, or, for `persistent`, that are the same after a restart.
struct NatDice {
  SipKey key;
  uint64_t throws = 0;
};

// Writes to `reply` a tuple for the answers that `is_taken` does not know. False when there is none within the spec:
// the packet then stays as it is, +new and without a connection, as in OVS.
//
// `restore` chooses nothing: OVS 3.1 enters 0.0.0.0 for ct(commit,nat), and no answer is ever found; here, as in the
// kernel, the connection is committed as it is.
//
// As OVS 3.1 has it: one address of the range, by hash, and no other; a source keeps its port when it can, and else
// gets one of its own kind (1..511, 600..1023, 1024..65535); a given port range is tried from a place that a hash
// chooses; when no destination port is free, the source port gives way. At most 128 + 64 + 32 + 16 ports are tried.
bool choose_reply(const NatSpec&, const Tuple& orig, NatDice&, const std::function<bool(const Tuple&)>& is_taken,
                  Tuple& reply);

// Rewrites the packet, of an ICMP error also the packet inside, and says which address it was: kCtSnat or kCtDnat.
// The packet inside becomes what its sender sent, byte for byte where its checksums are carried. (OVS 3.1 damages it in
// ICMPv6 errors, and writes behind one that is cut short.)
uint32_t translate(Packet&, const Connection&, Direction, bool related);

}  // namespace pw
