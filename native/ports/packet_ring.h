// The receive side of AF_PACKET: a ring of slots shared with the kernel (TPACKET_V2; V3 hands over blocks only after
// a millisecond). The veth port turns slots into packets; a slot goes back to the kernel in release().
//
//   slot | tpacket2_hdr, address | kHeadroom | VnetHeader | frame ..................... |
//                                                         ^ tp_mac                      ^ slot_size
#pragma once
#include <cstdint>

#include "netns.h"
#include "vnet.h"

namespace pw {

class PacketRing {
 public:
  PacketRing() = default;
  PacketRing(const PacketRing&) = delete;
  PacketRing& operator=(const PacketRing&) = delete;
  ~PacketRing() { close(); }

  // Receives from `ifindex` in the calling thread's namespace. `object` names the interface in an error.
  bool open(int ifindex, uint32_t slots, const std::string& object, SysError* error);
  void close();
  int fd() const { return fd_.get(); }

  struct Frame {
    uint8_t* data;
    uint32_t size;
    uint32_t headroom, tailroom;
    VnetHeader vnet;
    bool truncated;    // longer than a slot: not whole
    bool csum_valid;   // the kernel has checked it
    bool losing;       // others were lost, not long ago, because the ring was full
    bool tagged;       // an outer VLAN tag that the kernel took out of the bytes
    uint16_t tpid, tci;
  };
  // The next frame, valid until release(). False when there is none.
  bool next(Frame* frame);
  // Gives every slot handed out back to the kernel, in order.
  void release();
  // Frames lost because the ring was full, since the last call.
  uint32_t take_drops();

 private:
  uint8_t* slot(uint32_t i) const {
    return map_ + i / slots_per_block_ * block_size_ + i % slots_per_block_ * slot_size_;
  }

  Fd fd_;
  uint8_t* map_ = nullptr;
  size_t map_size_ = 0;
  uint32_t slots_ = 0, slot_size_ = 0, slots_per_block_ = 1;
  size_t block_size_ = 0;
  uint32_t head_ = 0;      // next slot to look at
  uint32_t held_ = 0;      // slots before head_ that are still ours
};

}  // namespace pw
