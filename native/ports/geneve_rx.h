// The receiving half of the geneve port: one UDP socket, many datagrams a call, several of one flow in one buffer
// (UDP_GRO). Splits them and fills the tunnel part of each packet's key; the inner frame stays where it was read.
#pragma once
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstdint>

#include "geneve_header.h"
#include "netns.h"
#include "outer_address.h"
#include "packet.h"

namespace pw {

class GeneveReceiver {
 public:
  GeneveReceiver();
  ~GeneveReceiver();
  GeneveReceiver(const GeneveReceiver&) = delete;
  GeneveReceiver& operator=(const GeneveReceiver&) = delete;

  // In the calling thread's namespace. A socket of family AF_INET6 receives from either family.
  bool open(int family, const OuterAddress& local, uint16_t udp_port, SysError* error);
  void close() { fd_.reset(); }
  int fd() const { return fd_.get(); }

  int rx(Packet** packets, int max, uint32_t in_port, const TlvMap& options, PortCounters& counters);
  void release();
  // Datagrams lost because the socket's queue was full, since the last call.
  uint32_t take_drops();
  // An error that waits at the socket would make epoll report it again and again.
  void clear_error();

 private:
  static constexpr int kSlots = 32;
  // Room for the largest datagram. An odd number of cache lines, so that the heads of all slots do not compete for
  // the same cache sets. Mapped, and touched only as far as datagrams reach.
  static constexpr uint32_t kSlotSize = 1033 * 64;
  static_assert(kSlotSize >= kHeadroom + 65535);

  // What the outer headers of one read said; the same for all datagrams in it.
  struct Outer {
    OuterAddress src, dst;
    be16 src_port{};
    uint8_t tos = 0, ttl = 0;
    uint32_t segment = 0;  // bytes of each datagram
  };
  bool receive();
  bool begin_message(PortCounters& counters);
  void read_control6(int type, const unsigned char* value);
  bool split(Packet& packet, uint32_t in_port, const TlvMap& options, PortCounters& counters);

  Fd fd_;
  uint8_t* memory_ = nullptr;
  be16 udp_port_{};
  int next_ = 0, received_ = 0;  // slots [next_, received_) hold messages not begun
  int current_ = -1;             // the slot being split, or -1
  uint32_t at_ = 0, end_ = 0;    // in it
  Outer outer_;
  uint32_t drops_ = 0;

  struct alignas(8) Control { char bytes[192]; };
  std::array<mmsghdr, kSlots> messages_{};
  std::array<iovec, kSlots> iovecs_{};
  std::array<sockaddr_in6, kSlots> sources_{};
  std::array<Control, kSlots> controls_;
};

}  // namespace pw
