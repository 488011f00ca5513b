// The datapath thread's loop: commands, bursts, housekeeping, and the wait. See datapath.h for the other half.
//
//   commands -> each hot port: rx, pipeline -> end of burst -> upcalls told -> once a second: tick
//        ^                                                                             |
//        +--- worked, or worked less than spin_us ago: look at epoll, do not wait <----+
//        +--- else: wait in epoll until a packet, a command or the next tick <---------+
#include <pthread.h>
#include <sched.h>

#include <algorithm>

#include "clock.h"
#include "datapath.h"

namespace pw {
namespace {

constexpr uint64_t kTick = 1'000'000'000;
constexpr uint32_t kExpireSlice = 256;

}  // namespace

void Datapath::loop() {
  pthread_setname_np(pthread_self(), "pw-datapath");
  const uint64_t spin_ns = config_.spin_us * 1000ull;
  uint64_t last_work = monotonic_ns();
  uint64_t next_tick = last_work + kTick;
  while (!must_stop_.load(std::memory_order_relaxed)) {
    uint64_t now = monotonic_ns();
    bool worked = commands_.run_all();
    worked |= receive_all(now);
    if (worked) pipeline_.end_burst();
    if (pipeline_.take_published()) notify_();
    if (now >= next_tick) {
      tick();
      next_tick = now + kTick;
    }
    if (expire_due_ > 0) {
      const uint32_t slice = std::min(expire_due_, kExpireSlice);
      pipeline_.conntrack->expire(now, slice);
      expire_due_ -= slice;
    }
    if (worked) last_work = now;
    if (worked || now - last_work < spin_ns || expire_due_ > 0) {
      // Where threads share a core, the one that will send to us goes first: +20 % of TCP on two cores (bench
      // tcp-1-stream).
      if (!worked) sched_yield();
      if (poller_.poll(0)) check_ports(false);
      continue;
    }
    // Who posts a command first queues it, then looks at the flag; we first raise the flag, then look at the queue. So
    // one of us sees the other.
    poller_.set_sleeping(true);
    if (!commands_.has_waiting() && !must_stop_.load()) {
      const auto wait_ms = static_cast<int>((next_tick - now) / 1'000'000 + 1);
      if (poller_.poll(wait_ms)) check_ports(false);
    }
    poller_.set_sleeping(false);
  }
}

bool Datapath::receive_all(uint64_t now_ns) {
  bool worked = false;
  for (const auto& port : pipeline_.ports.all()) {
    if (port->state == PortState::gone) continue;
    if (!port->is_hot && port->port->fd() >= 0) continue;  // epoll will tell
    const uint64_t bad = port->port->counters.rx_errors;
    const int n = port->port->rx(port->received, kBurst);
    // A burst of nothing but bad frames is work too: its buffers must go back, and more may be waiting behind it.
    if (n > 0 || port->port->counters.rx_errors != bad) {
      port->has_received = true;
      port->is_hot = true;
      port->empty_wakes = 0;
      if (n > 0) pipeline_.receive(port->received, n, now_ns);
      worked = true;
    } else if (port->is_hot) {
      port->is_hot = false;
      poller_.gave_nothing(*port);
    }
  }
  return worked;
}

void Datapath::tick() {
  pipeline_.cache.maintain();
  pipeline_.expire_fragments(monotonic_ns());
  check_ports(true);
  // A sixteenth of the connections each second: what has timed out is gone within 16 s.
  expire_due_ = pipeline_.conntrack->size() / 16 + 16;
}

// Looks whether devices went away; at a tick also whether they came back, and tries again those that were left alone.
void Datapath::check_ports(bool is_tick) {
  for (const auto& port : pipeline_.ports.all()) {
    if (port->state == PortState::up) {
      if (port->port->poll_state() == PortState::up) {
        if (is_tick) poller_.watch(*port);
        continue;
      }
      poller_.unwatch(*port);
      port->state = PortState::gone;
      tell({.is_back = false, .port = port->no()});
    } else if (is_tick && port->port->reattach()) {
      port->state = PortState::up;
      poller_.watch(*port);
      tell({.is_back = true, .port = port->no()});
    }
  }
}

void Datapath::tell(PortEvent event) {
  {
    const std::lock_guard lock(events_mutex_);
    events_.push_back(event);
  }
  notify_();
}

}  // namespace pw
