// TAP port: see tap.h.
//
// The device is made in the switch's own namespace and moved. Made in the pod's, the file would hold that namespace
// alive, and a deleted pod would never be noticed; moved, the device dies with the namespace and the file says so.
#include "tap.h"

#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "netns.h"
#include "plain_io.h"
#include "rtnl.h"
#include "rx_arena.h"
#include "vnet.h"

#ifndef TUN_F_USO4  // Linux 6.2
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif
#ifndef TUNGETDEVNETNS  // Linux 5.2
#define TUNGETDEVNETNS _IO('T', 227)
#endif

namespace pw {

namespace {

constexpr const char* kTunFile = "/dev/net/tun";
constexpr int kVnetSize = sizeof(VnetHeader);

void set_name(ifreq& request, const std::string& name) {
  memset(&request, 0, sizeof request);
  memcpy(request.ifr_name, name.data(), name.size() < IFNAMSIZ ? name.size() : IFNAMSIZ - 1);
}

// A file for the device `name` ("%d" in it: the kernel chooses a number) in the calling thread's namespace.
// *name becomes the device's real name.
bool attach(std::string* name, Fd* fd, SysError* error) {
  *fd = Fd(open(kTunFile, O_RDWR | O_NONBLOCK | O_CLOEXEC));
  if (!*fd) return refuse(error, "open", kTunFile);
  ifreq request;
  set_name(request, *name);
  request.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
  if (ioctl(fd->get(), TUNSETIFF, &request) != 0) return refuse(error, "ioctl(TUNSETIFF)", *name);
  *name = request.ifr_name;
  int size = kVnetSize;
  if (ioctl(fd->get(), TUNSETVNETHDRSZ, &size) != 0) return refuse(error, "ioctl(TUNSETVNETHDRSZ)", *name);
  const unsigned offloads = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN;
  // Kernels before 6.2 do not know UDP segmentation and answer EINVAL.
  if (ioctl(fd->get(), TUNSETOFFLOAD, offloads | TUN_F_USO4 | TUN_F_USO6) != 0 &&
      ioctl(fd->get(), TUNSETOFFLOAD, offloads) != 0) {
    return refuse(error, "ioctl(TUNSETOFFLOAD)", *name);
  }
  return true;
}

class TapPort final : public Port {
 public:
  explicit TapPort(const TapSpec& spec)
      : Port(spec.no, spec.name, spec.mtu), spec_(spec), ifname_(spec.ifname.empty() ? spec.name : spec.ifname) {}

  bool open_device(SysError* error);
  bool has_memory() const { return arena_.ok(); }

  int rx(Packet** packets, int max) override;
  void tx(Packet** packets, int count) override;
  void release() override { arena_.reset(); }
  int fd() const override { return fd_.get(); }
  PortState poll_state() override;
  bool reattach() override { return fd_ || open_device(nullptr); }

 private:
  bool accept(uint8_t* frame, ssize_t got, Packet& packet);
  void write_one(const Packet& packet);
  ssize_t write_frame(const Packet& packet);
  void read_drops(const char* device);

  TapSpec spec_;
  std::string ifname_;
  Fd fd_;
  RxArena arena_;
  uint64_t device_drops_ = 0;  // the device's own counter when last read
  NetnsId netns_;              // where an existing device was attached to
  bool holds_netns_ = false;   // its file keeps that namespace alive
};

bool TapPort::open_device(SysError* error) {
  LinkChange change;
  change.mtu = spec_.mtu;
  change.txqueuelen = spec_.txqueuelen;
  change.up = spec_.up;
  if (!spec_.mac.empty() && !(change.mac = parse_mac(spec_.mac))) {
    return refuse(error, "netlink(RTM_NEWLINK)", ifname_ + " address " + spec_.mac, EINVAL);
  }
  if (ifname_.empty() || ifname_.size() >= IFNAMSIZ) return refuse(error, "ioctl(TUNSETIFF)", ifname_, ENAMETOOLONG);

  Fd fd;
  LinkInfo link;
  bool exists = false;
  if (!in_netns(spec_.netns, error, [&] { exists = get_link(ifname_, &link, nullptr); return true; })) return false;
  std::string device = ifname_;
  if (exists || spec_.netns.empty()) {
    const bool ok = in_netns(spec_.netns, error, [&] {
      if (!netns_id("", &netns_)) return refuse(error, "stat", "/proc/thread-self/ns/net");
      return attach(&device, &fd, error) && get_link(device, &link, error) &&
             set_link(link.index, change, device, error);
    });
    if (!ok) return false;
  } else {
    const std::string path = netns_path(spec_.netns);
    Fd target(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!target) return refuse(error, "open", "netns " + path);
    device = "pwtap%d";
    if (!attach(&device, &fd, error) || !get_link(device, &link, error)) return false;
    change.netns_fd = target.get();
    change.ifname = ifname_;
    if (!set_link(link.index, change, ifname_ + " in netns " + path, error)) return false;
  }
  fd_ = std::move(fd);
  device_drops_ = 0;
  holds_netns_ = exists && !spec_.netns.empty();
  return true;
}

int TapPort::rx(Packet** packets, int max) {
  int n = 0;
  while (n < max && !arena_.full()) {
    uint8_t* frame = arena_.next();
    const ssize_t got = plain_read(fd_.get(), frame - kVnetSize, kVnetSize + kMaxFrame);
    if (got <= 0) break;  // EAGAIN: no more; anything else is for poll_state()
    Packet& packet = *packets[n];
    if (!accept(frame, got, packet)) continue;
    packet.tailroom = arena_.take(packet.size);
    reset_packet(packet, no_);
    counters.rx_packets++;
    counters.rx_bytes += packet.size;
    n++;
  }
  return n;
}

// `got` bytes were read, virtio header and frame. False when they are no frame of ours, and counted.
bool TapPort::accept(uint8_t* frame, ssize_t got, Packet& packet) {
  VnetHeader header;
  memcpy(&header, frame - kVnetSize, sizeof header);
  packet.data = frame;
  packet.headroom = kHeadroom;
  packet.size = got > kVnetSize ? static_cast<uint32_t>(got) - kVnetSize : 0;
  const bool cut_short = packet.size == kMaxFrame;  // a device whose gso_max_size somebody raised
  if (!cut_short && packet.size > 0 && vnet_to_packet(header, packet)) return true;
  counters.rx_errors++;
  cut_short ? counters.oversize++ : counters.bad_vnet++;
  return false;
}

void TapPort::tx(Packet** packets, int count) {
  for (int i = 0; i < count; i++) write_one(*packets[i]);
}

// The virtio header goes right before the frame, where that room is the packet's own. Where it is not (a neighbour in a
// coalesced tunnel read lies there) it goes apart, for which the kernel has to fetch a vector.
ssize_t TapPort::write_frame(const Packet& packet) {
  VnetHeader header;
  vnet_from_packet(packet, header);
  if (packet.headroom >= sizeof header) {
    uint8_t* start = packet.data - sizeof header;
    memcpy(start, &header, sizeof header);
    return plain_write(fd_.get(), start, sizeof header + packet.size);
  }
  const iovec parts[2] = {{&header, sizeof header}, {packet.data, packet.size}};
  return plain_writev(fd_.get(), parts, 2);
}

void TapPort::write_one(const Packet& packet) {
  if (write_frame(packet) >= 0) {
    counters.tx_packets++;
    counters.tx_bytes += packet.size;
  } else if (errno == EINVAL) {
    counters.tx_errors++;  // the kernel does not believe the virtio header
  } else {
    counters.tx_dropped++;  // EAGAIN, ENOBUFS: full; EIO: the device is down; EBADFD: gone
  }
}

PortState TapPort::poll_state() {
  if (!fd_) return PortState::gone;
  ifreq request{};
  NetnsId now;
  const bool deserted = holds_netns_ && !(netns_id(spec_.netns, &now) && now == netns_);
  if (deserted || ioctl(fd_.get(), TUNGETIFF, &request) != 0) {  // EBADFD: no device behind the file any more
    fd_.reset();
    return PortState::gone;
  }
  read_drops(request.ifr_name);
  return PortState::up;
}

// Frames that the pod sent while our queue was full are counted by the device, as its tx_dropped. It may have been
// renamed or moved since, so it is asked for where the kernel says it is now.
void TapPort::read_drops(const char* device) {
  Fd netns(ioctl(fd_.get(), TUNGETDEVNETNS));
  NetnsGuard guard;
  LinkInfo link;
  if (!netns || !guard.enter_fd(netns.get(), device, nullptr) || !get_link(device, &link, nullptr)) return;
  counters.rx_dropped += link.tx_dropped - device_drops_;
  device_drops_ = link.tx_dropped;
}

}  // namespace

std::unique_ptr<Port> open_tap(const TapSpec& spec, SysError* error) {
  auto port = std::make_unique<TapPort>(spec);
  if (!port->has_memory()) {
    refuse(error, "mmap", "receive buffers of " + spec.name);
    return nullptr;
  }
  if (!port->open_device(error)) return nullptr;
  return port;
}

}  // namespace pw
