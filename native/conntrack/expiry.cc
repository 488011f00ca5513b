// The wheel's lists, see expiry.h.
#include "expiry.h"

#include <algorithm>

namespace pw {

void Wheel::add(Connection& c, uint64_t expires_ns, uint64_t now_ns) {
  if (size_ == 0) next_tick_ = tick_of(now_ns);
  c.expires_ns = expires_ns;
  link(c);
}

// Beyond a turn there is no slot: the last one it is, and then again. The deadline lies after next_tick_ whenever
// expire() moves a connection, so it never meets the same one twice on a list.
void Wheel::link(Connection& c) {
  c.wheel_tick = std::clamp(tick_after(c.expires_ns), next_tick_, next_tick_ + kSlots - 1);
  uint32_t& head = heads_[c.wheel_tick % kSlots];
  c.wheel_prev = kNoConnection;
  c.wheel_next = head;
  if (head != kNoConnection) pool_.at(head).wheel_prev = c.self;
  head = c.self;
  size_++;
}

void Wheel::remove(Connection& c) {
  if (c.wheel_prev != kNoConnection) pool_.at(c.wheel_prev).wheel_next = c.wheel_next;
  else heads_[c.wheel_tick % kSlots] = c.wheel_next;
  if (c.wheel_next != kNoConnection) pool_.at(c.wheel_next).wheel_prev = c.wheel_prev;
  size_--;
}

uint32_t Wheel::count() const {
  uint32_t n = 0;
  for (uint32_t head : heads_)
    for (uint32_t i = head; i != kNoConnection; i = pool_.at(i).wheel_next) n++;
  return n;
}

}  // namespace pw
