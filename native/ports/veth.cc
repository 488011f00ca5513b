// veth port: see veth.h.
#include "veth.h"

#include <linux/if_packet.h>
#include <net/if.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "../clock.h"
#include "host_stack.h"
#include "netns.h"
#include "packet_ring.h"
#include "rtnl.h"
#include "rx_arena.h"
#include "sysfs.h"
#include "vnet.h"

namespace pw {

namespace {

constexpr uint32_t kMacsSize = 12, kTagSize = 4;
constexpr uint64_t kMoveInterval = 50'000'000;  // ns

// Puts the tag back that the kernel took out: the addresses move forward, into the headroom.
void restore_tag(Packet& packet, uint16_t tpid, uint16_t tci) {
  packet.data -= kTagSize;
  packet.size += kTagSize;
  packet.headroom -= kTagSize;
  memmove(packet.data, packet.data + kTagSize, kMacsSize);
  store16(packet.data + kMacsSize, tpid);
  store16(packet.data + kMacsSize + 2, tci);
  if (packet.csum_partial) packet.csum_start += kTagSize;
}

class VethPort final : public Port {
 public:
  explicit VethPort(const VethSpec& spec)
      : Port(spec.no, spec.name, spec.mtu), spec_(spec), ifname_(spec.ifname.empty() ? spec.name : spec.ifname) {
    for (int i = 0; i < kBurst; i++) {
      iovecs_[2 * i] = {&headers_[i], sizeof headers_[i]};
      messages_[i].msg_hdr.msg_iov = &iovecs_[2 * i];
      messages_[i].msg_hdr.msg_iovlen = 2;
    }
  }

  ~VethPort() override { detach(); }
  bool attach(bool set_up, SysError* error);

  int rx(Packet** packets, int max) override;
  void tx(Packet** packets, int count) override;
  void flush() override;
  void release() override { ring_.release(); }
  int fd() const override { return ring_.fd(); }
  PortState poll_state() override;
  bool reattach() override { return ring_.fd() >= 0 || attach(false, nullptr); }

 private:
  bool attach_here(bool set_up, SysError* error);
  bool open_tx(const std::string& object, SysError* error);
  void detach();
  bool same_netns() const;
  void count_refusal(int err);
  void make_way();

  VethSpec spec_;
  std::string ifname_;
  NetnsId netns_;      // the namespace we are attached in
  int ifindex_ = 0;
  int receive_cpu_ = 0;     // where the kernel queues what we receive
  uint64_t moved_ns_ = 0;  // when we last thought about that
  PacketRing ring_;
  Fd tx_fd_;
  HostStackGuard guard_;

  // What tx() collected for flush(): header and frame of each.
  int pending_ = 0;
  std::array<VnetHeader, kBurst> headers_;
  std::array<iovec, 2 * kBurst> iovecs_;
  std::array<mmsghdr, kBurst> messages_{};
};

bool VethPort::attach(bool set_up, SysError* error) {
  const bool ok = in_netns(spec_.netns, error, [&] { return attach_here(set_up, error); });
  if (!ok) detach();
  return ok;
}

bool VethPort::attach_here(bool set_up, SysError* error) {
  LinkInfo link;
  if (!netns_id("", &netns_)) return refuse(error, "stat", "/proc/thread-self/ns/net");
  if (!get_link(ifname_, &link, error)) return false;
  if (set_up) {
    LinkChange change;
    change.up = true;
    if (!set_link(link.index, change, ifname_, error)) return false;
  } else if (!(link.flags & IFF_UP)) {
    return refuse(error, "netlink(RTM_GETLINK)", ifname_, ENETDOWN);
  }
  ifindex_ = link.index;
  receive_on_cpu(ifname_, receive_cpu_ = 0);
  return guard_.install(ifindex_, ifname_, error) && open_tx(ifname_, error) &&
         ring_.open(ifindex_, spec_.ring_slots, ifname_, error);
}

// A socket of its own: one that has a receive ring may not send with a virtio header of another form, and one that
// is bound to no protocol receives nothing.
bool VethPort::open_tx(const std::string& object, SysError* error) {
  tx_fd_ = Fd(socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!tx_fd_) return refuse(error, "socket(AF_PACKET)", object);
  const int one = 1, send_buffer = 4 << 20;
  if (setsockopt(tx_fd_.get(), SOL_PACKET, PACKET_VNET_HDR, &one, sizeof one) != 0) {
    return refuse(error, "setsockopt(PACKET_VNET_HDR)", object);
  }
  if (setsockopt(tx_fd_.get(), SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof one) != 0) {
    return refuse(error, "setsockopt(PACKET_QDISC_BYPASS)", object);
  }
  // A burst of 64 KB frames; without the privilege to force it, the system's limit.
  if (setsockopt(tx_fd_.get(), SOL_SOCKET, SO_SNDBUFFORCE, &send_buffer, sizeof send_buffer) != 0) {
    setsockopt(tx_fd_.get(), SOL_SOCKET, SO_SNDBUF, &send_buffer, sizeof send_buffer);
  }
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_ifindex = ifindex_;
  if (bind(tx_fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return refuse(error, "bind(AF_PACKET)", object);
  }
  return true;
}

void VethPort::detach() {
  ring_.close();
  tx_fd_.reset();
  if (!same_netns()) return;  // the interface died with its namespace
  in_netns(spec_.netns, nullptr, [&] {
    guard_.remove();
    return true;
  });
}

bool VethPort::same_netns() const {
  NetnsId now;
  return netns_id(spec_.netns, &now) && now == netns_;
}

int VethPort::rx(Packet** packets, int max) {
  int n = 0;
  bool is_losing = false;
  PacketRing::Frame frame;
  while (n < max && ring_.next(&frame)) {
    Packet& packet = *packets[n];
    packet.data = frame.data;
    packet.size = frame.size;
    packet.headroom = frame.headroom;
    packet.tailroom = frame.tailroom;
    if (frame.truncated || !vnet_to_packet(frame.vnet, packet)) {
      counters.rx_errors++;
      frame.truncated ? counters.oversize++ : counters.bad_vnet++;
      continue;
    }
    is_losing |= frame.losing;
    if (frame.csum_valid) packet.csum_valid = true;
    if (frame.tagged && packet.size >= kMacsSize) restore_tag(packet, frame.tpid, frame.tci);
    reset_packet(packet, no_);
    counters.rx_packets++;
    counters.rx_bytes += packet.size;
    n++;
  }
  if (is_losing) make_way();
  return n;
}

// Frames are lost because we do not come round to them. Where the kernel queues them on the very CPU that we run on,
// its interrupts leave us hardly any of it; another shall do that, which holds back the sender that runs there, not us.
void VethPort::make_way() {
  const uint64_t now = monotonic_ns();
  if (now - moved_ns_ < kMoveInterval) return;
  moved_ns_ = now;
  const int cpu = sched_getcpu();
  const auto cpus = static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN));
  if (cpu != receive_cpu_ || cpus < 2) return;
  in_netns(spec_.netns, nullptr, [&] {
    const int other = (cpu + 1) % cpus;
    if (receive_on_cpu(ifname_, static_cast<unsigned>(other))) receive_cpu_ = other;
    return true;
  });
}

void VethPort::tx(Packet** packets, int count) {
  for (int i = 0; i < count; i++) {
    if (pending_ == kBurst) flush();
    vnet_from_packet(*packets[i], headers_[pending_]);
    iovecs_[2 * pending_ + 1] = {packets[i]->data, packets[i]->size};
    pending_++;
  }
}

void VethPort::flush() {
  for (int done = 0; done < pending_;) {
    const int sent = sendmmsg(tx_fd_.get(), &messages_[done], static_cast<unsigned>(pending_ - done), 0);
    if (sent <= 0) {  // the first of the rest was refused; go on behind it
      count_refusal(errno);
      done++;
      continue;
    }
    for (int i = done; i < done + sent; i++) counters.tx_bytes += iovecs_[2 * i + 1].iov_len;
    counters.tx_packets += static_cast<uint64_t>(sent);
    done += sent;
  }
  pending_ = 0;
}

void VethPort::count_refusal(int err) {
  if (err == EMSGSIZE) counters.tx_too_big++;
  else if (err == EINVAL) counters.tx_errors++;  // the kernel does not believe the virtio header
  else counters.tx_dropped++;                    // EAGAIN, ENOBUFS: full; ENETDOWN, ENXIO, EBADF: down or gone
}

PortState VethPort::poll_state() {
  if (ring_.fd() < 0) return PortState::gone;
  counters.rx_dropped += ring_.take_drops();
  // A socket that was told of a link going down keeps the error until somebody asks, and epoll repeats it.
  int pending_error = 0;
  socklen_t size = sizeof pending_error;
  getsockopt(ring_.fd(), SOL_SOCKET, SO_ERROR, &pending_error, &size);
  const bool there = same_netns() && in_netns(spec_.netns, nullptr, [&] {
    LinkInfo link;
    return get_link(ifname_, &link, nullptr) && link.index == ifindex_ && (link.flags & IFF_UP);
  });
  if (there) return PortState::up;
  detach();
  return PortState::gone;
}

}  // namespace

std::unique_ptr<Port> open_veth(const VethSpec& spec, SysError* error) {
  auto port = std::make_unique<VethPort>(spec);
  if (!port->attach(true, error)) return nullptr;
  return port;
}

}  // namespace pw
