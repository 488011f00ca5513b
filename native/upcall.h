// Packets that wait for TypeScript. The datapath thread puts a copy of the packet into a slot and tells the other side;
// whoever answers gives the slot's number back. Slots are bounded; each input port may hold an equal share, and beyond
// it what it finds in a common reserve, so that a port scan on one port does not starve the others.
//
// The datapath thread owns all of it, but for a slot between publish() and its answer: that one is read by JS.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "packet.h"

namespace pw {

enum class UpcallReason : uint8_t { miss, action, trace };

struct UpcallSlot {
  uint32_t number = 0;       // its index and, counted in steps of the slots' count, how often it was used: an answer
                             // that comes twice, or late, does not meet another packet
  bool waiting = false;
  bool from_reserve = false;
  UpcallReason reason = UpcallReason::miss;
  uint32_t cookie = 0;
  uint32_t depth = 0;        // recirculations so far
  uint32_t charged_port = 0;
  int64_t time_ns = 0;       // CLOCK_REALTIME of rx
  Packet packet;             // data points into `bytes`
  std::unique_ptr<uint8_t[]> bytes;
  uint32_t capacity = 0;
};

class UpcallSlots {
 public:
  explicit UpcallSlots(uint32_t count);

  // For the datapath thread. nullptr when the port's share and the reserve are used up. Packets that an action sends up
  // have half of the slots at most and watched ones a quarter, so that those that wait to be forwarded find one.
  UpcallSlot* take(uint32_t in_port, size_t port_count, UpcallReason reason);
  // Copies the packet into the slot, with headroom and offload state.
  static void fill(UpcallSlot& slot, const Packet& packet);
  // Tells the other side.
  void publish(UpcallSlot& slot);
  // The slot of an answer, nullptr when the number is not one that waits.
  UpcallSlot* waiting(uint32_t number);
  void give_back(UpcallSlot& slot);
  uint32_t in_use() const { return in_use_; }
  // Takes back every slot and forgets what was published. Only when the other side is not reading. Returns how many
  // packets waited.
  uint32_t clear();

  // For the other side: the next published slot, or nullptr. Single consumer.
  const UpcallSlot* next_published();

 private:
  const uint32_t count_, reserve_;
  uint32_t in_use_ = 0, reserve_used_ = 0, used_by_actions_ = 0, used_by_traces_ = 0;
  std::vector<std::unique_ptr<UpcallSlot>> slots_;       // made when first needed
  std::vector<uint32_t> free_;                           // a stack: the warm one first
  std::unordered_map<uint32_t, uint32_t> used_by_port_;
  // Numbers on their way to the other side. One more place than slots, so it cannot overflow.
  std::vector<uint32_t> ring_;
  std::atomic<uint32_t> head_{0}, tail_{0};
};

}  // namespace pw
