// The stages of a burst, see pipeline.h.
#include "pipeline.h"

#include <algorithm>
#include <ctime>

#include "extract.h"
#include "offload.h"

namespace pw {
namespace {

int64_t read_clock(clockid_t id) {
  timespec t;
  clock_gettime(id, &t);
  return t.tv_sec * 1'000'000'000ll + t.tv_nsec;
}

// What must be added to CLOCK_MONOTONIC to get CLOCK_REALTIME, now. A thread that has to wait between the two reads
// again.
int64_t realtime_offset() {
  constexpr int64_t kClose = 2'000;
  constexpr int kTries = 4;
  int64_t best = INT64_MAX;
  int64_t offset = 0;
  for (int i = 0; i < kTries && best > kClose; i++) {
    const int64_t before = read_clock(CLOCK_MONOTONIC);
    const int64_t real = read_clock(CLOCK_REALTIME);
    const int64_t took = read_clock(CLOCK_MONOTONIC) - before;
    if (took < best) {
      best = took;
      offset = real - before;
    }
  }
  return offset;
}

}  // namespace

Pipeline::Pipeline(const PipelineConfig& config)
    : slots(config.upcall_slots),
      conntrack(Conntrack::create(config.conntrack)),
      paths(config.max_paths),
      max_recirculations_(config.max_recirculations),
      fragments_(config.fragments) {
  next_.reserve(4 * kBurst);
  current_.reserve(4 * kBurst);
}

void Pipeline::receive(Packet* const* packets, int count, uint64_t now_ns) {
  now_ns_ = now_ns;
  Packet* rest[kBurst];
  Packet* good[kBurst];
  int n = 0;
  counters.received += static_cast<uint64_t>(count);
  count = follow(packets, count, rest);
  for (int i = 0; i < count; i++) {
    Packet& packet = *rest[i];
    if (packet.size < kEthHeaderSize) {
      counters.drop(Drop::runt);
      continue;
    }
    packet.rx_ns = now_ns;
    packet.epoch = epoch;
    extract(packet);
    if (kCanWatch && is_watching_ && is_watched(packet.key)) {
      if (++last_trace_id_ == 0) last_trace_id_ = 1;
      packet.trace_id = last_trace_id_;
      packet.path = nullptr;
    }
    good[n++] = &packet;
  }
  pass(good, n, 0);
  recirculated(1);
}

// Looks up and executes packets that were extracted.
void Pipeline::pass(Packet* const* packets, int count, uint32_t depth) {
  Packet* plain[kBurst];
  Megaflow* flows[kBurst];
  int n = 0;
  for (int i = 0; i < count; i++) {
    Packet& packet = *packets[i];
    if (kCanWatch && packet.trace_id != 0) {
      if (upcall(packet, UpcallReason::trace, 0, depth)) continue;
      // Watched packets come faster than they are told: this one goes by like any other.
      packet.trace_id = 0;
      counters.unwatched++;
    }
    if (packet.epoch == epoch) plain[n++] = &packet;
    else if (!upcall(packet, UpcallReason::miss, 0, depth)) counters.drop(Drop::upcall_full);
  }
  if (n == 0) return;
  cache.lookup(plain, n, flows);
  for (int i = 0; i < n; i++) {
    Packet& packet = *plain[i];
    if (Megaflow* flow = flows[i]) {
      flow->credit(packet.size, packet.key.tcp_flags.get(), now_ns_);
      if (packet.path) note(packet, *flow);
      run(packet, {flow->actions.data(), static_cast<uint32_t>(flow->actions.size())}, depth);
    } else if (!upcall(packet, UpcallReason::miss, 0, depth)) {
      counters.drop(Drop::upcall_full);
    }
  }
}

void Pipeline::recirculated(uint32_t depth) {
  for (; !next_.empty(); depth++) {
    current_.swap(next_);
    for (size_t i = 0; i < current_.size(); i += kBurst) {
      pass(&current_[i], static_cast<int>(std::min<size_t>(kBurst, current_.size() - i)), depth);
    }
    current_.clear();
  }
}

bool Pipeline::upcall(const Packet& packet, UpcallReason reason, uint32_t cookie, uint32_t depth) {
  UpcallSlot* slot = slots.take(packet.key.in_port.get(), ports.all().size(), reason);
  if (slot == nullptr) return false;
  UpcallSlots::fill(*slot, packet);
  if (reason == UpcallReason::action && packet.csum_partial) finish_checksum(slot->packet);
  slot->cookie = cookie;
  slot->depth = depth;
  slot->time_ns = static_cast<int64_t>(packet.rx_ns) + realtime_offset();
  slots.publish(*slot);
  counters.upcalls++;
  published_ = true;
  return true;
}

void Pipeline::answer(uint32_t number, ActionList actions, uint64_t now_ns) {
  UpcallSlot* slot = slots.waiting(number);
  if (slot == nullptr) return;
  now_ns_ = now_ns;
  slot->waiting = false;
  if (slot->depth == 0) slot->packet.epoch = epoch;  // it begins only now
  answered_.push_back(slot);  // its bytes may be queued for output: it is given back in end_burst()
  run(slot->packet, actions, slot->depth);
  recirculated(slot->depth + 1);
}

void Pipeline::execute(const uint8_t* frame, uint32_t size, const FlowKey& key, ActionList actions, uint64_t now_ns) {
  now_ns_ = now_ns;
  counters.executed++;
  if (size < kEthHeaderSize) return counters.drop(Drop::runt);
  if (size > kMaxFrame) return counters.drop(Drop::oversize);
  Packet original;
  original.data = const_cast<uint8_t*>(frame);
  original.size = size;
  original.rx_ns = now_ns;
  original.epoch = epoch;
  original.key = key;
  Packet* packet = copies_.copy(original);
  if (packet == nullptr) return counters.drop(Drop::copy_limit);
  extract(*packet);
  run(*packet, actions, 0);
  recirculated(1);
}

void Pipeline::end_burst() {
  ports.end_burst();
  copies_.end_burst();
  fragments_.end_burst();
  for (UpcallSlot* slot : answered_) slots.give_back(*slot);
  answered_.clear();
}

void Pipeline::watch(const FlowKey& key, const FlowKey& mask) {
  watch_key_ = key;
  watch_mask_ = mask;
  is_watching_ = true;
  watch_word_count_ = 0;
  for (size_t i = 0; i < kKeyWords; i++) {
    if (reinterpret_cast<const uint64_t*>(&watch_mask_)[i]) watch_words_[watch_word_count_++] = static_cast<uint8_t>(i);
  }
  // Paths are made anew, by packets that are not watched.
  paths.clear();
  follows_ = mask.tcp_flags.raw == 0;
}

void Pipeline::unwatch() {
  is_watching_ = false;
  follows_ = true;
}

bool Pipeline::is_watched(const FlowKey& key) const {
  const auto* k = reinterpret_cast<const uint64_t*>(&key);
  const auto* want = reinterpret_cast<const uint64_t*>(&watch_key_);
  const auto* mask = reinterpret_cast<const uint64_t*>(&watch_mask_);
  for (int n = 0; n < watch_word_count_; n++) {
    const size_t i = watch_words_[n];
    if ((k[i] ^ want[i]) & mask[i]) return false;
  }
  return true;
}

void Pipeline::expire_fragments(uint64_t now_ns) {
  counters.drops[static_cast<size_t>(Drop::frag_incomplete)] += fragments_.expire(now_ns);
}

void Pipeline::configure_fragments(const FragmentConfig& config) {
  counters.drops[static_cast<size_t>(Drop::frag_incomplete)] += fragments_.configure(config);
}

bool Pipeline::take_published() { return std::exchange(published_, false); }

void Pipeline::stop() {
  end_burst();
  const uint32_t waited = slots.clear() + fragments_.clear();
  counters.drops[static_cast<size_t>(Drop::stopping)] += waited;
}

}  // namespace pw
