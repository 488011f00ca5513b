// The switch's ports by number, and what each is to send at the end of the burst. Filled by datapath.cc; execute.cc
// queues packets here; end_burst() hands them to the ports.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "port.h"

namespace pw {

constexpr uint32_t kMaxPort = 0xffff;  // OpenFlow port numbers that may name a port: 1..0xfefe and LOCAL, 0xfffe

struct PortEntry {
  std::unique_ptr<Port> port;
  std::string kind, ifname;
  bool is_tunnel = false;
  PortState state = PortState::up;
  // Of the burst under way. What rx() fills lives here until the burst has ended.
  Packet* received[kBurst];
  bool has_received = false, has_sent = false;
  int queued = 0;
  Packet* queue[kBurst];
  // Of the wait for packets (poller.h).
  bool is_hot = false;      // had packets last time: read without asking
  int watched_fd = -1;      // in epoll
  uint32_t empty_wakes = 0; // epoll said readable, and nothing came

  uint32_t no() const { return port->no(); }

  PortEntry() {
    for (int i = 0; i < kBurst; i++) received[i] = &packets_[i];
  }

 private:
  const std::unique_ptr<Packet[]> packets_ = std::make_unique<Packet[]>(kBurst);
};

class PortTable {
 public:
  PortTable() : by_no_(kMaxPort + 1) {}

  PortEntry* find(uint32_t no) const { return no <= kMaxPort ? by_no_[no] : nullptr; }
  const std::vector<std::unique_ptr<PortEntry>>& all() const { return list_; }

  PortEntry* add(std::unique_ptr<Port> port, std::string kind, std::string ifname) {
    auto entry = std::make_unique<PortEntry>();
    entry->port = std::move(port);
    entry->is_tunnel = kind == "geneve";
    entry->kind = std::move(kind);
    entry->ifname = std::move(ifname);
    PortEntry* e = entry.get();
    by_no_[e->no()] = e;
    list_.push_back(std::move(entry));
    return e;
  }

  std::unique_ptr<PortEntry> remove(uint32_t no) {
    for (auto at = list_.begin(); at != list_.end(); ++at) {
      if ((*at)->no() != no) continue;
      std::unique_ptr<PortEntry> entry = std::move(*at);
      list_.erase(at);
      by_no_[no] = nullptr;
      return entry;
    }
    return nullptr;
  }

  // The packet must stay as it is until end_burst().
  static void send(PortEntry& e, Packet* packet) {
    e.queue[e.queued++] = packet;
    e.has_sent = true;
    if (e.queued == kBurst) hand_over(e);
  }

  // Everything queued goes out; then, and only then, rx buffers go back.
  void end_burst() {
    for (auto& e : list_) {
      if (!e->has_sent) continue;
      if (e->queued > 0) hand_over(*e);
      e->port->flush();
      e->has_sent = false;
    }
    for (auto& e : list_) {
      if (!e->has_received) continue;
      e->port->release();
      e->has_received = false;
    }
  }

 private:
  static void hand_over(PortEntry& e) {
    e.port->tx(e.queue, e.queued);
    e.queued = 0;
  }

  std::vector<PortEntry*> by_no_;
  std::vector<std::unique_ptr<PortEntry>> list_;
};

}  // namespace pw
