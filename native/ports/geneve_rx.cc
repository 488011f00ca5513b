// Geneve, receiving: see geneve_rx.h.
#include "geneve_rx.h"

#include <linux/sock_diag.h>
#include <netinet/udp.h>
#include <sys/mman.h>

#include <cerrno>
#include <cstring>

#include "rx_arena.h"

namespace pw {

namespace {

#ifndef UDP_GRO
constexpr int UDP_GRO = 104;
#endif

bool enable(int fd, int level, int option, int value, const char* name, SysError* error) {
  if (setsockopt(fd, level, option, &value, sizeof value) == 0) return true;
  return refuse(error, std::string("setsockopt(") + name + ")", "geneve socket");
}

}  // namespace

GeneveReceiver::GeneveReceiver() {
  void* p = mmap(nullptr, size_t{kSlots} * kSlotSize, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  memory_ = p == MAP_FAILED ? nullptr : static_cast<uint8_t*>(p);
  for (int i = 0; i < kSlots; i++) {
    iovecs_[i] = {memory_ + size_t{kSlotSize} * i + kHeadroom, kSlotSize - kHeadroom};
    messages_[i].msg_hdr.msg_iov = &iovecs_[i];
    messages_[i].msg_hdr.msg_iovlen = 1;
    messages_[i].msg_hdr.msg_name = &sources_[i];
    messages_[i].msg_hdr.msg_control = &controls_[i];
  }
}

GeneveReceiver::~GeneveReceiver() {
  if (memory_) munmap(memory_, size_t{kSlots} * kSlotSize);
}

bool GeneveReceiver::open(int family, const OuterAddress& local, uint16_t udp_port, SysError* error) {
  if (!memory_) return refuse(error, "mmap", "geneve receive buffers", ENOMEM);
  Fd fd(socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return refuse(error, family == AF_INET ? "socket(AF_INET)" : "socket(AF_INET6)", "geneve socket");
  if (!enable(fd.get(), IPPROTO_IP, IP_PKTINFO, 1, "IP_PKTINFO", error) ||
      !enable(fd.get(), IPPROTO_IP, IP_RECVTOS, 1, "IP_RECVTOS", error) ||
      !enable(fd.get(), IPPROTO_IP, IP_RECVTTL, 1, "IP_RECVTTL", error) ||
      !enable(fd.get(), SOL_UDP, UDP_GRO, 1, "UDP_GRO", error)) {
    return false;
  }
  if (family == AF_INET6 &&
      (!enable(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, 0, "IPV6_V6ONLY", error) ||
       !enable(fd.get(), IPPROTO_IPV6, IPV6_RECVPKTINFO, 1, "IPV6_RECVPKTINFO", error) ||
       !enable(fd.get(), IPPROTO_IPV6, IPV6_RECVTCLASS, 1, "IPV6_RECVTCLASS", error) ||
       !enable(fd.get(), IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1, "IPV6_RECVHOPLIMIT", error))) {
    return false;
  }
  const int receive_buffer = 8 << 20;  // 100 coalesced reads; without the privilege to force it, the system's limit
  if (setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, &receive_buffer, sizeof receive_buffer) != 0) {
    setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
  }
  sockaddr_in6 address;
  const socklen_t size = local.to_bind(family).to_sockaddr(family, to_be16(udp_port), &address);
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), size) != 0) {
    return refuse(error, "bind", "UDP port " + std::to_string(udp_port));
  }
  fd_ = std::move(fd);
  udp_port_ = to_be16(udp_port);
  next_ = received_ = 0;
  current_ = -1;
  drops_ = 0;
  return true;
}

int GeneveReceiver::rx(Packet** packets, int max, uint32_t in_port, const TlvMap& options, PortCounters& counters) {
  int n = 0;
  while (n < max) {
    if (current_ < 0) {
      if (next_ == received_ && !receive()) break;
      if (!begin_message(counters)) continue;
    }
    if (split(*packets[n], in_port, options, counters)) n++;
  }
  return n;
}

// Fills the free slots. False when there is nothing to read, or no slot free before release().
bool GeneveReceiver::receive() {
  const int room = kSlots - received_;
  if (room == 0 || !fd_) return false;
  for (int i = received_; i < kSlots; i++) {
    messages_[i].msg_hdr.msg_namelen = sizeof sources_[i];
    messages_[i].msg_hdr.msg_controllen = sizeof controls_[i];
  }
  const int got = recvmmsg(fd_.get(), &messages_[received_], static_cast<unsigned>(room), MSG_DONTWAIT, nullptr);
  if (got <= 0) return false;
  received_ += got;
  return true;
}

bool GeneveReceiver::begin_message(PortCounters& counters) {
  const int slot = next_++;
  msghdr& message = messages_[slot].msg_hdr;
  if (message.msg_flags & MSG_TRUNC) {
    counters.rx_errors++;
    counters.oversize++;
    return false;
  }
  current_ = slot;
  at_ = 0;
  end_ = messages_[slot].msg_len;
  outer_ = Outer{};
  outer_.segment = end_;
  outer_.src = OuterAddress::of(sources_[slot]);
  outer_.src_port.raw = sources_[slot].sin6_port;  // where sockaddr_in has it, too
  for (cmsghdr* c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
    const unsigned char* value = CMSG_DATA(c);
    if (c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_GRO) {
      int segment = 0;
      memcpy(&segment, value, sizeof segment);
      if (segment > 0) outer_.segment = static_cast<uint32_t>(segment);
    } else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
      in_pktinfo info;
      memcpy(&info, value, sizeof info);
      outer_.dst.set_ipv4(info.ipi_addr.s_addr);
    } else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TOS) {
      outer_.tos = *value;
    } else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TTL) {
      int ttl = 0;
      memcpy(&ttl, value, sizeof ttl);
      outer_.ttl = static_cast<uint8_t>(ttl);
    } else if (c->cmsg_level == IPPROTO_IPV6) {
      read_control6(c->cmsg_type, value);
    }
  }
  return true;
}

// For datagrams over IPv4 the destination comes twice, once in its IPv6 form.
void GeneveReceiver::read_control6(int type, const unsigned char* value) {
  int number = 0;
  if (type == IPV6_PKTINFO) {
    in6_pktinfo info;
    memcpy(&info, value, sizeof info);
    outer_.dst.in6 = info.ipi6_addr;
  } else if (type == IPV6_TCLASS) {
    memcpy(&number, value, sizeof number);
    outer_.tos = static_cast<uint8_t>(number);
  } else if (type == IPV6_HOPLIMIT) {
    memcpy(&number, value, sizeof number);
    outer_.ttl = static_cast<uint8_t>(number);
  }
}

// The next datagram of the current message. False when it is no good, and counted.
bool GeneveReceiver::split(Packet& packet, uint32_t in_port, const TlvMap& options, PortCounters& counters) {
  uint8_t* datagram = static_cast<uint8_t*>(iovecs_[current_].iov_base) + at_;
  const uint32_t size = end_ - at_ < outer_.segment ? end_ - at_ : outer_.segment;
  const bool first = at_ == 0;
  at_ += size;
  const bool last = at_ == end_;
  if (last) current_ = -1;

  reset_packet(packet, in_port);
  FlowKey& key = packet.key;
  uint32_t header = 0;
  const TlvMap::Result result = options.parse(datagram, size, key, &header);
  if (result != TlvMap::Result::ok) {
    counters.rx_errors++;
    result == TlvMap::Result::unknown_option ? counters.unknown_option++ : counters.bad_tunnel++;
    return false;
  }
  outer_.src.to_key(&key.tun_src, key.tun_ipv6_src);
  outer_.dst.to_key(&key.tun_dst, key.tun_ipv6_dst);
  key.tun_tp_src = outer_.src_port;
  key.tun_tp_dst = udp_port_;
  key.tun_tos = outer_.tos;
  key.tun_ttl = outer_.ttl;
  packet.data = datagram + header;
  packet.size = size - header;
  // Its own Geneve header is dead now; before that lies the frame of its neighbour.
  packet.headroom = header + (first ? kHeadroom : 0);
  packet.tailroom = last ? kSlotSize - kHeadroom - end_ : 0;
  packet.csum_partial = packet.csum_valid = false;
  packet.csum_start = packet.csum_offset = 0;
  packet.gso_type = GsoType::none;
  packet.gso_ecn = false;
  packet.gso_size = 0;
  counters.rx_packets++;
  counters.rx_bytes += packet.size;
  return true;
}

void GeneveReceiver::release() {
  // What rx() had no room for stays; the next rx() begins with it.
  if (current_ < 0 && next_ == received_) next_ = received_ = 0;
}

uint32_t GeneveReceiver::take_drops() {
  uint32_t memory[SK_MEMINFO_VARS] = {};
  socklen_t size = sizeof memory;
  if (getsockopt(fd_.get(), SOL_SOCKET, SO_MEMINFO, memory, &size) != 0) return 0;
  const uint32_t since = memory[SK_MEMINFO_DROPS] - drops_;
  drops_ = memory[SK_MEMINFO_DROPS];
  return since;
}

void GeneveReceiver::clear_error() {
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &size);
}

}  // namespace pw
