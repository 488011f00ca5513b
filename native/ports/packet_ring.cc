// AF_PACKET receive ring: see packet_ring.h.
#include "packet_ring.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace pw {

namespace {

#ifndef PACKET_IGNORE_OUTGOING
constexpr int PACKET_IGNORE_OUTGOING = 23;
#endif

// Blocks are contiguous in the kernel, a power of two pages. One slot a block would waste 60 KB each; 15 slots fit a
// megabyte almost exactly.
constexpr uint32_t kBlockSize = 1 << 20, kSlotsPerBlock = 15;
constexpr uint32_t kSlotSize = kBlockSize / kSlotsPerBlock / TPACKET_ALIGNMENT * TPACKET_ALIGNMENT;
static_assert(kSlotSize >= TPACKET2_HDRLEN + kHeadroom + sizeof(VnetHeader) + 16 + kMaxFrame);

bool set_option(int fd, int option, int value, const char* name, const std::string& object, SysError* error) {
  if (setsockopt(fd, SOL_PACKET, option, &value, sizeof value) == 0) return true;
  return refuse(error, std::string("setsockopt(") + name + ")", object);
}

}  // namespace

bool PacketRing::open(int ifindex, uint32_t slots, const std::string& object, SysError* error) {
  close();
  // Protocol 0: nothing is received before bind(), so no frame of another interface slips in.
  Fd fd(socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return refuse(error, "socket(AF_PACKET)", object);
  if (!set_option(fd.get(), PACKET_VERSION, TPACKET_V2, "PACKET_VERSION", object, error) ||
      !set_option(fd.get(), PACKET_RESERVE, kHeadroom, "PACKET_RESERVE", object, error) ||
      !set_option(fd.get(), PACKET_VNET_HDR, 1, "PACKET_VNET_HDR", object, error) ||
      !set_option(fd.get(), PACKET_IGNORE_OUTGOING, 1, "PACKET_IGNORE_OUTGOING", object, error)) {
    return false;
  }
  tpacket_req request{};
  request.tp_block_size = kBlockSize;
  request.tp_block_nr = (std::max(slots, 1u) + kSlotsPerBlock - 1) / kSlotsPerBlock;
  request.tp_frame_size = kSlotSize;
  request.tp_frame_nr = request.tp_block_nr * kSlotsPerBlock;
  if (setsockopt(fd.get(), SOL_PACKET, PACKET_RX_RING, &request, sizeof request) != 0) {
    return refuse(error, "setsockopt(PACKET_RX_RING)", object);
  }
  const size_t size = size_t{request.tp_block_size} * request.tp_block_nr;
  void* map = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
  if (map == MAP_FAILED) return refuse(error, "mmap", "packet ring of " + object);
  map_ = static_cast<uint8_t*>(map);
  map_size_ = size;
  block_size_ = request.tp_block_size;
  slots_per_block_ = kSlotsPerBlock;
  slot_size_ = kSlotSize;
  slots_ = request.tp_frame_nr;
  fd_ = std::move(fd);

  // A veth takes every address anyway; a real interface must be told.
  packet_mreq promiscuous{};
  promiscuous.mr_ifindex = ifindex;
  promiscuous.mr_type = PACKET_MR_PROMISC;
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ETH_P_ALL);
  address.sll_ifindex = ifindex;
  bool ok = true;
  if (setsockopt(fd_.get(), SOL_PACKET, PACKET_ADD_MEMBERSHIP, &promiscuous, sizeof promiscuous) != 0) {
    ok = refuse(error, "setsockopt(PACKET_ADD_MEMBERSHIP)", object);
  } else if (bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    ok = refuse(error, "bind(AF_PACKET)", object);
  }
  if (!ok) close();
  return ok;
}

void PacketRing::close() {
  if (map_) munmap(map_, map_size_);
  map_ = nullptr;
  slots_ = head_ = held_ = 0;
  fd_.reset();
}

bool PacketRing::next(Frame* frame) {
  if (held_ == slots_) return false;  // also when closed
  uint8_t* base = slot(head_);
  auto* header = reinterpret_cast<tpacket2_hdr*>(base);
  const uint32_t status = __atomic_load_n(&header->tp_status, __ATOMIC_ACQUIRE);
  if (!(status & TP_STATUS_USER)) return false;
  frame->data = base + header->tp_mac;
  frame->size = header->tp_snaplen;
  frame->headroom = header->tp_mac - TPACKET2_HDRLEN;
  frame->tailroom = slot_size_ - header->tp_mac - header->tp_snaplen;
  memcpy(&frame->vnet, frame->data - sizeof(VnetHeader), sizeof(VnetHeader));
  frame->truncated = header->tp_snaplen < header->tp_len;
  frame->csum_valid = (status & TP_STATUS_CSUM_VALID) != 0;
  frame->losing = (status & TP_STATUS_LOSING) != 0;
  frame->tagged = (status & TP_STATUS_VLAN_VALID) != 0;
  frame->tci = header->tp_vlan_tci;
  frame->tpid = (status & TP_STATUS_VLAN_TPID_VALID) ? header->tp_vlan_tpid : ETH_P_8021Q;
  if (++head_ == slots_) head_ = 0;
  held_++;
  return true;
}

void PacketRing::release() {
  uint32_t i = head_ >= held_ ? head_ - held_ : head_ + slots_ - held_;
  for (; held_ > 0; held_--) {
    auto* header = reinterpret_cast<tpacket2_hdr*>(slot(i));
    __atomic_store_n(&header->tp_status, uint32_t{TP_STATUS_KERNEL}, __ATOMIC_RELEASE);
    if (++i == slots_) i = 0;
  }
}

uint32_t PacketRing::take_drops() {
  tpacket_stats stats{};
  socklen_t size = sizeof stats;
  if (getsockopt(fd_.get(), SOL_PACKET, PACKET_STATISTICS, &stats, &size) != 0) return 0;
  return stats.tp_drops;
}

}  // namespace pw
