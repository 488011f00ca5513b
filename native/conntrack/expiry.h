// When connections die. The protocol files name a Timeout; tracker.cc keeps each connection on the wheel and asks it,
// between bursts, for those that are due.
//
// The wheel is a ring of one-second lists. A packet that prolongs a connection's life only moves its deadline
// (expires_ns, in a line that is read anyway); the list is looked at again when its old second comes, and the
// connection then moves on. So an established connection costs no list work for a packet, and expire() looks only at
// what may be due. Lists kept in order for each timeout would touch two neighbours for every packet.
#pragma once
#include <array>
#include <cstdint>

#include "pool.h"
#include "timeouts.h"

namespace pw {

class Wheel {
 public:
  explicit Wheel(Pool& pool) : pool_(pool) { heads_.fill(kNoConnection); }

  void add(Connection&, uint64_t expires_ns, uint64_t now_ns);
  void remove(Connection&);
  // A new deadline, later or sooner.
  void set(Connection& c, uint64_t expires_ns) {
    c.expires_ns = expires_ns;
    if (tick_after(expires_ns) < c.wheel_tick) move(c);
  }
  // Calls bury(Connection&) for those whose deadline has passed; bury must remove() them. Looks at `budget` at most.
  template <typename Bury>
  void expire(uint64_t now_ns, uint32_t budget, Bury&& bury);

  uint32_t size() const { return size_; }
  // Connections on the lists, counted one by one, for tests. Kept equal to size().
  uint32_t count() const;

 private:
  static constexpr uint32_t kSlots = 1024;  // seconds; who has longer to live is looked at once a turn
  static constexpr uint32_t tick_of(uint64_t ns) { return static_cast<uint32_t>(ns / kSecond); }
  static constexpr uint32_t tick_after(uint64_t ns) { return tick_of(ns) + 1; }  // the first that begins after ns
  void link(Connection&);
  void move(Connection& c) {
    remove(c);
    link(c);
  }

  Pool& pool_;
  std::array<uint32_t, kSlots> heads_;
  uint32_t next_tick_ = 0;  // the list that expire() looks at next
  uint32_t size_ = 0;
};

template <typename Bury>
void Wheel::expire(uint64_t now_ns, uint32_t budget, Bury&& bury) {
  const uint32_t now_tick = tick_of(now_ns);
  if (size_ == 0) return;
  if (now_tick - next_tick_ >= kSlots && now_tick > next_tick_) next_tick_ = now_tick - kSlots + 1;  // once round
  while (next_tick_ <= now_tick && size_) {
    const uint32_t head = heads_[next_tick_ % kSlots];
    if (head == kNoConnection) {
      next_tick_++;
      continue;
    }
    if (budget-- == 0) return;
    Connection& c = pool_.at(head);
    if (c.expires_ns <= now_ns) bury(c);
    else move(c);
  }
}

}  // namespace pw
