// A megaflow and where megaflows live: slabs that are never given back while the switch runs, so that whoever holds an
// index may look whether the megaflow there is still the one of its serial. Owned by FlowCache.
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "packet.h"

namespace pw {

class Subtable;

struct alignas(64) Megaflow {
  // What a packet touches.
  uint32_t index = 0;
  uint32_t serial = 0;  // unlike any earlier megaflow in this place, or the same one with other actions; 0: removed
  uint64_t packets = 0, bytes = 0, used_ns = 0;
  uint16_t tcp_flags = 0;
  uint32_t hash = 0;    // of the masked words
  Subtable* subtable = nullptr;
  uint64_t id = 0;

  std::vector<uint64_t> words;    // the masked key, the subtable's words only
  std::vector<uint8_t> actions;   // as docs/boundary.md encodes them

  bool is_dead() const { return serial == 0; }
  // A GSO frame is one packet, with all its bytes.
  void credit(uint32_t size, uint16_t flags, uint64_t now_ns) {
    packets++;
    bytes += size;
    used_ns = now_ns;
    tcp_flags |= flags;
  }
};

class MegaflowPool {
 public:
  // Like new, with its index and a fresh serial.
  Megaflow& allocate() {
    if (free_.empty()) grow();
    Megaflow& flow = at(free_.back());
    free_.pop_back();
    flow.serial = next_serial();
    return flow;
  }
  void free(Megaflow& flow) {
    const uint32_t index = flow.index;
    flow = Megaflow{};
    flow.index = index;
    free_.push_back(index);
  }
  uint32_t next_serial() {
    if (++serial_ == 0) serial_ = 1;
    return serial_;
  }
  Megaflow& at(uint32_t index) { return slabs_[index / kSlab][index % kSlab]; }
  // The megaflow of that index if it still is the one of that serial, else null. Only for an index that was handed out.
  Megaflow* find(uint32_t index, uint32_t serial) {
    Megaflow& flow = at(index);
    return flow.serial == serial ? &flow : nullptr;
  }

 private:
  static constexpr uint32_t kSlab = 256;
  void grow() {
    const auto first = static_cast<uint32_t>(slabs_.size()) * kSlab;
    slabs_.push_back(std::make_unique<Megaflow[]>(kSlab));
    for (uint32_t i = kSlab; i > 0; i--) {
      slabs_.back()[i - 1].index = first + i - 1;
      free_.push_back(first + i - 1);
    }
  }

  std::vector<std::unique_ptr<Megaflow[]>> slabs_;
  std::vector<uint32_t> free_;
  uint32_t serial_ = 0;
};

}  // namespace pw
