// The sending half of the geneve port. Collects datagrams of a burst as pieces that lie where they are (headers in
// our memory, payload in the packet's), and sends those of one flow with as few calls as the kernel allows.
//
// RFC 8926 3.3 wants the UDP source port to vary by flow, so that routers and network cards spread the load, and to
// stay the same for one flow. The kernel takes a source port only from the socket, and segments (UDP_SEGMENT) only
// for UDP sockets, not for raw ones. Hence one socket for each of kSourcePorts hash buckets, each bound to a port
// of the ephemeral range that the kernel picks; nothing is ever received on them.
#pragma once
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <memory>

#include "geneve_header.h"
#include "netns.h"
#include "outer_address.h"
#include "packet.h"

namespace pw {

class GeneveSender {
 public:
  // In the calling thread's namespace. A socket of family AF_INET6 sends to either family.
  bool open(int family, const OuterAddress& local, uint16_t udp_port, bool csum, SysError* error);
  void close();

  // The frame's bytes must stay as they are until flush().
  void add(const Packet& packet, const TlvMap& options, PortCounters& counters);
  void flush(PortCounters& counters);

 private:
  static constexpr int kSourcePorts = 64;
  static constexpr int kMaxDatagrams = 512;          // collected before a flush
  static constexpr uint32_t kMaxInnerHeader = 512;   // of a frame whose headers must be rewritten
  static constexpr uint32_t kHeaderMemory = 96 * 1024;
  // Of one call with UDP_SEGMENT: 64 in kernels before 6.9; and an IP packet's size less some room.
  static constexpr uint32_t kMaxSegmentsPerCall = 64, kMaxBytesPerCall = 65000;

  struct Route {  // what must be equal for two datagrams to go in one call
    OuterAddress dst, src;
    uint8_t tos = 0, ttl = 0;
    bool operator==(const Route& o) const { return dst == o.dst && src == o.src && tos == o.tos && ttl == o.ttl; }
  };
  struct Datagram {
    const uint8_t* header;
    const uint8_t* payload;
    uint32_t header_size, payload_size;
    uint32_t geneve_size;  // of header_size, not part of the frame
    Route route;
    int next;              // of the same bucket, or -1
    uint32_t size() const { return header_size + payload_size; }
  };
  struct alignas(8) Control { char bytes[128]; };
  struct Message {         // one element of a sendmmsg
    int first, count;      // datagrams, by position in the bucket's order
    uint32_t segment, bytes;
  };

  bool open_socket(Fd* fd, const OuterAddress& local, bool csum, SysError* error);
  uint8_t* reserve(uint32_t size, PortCounters& counters);
  void push(int bucket, const Datagram& datagram);
  void add_segments(int bucket, const Packet& packet, Datagram datagram, const uint8_t* geneve, PortCounters& counters);
  int collect(int bucket, int* count);
  void prepare(int index, const Message& message);
  void send_bucket(int bucket, PortCounters& counters);
  void send_apart(int bucket, const Message& message, PortCounters& counters);
  void count(const Message& message, int err, PortCounters& counters) const;

  int family_ = AF_INET;
  be16 udp_port_{};
  bool segment_ = true;  // the kernel takes UDP_SEGMENT here
  std::array<Fd, kSourcePorts> sockets_;

  std::unique_ptr<uint8_t[]> headers_;  // kHeaderMemory
  uint32_t headers_used_ = 0;
  int datagram_count_ = 0;
  std::array<Datagram, kMaxDatagrams> datagrams_;
  std::array<int, kSourcePorts> first_, last_;  // of each bucket, or -1

  // Filled bucket by bucket in flush().
  std::array<const Datagram*, kMaxDatagrams> order_;
  std::array<Message, kMaxDatagrams> messages_;
  std::array<mmsghdr, kMaxDatagrams> headers_out_;
  std::array<iovec, 2 * kMaxDatagrams> iovecs_;
  std::array<Control, kMaxDatagrams> controls_;
  std::array<sockaddr_in6, kMaxDatagrams> targets_;
};

// Of the inner frame: addresses, protocol and ports, or the Ethernet header when it is not IP.
uint32_t inner_flow_hash(const uint8_t* frame, uint32_t size);

}  // namespace pw
