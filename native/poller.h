// Which ports may have packets: epoll over the ports' files, and an eventfd by which other threads wake the datapath.
// datapath.cc asks it between bursts, with or without waiting.
#pragma once
#include <cstdint>
#include <atomic>

#include "port_table.h"

namespace pw {

class Poller {
 public:
  Poller();
  ~Poller();
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;

  void watch(PortEntry& port);
  void unwatch(PortEntry& port);

  // Marks ports that epoll calls readable as hot. True when one reported an error: time to look at its state.
  bool poll(int timeout_ms);
  // A port that epoll called readable gave nothing. After some times its file is left alone until the next tick, so
  // that a broken device cannot make us spin.
  void gave_nothing(PortEntry& port);

  // From any thread: ends a poll() that waits.
  void wake();
  // To be called around a poll() that waits, by the datapath thread; see datapath.cc for the order.
  void set_sleeping(bool on) { is_sleeping_.store(on); }

 private:
  int epoll_fd_ = -1, event_fd_ = -1;
  std::atomic<bool> is_sleeping_{false};
};

}  // namespace pw
