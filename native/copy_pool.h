// Copies of packets that live until the end of a burst: for an output that is not the last action, and for branches
// that go on alone. Memory is kept for the next burst; large buffers (GSO frames) only a few.
#pragma once
#include <cstdlib>
#include <cstring>
#include <vector>

#include "packet.h"

namespace pw {

class CopyPool {
 public:
  ~CopyPool() {
    end_burst();
    for (Copy* c : small_) free(c);
    for (Copy* c : large_) free(c);
  }

  // A packet of its own bytes, with kHeadroom before them. nullptr when one burst made too many, which only a flow
  // that multiplies packets can do.
  Packet* copy(const Packet& from) {
    if (used_.size() >= kMaxCopies) return nullptr;
    Copy* c = take(from.size <= kSmall);
    c->packet = from;
    c->packet.path = nullptr;
    c->packet.data = c->bytes() + kHeadroom;
    c->packet.headroom = kHeadroom;
    c->packet.tailroom = c->room - from.size;
    memcpy(c->packet.data, from.data, from.size);
    used_.push_back(c);
    return &c->packet;
  }

  void end_burst() {
    for (Copy* c : used_) {
      if (c->room == kSmall) small_.push_back(c);
      else if (large_.size() < kKeepLarge) large_.push_back(c);
      else free(c);
    }
    used_.clear();
  }

 private:
  static constexpr uint32_t kSmall = 2048, kLarge = kMaxFrame;
  static constexpr size_t kMaxCopies = 4096, kKeepLarge = 16;

  struct alignas(64) Copy {
    Packet packet;
    uint32_t room;  // for the frame, after kHeadroom
    uint8_t* bytes() { return reinterpret_cast<uint8_t*>(this + 1); }
  };

  Copy* take(bool is_small) {
    auto& list = is_small ? small_ : large_;
    if (!list.empty()) {
      Copy* c = list.back();
      list.pop_back();
      return c;
    }
    const uint32_t room = is_small ? kSmall : kLarge;
    void* memory = aligned_alloc(64, (sizeof(Copy) + kHeadroom + room + 63) / 64 * 64);
    if (memory == nullptr) abort();
    Copy* c = new (memory) Copy;
    c->room = room;
    return c;
  }

  std::vector<Copy*> used_, small_, large_;
};

}  // namespace pw
