// What happened to packets, in numbers. Written by the datapath thread only; TypeScript asks for a copy.
// Every packet ends exactly once, so at any time between bursts:
//   received + executed + copied == delivered + (sum of drops) + waiting in an upcall slot
//     + fragments held
#pragma once
#include <array>
#include <cstdint>

#include "drop.h"

namespace pw {

struct Counters {
  uint64_t received = 0;        // read from ports
  uint64_t executed = 0;        // packet-outs
  uint64_t copied = 0;          // branches that went on alone: a clone, a recirculation or upcall amid a list
  uint64_t sent = 0;            // frames handed to a port's tx
  uint64_t delivered = 0;       // packets that ended with at least one output, or as TypeScript said (drop:none)
  uint64_t upcalls = 0;         // passes that ended in a slot
  uint64_t unwatched = 0;       // passes of watched packets that found no slot to be told from
  uint64_t recirculations = 0;
  uint64_t followed = 0;        // packets that took a known path (path.h)
  std::array<uint64_t, kDropCount> drops{};        // packets, by reason
  std::array<uint64_t, kDropCount> copy_drops{};   // outputs that failed while the packet went on elsewhere

  void drop(Drop reason) { drops[static_cast<size_t>(reason)]++; }
  void copy_drop(Drop reason) { copy_drops[static_cast<size_t>(reason)]++; }
};

}  // namespace pw
