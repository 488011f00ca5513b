// Memory for the frames of one burst. A frame is read at the cursor, which has room for the largest one; then the
// cursor moves on by what really came. So 64 small frames lie close together in 30 KB (no page or cache set is
// shared by design of a stride), and only GSO bursts touch more: at most kBurstBytes plus one frame, whatever the
// number of packets. The memory is mapped, not allocated: pages that no frame reached cost nothing.
#pragma once
#include <sys/mman.h>

#include <cstdint>

#include "packet.h"

namespace pw {

class RxArena {
 public:
  // A burst ends early at this size: eight GSO frames, which still fit a second-level cache. Larger bursts were no
  // faster, and 10 ports stay within 6 MB.
  static constexpr uint32_t kBurstBytes = 512 * 1024;
  static constexpr uint32_t kFrameRoom = kHeadroom + kMaxFrame;

  RxArena() {
    void* p = mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    base_ = p == MAP_FAILED ? nullptr : static_cast<uint8_t*>(p);
  }
  ~RxArena() { if (base_) munmap(base_, kSize); }
  RxArena(const RxArena&) = delete;
  RxArena& operator=(const RxArena&) = delete;

  bool ok() const { return base_ != nullptr; }
  bool full() const { return cursor_ > kBurstBytes; }
  // Where the next frame begins: kHeadroom bytes before it and kMaxFrame after it are free. Only when not full().
  uint8_t* next() { return base_ + cursor_ + kHeadroom; }
  // The frame at next() has `size` bytes. Returns its tailroom.
  uint32_t take(uint32_t size) {
    const uint32_t end = cursor_ + kHeadroom + size;
    cursor_ = (end + 63) & ~63u;
    return cursor_ - end;
  }
  void reset() { cursor_ = 0; }

 private:
  static constexpr uint32_t kSize = (kBurstBytes + 64 + kFrameRoom + 4095) & ~4095u;
  uint8_t* base_ = nullptr;
  uint32_t cursor_ = 0;
};

// What every port's rx leaves in a packet besides bytes and offloads: metadata zero but in_port, tunnel fields zero.
inline void reset_packet(Packet& packet, uint32_t in_port) {
  packet.l3_offset = packet.l4_offset = kNoOffset;
  packet.trace_id = 0;
  uint8_t* key = reinterpret_cast<uint8_t*>(&packet.key);
  memset(key, 0, offsetof(FlowKey, dl_dst));
  memset(key + kKeyTunnelOffset, 0, kKeySize - kKeyTunnelOffset);
  packet.key.in_port = to_be32(in_port);
}

}  // namespace pw
