// The kernel's ports in real namespaces: what a pod sends must arrive as sent, and a device may come and go.
#include <sched.h>
#include <sys/uio.h>

#include "check.h"
#include "frames.h"
#include "lab.h"
#include "ports/netns.h"
#include "ports/tap.h"
#include "ports/veth.h"
#include "ports/vnet.h"
#include "traffic.h"

using namespace pw;

namespace {

std::unique_ptr<Port> must(std::unique_ptr<Port> port, const SysError& error) {
  if (!port) printf("    %s %s: %s\n", error.syscall.c_str(), error.object.c_str(), strerror(error.err));
  CHECK(port != nullptr);
  return port;
}

std::unique_ptr<Port> tap(uint32_t no, const Namespace& pod, uint32_t mtu = 1500) {
  TapSpec spec;
  spec.no = no;
  spec.name = "tap" + std::to_string(no);
  spec.ifname = "eth0";
  spec.netns = pod.name;
  spec.mac = "02:00:00:00:00:0" + std::to_string(no);
  spec.mtu = mtu;
  SysError error;
  return must(open_tap(spec, &error), error);
}

// A veth pair: eth0 in the pod, sw<no> in the switch's namespace, which the port takes.
void make_veth(uint32_t no, const Namespace& pod, const Namespace& sw) {
  const std::string no_text = std::to_string(no);
  CHECK(sw.ip_ok("link add sw" + no_text + " type veth peer name eth0 netns " + pod.name));
  CHECK(pod.ip_ok("link set eth0 address 02:00:00:00:00:0" + no_text + " up"));
}

std::unique_ptr<Port> veth(uint32_t no, const Namespace& sw) {
  VethSpec spec;
  spec.no = no;
  spec.name = "sw" + std::to_string(no);
  spec.netns = sw.name;
  SysError error;
  return must(open_veth(spec, &error), error);
}

// Two pods with addresses 192.0.2.1 and 192.0.2.2 on eth0, whatever kind of device that is.
struct Pods {
  Namespace one{"pod1"}, two{"pod2"};
  void address() {
    CHECK(one.ip_ok("addr add 192.0.2.1/24 dev eth0") && two.ip_ok("addr add 192.0.2.2/24 dev eth0"));
    allow_ping(one);
    allow_ping(two);
  }
};

uint64_t errors(const Port& port) { return port.counters.rx_errors + port.counters.tx_errors; }

}  // namespace

TEST("a guard brings the thread home, and a missing namespace is refused with its path") {
  NEEDS_LAB();
  Namespace ns("guard");
  NetnsId before, inside, after, named;
  CHECK(netns_id("", &before));
  SysError error;
  CHECK(in_netns(ns.name, &error, [&] { return netns_id("", &inside); }));
  CHECK(netns_id("", &after) && netns_id(ns.name, &named));
  CHECK(before == after && inside == named && !(inside == before));
  CHECK(!in_netns("pwp-none", &error, [] { return true; }));
  CHECK(error.syscall == "open" && error.object == "netns /run/netns/pwp-none" && error.err == ENOENT);
}

TEST("a TAP appears in its namespace with name, address and MTU, and vanishes when it is closed") {
  NEEDS_LAB();
  Namespace pod("pod");
  auto port = tap(1, pod, 1450);
  if (!port) return;
  const std::string link = pod.ip("link show eth0");
  CHECK(has(link, "mtu 1450") && has(link, "02:00:00:00:00:01") && has(link, ",UP"));
  port.reset();
  CHECK(has(pod.ip("link show eth0"), "does not exist"));
}

TEST("a persistent TAP is attached to where it is, outlives the port, and is let go with its namespace") {
  NEEDS_LAB();
  Namespace pod("pod");
  CHECK(pod.ip_ok("tuntap add dev eth0 mode tap vnet_hdr"));
  auto port = tap(1, pod, 1400);
  if (!port) return;
  CHECK(has(pod.ip("link show eth0"), "mtu 1400") && has(pod.ip("link show eth0"), "LOWER_UP"));
  port.reset();
  CHECK(has(pod.ip("link show eth0"), "NO-CARRIER"));
  port = tap(1, pod, 1400);
  CHECK(port->poll_state() == PortState::up);
  pod.remove();
  CHECK(port->poll_state() == PortState::gone && port->fd() == -1);
}

TEST("a refused TAP names the call, the object and errno") {
  NEEDS_LAB();
  Namespace pod("pod");
  pod.ip("link add eth0 type veth peer name other");
  TapSpec spec;
  spec.no = 1;
  spec.name = "t";
  spec.ifname = "eth0";
  spec.netns = pod.name;
  SysError error;
  CHECK(open_tap(spec, &error) == nullptr);
  CHECK(error.syscall == "ioctl(TUNSETIFF)" && error.object == "eth0" && error.err == EINVAL);
  spec.netns = "pwp-none";
  CHECK(open_tap(spec, &error) == nullptr);
  CHECK(error.syscall == "open" && error.err == ENOENT);
}

TEST("two pods on TAPs reach each other: ping up to the MTU, TCP in GSO frames, UDP segments; not a byte is damaged") {
  NEEDS_LAB();
  Pods pods;
  auto a = tap(1, pods.one, 1450), b = tap(2, pods.two, 1450);
  if (!a || !b) return;
  pods.address();
  std::atomic<int> tcp_gso{0}, udp_gso{0}, unfinished{0};
  Forwarder forwarder(*a, *b, [&](Packet& p, Port&) {
    tcp_gso += p.gso_type == GsoType::tcp4;
    udp_gso += p.gso_type == GsoType::udp4;
    unfinished += p.csum_partial;
    return true;
  });
  CHECK_EQ(ping(pods.one, "192.0.2.2"), 3);
  CHECK_EQ(ping(pods.two, "192.0.2.1", 1, 1450 - 28), 1);
  const Stream stream = tcp_stream(pods.one, pods.two, "192.0.2.2", 64 << 20);
  CHECK_EQ(stream.bytes, size_t{64 << 20});
  CHECK_EQ(udp_segments(pods.one, pods.two, "192.0.2.2", 14500, 1400), 11);
  CHECK(tcp_gso > 100 && unfinished > 100);
  printf("(%.1f Gbit/s with sanitizers, %s) ", stream.gbits(), udp_gso ? "USO" : "no USO");
  CHECK_EQ(errors(*a) + errors(*b) + a->counters.tx_dropped + b->counters.tx_dropped, 0u);
  CHECK(a->counters.rx_packets > 0 && a->counters.rx_bytes > (64 << 20) && b->counters.tx_bytes > (64 << 20));
}

TEST("a TAP deleted under traffic is gone, is made again by reattach, and traffic goes on") {
  NEEDS_LAB();
  Pods pods;
  auto a = tap(1, pods.one), b = tap(2, pods.two);
  if (!a || !b) return;
  pods.address();
  Forwarder forwarder(*a, *b);
  CHECK_EQ(ping(pods.one, "192.0.2.2", 1), 1);
  pods.two.ip("link del eth0");
  for (int i = 0; i < 40 && !forwarder.back[1]; i++) usleep(50000);
  CHECK(forwarder.back[1] && !forwarder.back[0]);
  CHECK(pods.two.ip_ok("addr add 192.0.2.2/24 dev eth0"));
  CHECK_EQ(ping(pods.one, "192.0.2.2", 1), 1);
}

TEST("a TAP whose namespace is deleted is gone, and comes back with a namespace of that name") {
  NEEDS_LAB();
  auto pod = std::make_unique<Namespace>("brief");
  auto port = tap(1, *pod);
  if (!port) return;
  CHECK(port->poll_state() == PortState::up);
  pod->remove();
  PortState state = PortState::up;
  for (int i = 0; i < 60 && state == PortState::up; i++) {
    usleep(50000);
    state = port->poll_state();
  }
  CHECK(state == PortState::gone && port->fd() == -1);
  CHECK(!port->reattach());
  Packet packet;
  Packet* burst[] = {&packet};
  CHECK_EQ(port->rx(burst, 1), 0);
  uint8_t frame[60] = {};
  packet.data = frame;
  packet.size = sizeof frame;
  port->tx(burst, 1);
  CHECK_EQ(port->counters.tx_dropped, 1u);
  pod = nullptr;
  Namespace again("brief");
  CHECK(port->reattach() && port->poll_state() == PortState::up);
  CHECK(has(again.ip("link show eth0"), "02:00:00:00:00:01"));
}

TEST("frames that a pod sends while nobody reads are counted as rx_dropped") {
  NEEDS_LAB();
  Pods pods;
  auto port = tap(1, pods.one);
  if (!port) return;
  pods.one.ip("addr add 192.0.2.1/24 dev eth0");
  pods.one.ip("neigh add 192.0.2.9 lladdr 02:00:00:00:00:09 dev eth0");
  pods.one.ip("link set eth0 txqueuelen 100");
  Fd sender = socket_in(pods.one, SOCK_DGRAM);
  const sockaddr_in to = ipv4("192.0.2.9", 9);
  for (int i = 0; i < 150; i++) sendto(sender.get(), "x", 1, 0, reinterpret_cast<const sockaddr*>(&to), sizeof to);
  CHECK(port->poll_state() == PortState::up);
  std::array<Packet, kBurst> storage;
  std::array<Packet*, kBurst> burst;
  for (int i = 0; i < kBurst; i++) burst[i] = &storage[i];
  int got = 0;
  for (int n; (n = port->rx(burst.data(), kBurst)) > 0; got += n) port->release();
  CHECK(got >= 90 && got <= 110);
  CHECK_EQ(port->counters.rx_dropped, 150u - got);
}

TEST("a TAP that is down refuses frames, which are counted, and works when it is up again") {
  NEEDS_LAB();
  Namespace pod("pod");
  auto port = tap(1, pod);
  if (!port) return;
  uint8_t frame[60] = {2, 0, 0, 0, 0, 1};
  Packet packet;
  packet.data = frame;
  packet.size = sizeof frame;
  Packet* burst[] = {&packet};
  pod.ip("link set eth0 down");
  port->tx(burst, 1);
  CHECK_EQ(port->counters.tx_dropped, 1u);
  pod.ip("link set eth0 up");
  port->tx(burst, 1);
  CHECK(port->counters.tx_dropped == 1 && port->counters.tx_packets == 1 && port->counters.tx_bytes == 60);
  packet.csum_partial = true;  // and one with offsets that the kernel does not believe
  packet.csum_start = 300;
  port->tx(burst, 1);
  CHECK_EQ(port->counters.tx_errors, 1u);
}

TEST("two pods on veths reach each other: ping, TCP in GSO frames, UDP segments; not a byte is damaged") {
  NEEDS_LAB();
  Namespace sw("sw");
  Pods pods;
  make_veth(1, pods.one, sw);
  make_veth(2, pods.two, sw);
  auto a = veth(1, sw), b = veth(2, sw);
  if (!a || !b) return;
  pods.address();
  // One CPU for all frames of the interface (unless the kernel has no receive steering), or TCP sees them reordered.
  const std::string steering = sw.exec("cat /sys/class/net/sw1/queues/rx-0/rps_cpus");
  CHECK(has(steering, "1") || has(steering, "No such file"));
  std::atomic<int> tcp_gso{0}, unfinished{0};
  Forwarder forwarder(*a, *b, [&](Packet& p, Port&) {
    tcp_gso += p.gso_type == GsoType::tcp4;
    unfinished += p.csum_partial;
    CHECK(p.headroom >= kHeadroom);
    return true;
  });
  CHECK_EQ(ping(pods.one, "192.0.2.2"), 3);
  CHECK_EQ(ping(pods.two, "192.0.2.1", 1, 1472), 1);
  const Stream stream = tcp_stream(pods.one, pods.two, "192.0.2.2", 64 << 20);
  CHECK_EQ(stream.bytes, size_t{64 << 20});
  CHECK_EQ(udp_segments(pods.one, pods.two, "192.0.2.2", 14500, 1400), 11);
  CHECK(tcp_gso > 100 && unfinished > 100);
  printf("(%.1f Gbit/s with sanitizers) ", stream.gbits());
  CHECK_EQ(errors(*a) + errors(*b), 0u);
}

TEST("a VLAN tag that the kernel took out of a frame is back in its bytes, and offsets count it") {
  NEEDS_LAB();
  Namespace sw("sw");
  Pods pods;
  make_veth(1, pods.one, sw);
  make_veth(2, pods.two, sw);
  auto a = veth(1, sw), b = veth(2, sw);
  if (!a || !b) return;
  const Frame frame = build_frame({.version = 4, .proto = 6, .tags = 2, .payload = 5000}, false);
  VnetHeader header{};
  header.flags = kVnetNeedsCsum;
  header.gso_type = kVnetGsoTcp4;
  header.gso_size = 1000;
  header.hdr_len = static_cast<uint16_t>(frame.payload);
  header.csum_start = static_cast<uint16_t>(frame.l4);
  header.csum_offset = 16;
  Fd pod1 = raw_socket(pods.one, true), pod2 = raw_socket(pods.two, true);
  const iovec parts[] = {{&header, sizeof header}, {const_cast<uint8_t*>(frame.bytes.data()), frame.bytes.size()}};
  CHECK_EQ(writev(pod1.get(), parts, 2), static_cast<ssize_t>(sizeof header + frame.bytes.size()));

  Packet packet;
  Packet* burst[] = {&packet};
  for (int i = 0; i < 50 && a->rx(burst, 1) == 0; i++) usleep(2000);
  CHECK(Bytes(packet.data, packet.data + packet.size) == frame.bytes);
  CHECK(packet.csum_partial && packet.csum_start == frame.l4 && packet.csum_offset == 16);
  CHECK(packet.gso_type == GsoType::tcp4 && packet.gso_size == 1000);
  b->tx(burst, 1);
  b->flush();
  a->release();
  CHECK_EQ(b->counters.tx_packets, 1u);

  // The other pod's kernel takes the tag out again: it is in the auxiliary data, the inner one in the bytes.
  Bytes got(70000);
  alignas(cmsghdr) char control[256];
  iovec into = {got.data(), got.size()};
  msghdr message{};
  message.msg_iov = &into;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  CHECK_EQ(recvmsg(pod2.get(), &message, 0), static_cast<ssize_t>(sizeof header + frame.bytes.size() - 4));
  const cmsghdr* cmsg = CMSG_FIRSTHDR(&message);
  CHECK(cmsg && cmsg->cmsg_level == SOL_PACKET && cmsg->cmsg_type == PACKET_AUXDATA);
  tpacket_auxdata aux{};
  if (cmsg) memcpy(&aux, CMSG_DATA(cmsg), sizeof aux);
  CHECK_EQ(aux.tp_vlan_tci, get16(&frame.bytes[14]));
  CHECK_EQ(aux.tp_vlan_tpid, get16(&frame.bytes[12]));
  CHECK(memcmp(&got[10 + 12], &frame.bytes[16], frame.bytes.size() - 16) == 0);
}

TEST("the node's own IP stack does not answer on an interface that is a port") {
  NEEDS_LAB();
  Namespace sw("sw");
  Pods pods;
  make_veth(1, pods.one, sw);
  sw.exec("sysctl -qw net.ipv4.conf.all.rp_filter=0");
  sw.ip("addr add 192.0.2.254/24 dev lo");
  sw.ip("link set sw1 up");
  pods.one.ip("addr add 192.0.2.1/24 dev eth0");
  allow_ping(pods.one);
  auto arp = [&] {
    pods.one.ip("neigh flush all");
    ping(pods.one, "192.0.2.254", 1, 56, 300);
    return has(pods.one.ip("neigh show 192.0.2.254"), "lladdr");
  };
  CHECK(arp());  // the node does answer as long as the interface is nobody's port
  auto port = veth(1, sw);
  if (!port) return;
  CHECK(!arp());
  Packet packet;
  Packet* burst[] = {&packet};
  CHECK_EQ(port->rx(burst, 1), 1);  // but the switch sees the request
  CHECK_EQ(load16(packet.data + 12), 0x0806);
  port->release();
  port.reset();
  CHECK(arp());
}

TEST("a veth that goes down or is deleted is gone, and is taken back when it is there again") {
  NEEDS_LAB();
  Namespace sw("sw");
  Pods pods;
  make_veth(1, pods.one, sw);
  make_veth(2, pods.two, sw);
  auto a = veth(1, sw), b = veth(2, sw);
  if (!a || !b) return;
  pods.address();
  Forwarder forwarder(*a, *b);
  CHECK_EQ(ping(pods.one, "192.0.2.2", 1), 1);
  sw.ip("link set sw1 down");
  CHECK_EQ(ping(pods.one, "192.0.2.2", 1, 56, 300), 0);
  CHECK(!forwarder.back[0]);
  sw.ip("link set sw1 up");
  for (int i = 0; i < 40 && !forwarder.back[0]; i++) usleep(50000);
  CHECK(forwarder.back[0]);
  CHECK_EQ(ping(pods.one, "192.0.2.2", 1), 1);
  sw.ip("link del sw2");
  usleep(300000);
  CHECK(!forwarder.back[1]);
  make_veth(2, pods.two, sw);
  sw.ip("link set sw2 up");
  CHECK(pods.two.ip_ok("addr add 192.0.2.2/24 dev eth0"));
  for (int i = 0; i < 40 && !forwarder.back[1]; i++) usleep(50000);
  CHECK(forwarder.back[1]);
  CHECK_EQ(ping(pods.one, "192.0.2.2", 1), 1);
}

TEST("a veth port that is missing is refused by name") {
  NEEDS_LAB();
  Namespace sw("sw");
  VethSpec spec;
  spec.no = 1;
  spec.name = "nothing";
  spec.netns = sw.name;
  SysError error;
  CHECK(open_veth(spec, &error) == nullptr);
  CHECK(error.syscall == "netlink(RTM_GETLINK)" && error.object == "nothing" && error.err == ENODEV);
}

// A pod that sends datagrams of a byte through a veth port, and what takes them.
struct Flood {
  Namespace sw{"sw"};
  Pods pods;
  std::unique_ptr<Port> port;
  Fd sender;
  std::array<Packet, kBurst> storage;
  std::array<Packet*, kBurst> burst;

  Flood() {
    make_veth(1, pods.one, sw);
    port = veth(1, sw);
    pods.one.ip("addr add 192.0.2.1/24 dev eth0");
    pods.one.ip("neigh add 192.0.2.9 lladdr 02:00:00:00:00:09 dev eth0");
    sender = socket_in(pods.one, SOCK_DGRAM);
    for (int i = 0; i < kBurst; i++) burst[i] = &storage[i];
  }
  void send(int count) {
    const sockaddr_in to = ipv4("192.0.2.9", 9);
    for (int i = 0; i < count; i++) sendto(sender.get(), "x", 1, 0, reinterpret_cast<const sockaddr*>(&to), sizeof to);
    usleep(20000);  // receive steering may hand frames to another CPU
  }
  int drain() {
    int got = 0;
    for (int n; (n = port->rx(burst.data(), kBurst)) > 0; got += n) port->release();
    return got;
  }
};

TEST("a full ring is counted as rx_dropped, and the ring wraps without loss after it") {
  NEEDS_LAB();
  Flood flood;
  if (!flood.port) return;
  flood.send(200);
  const int first = flood.drain();
  CHECK(first >= static_cast<int>(kVethRingSlots) && first < 200);
  CHECK(flood.port->poll_state() == PortState::up);
  CHECK_EQ(flood.port->counters.rx_dropped, 200u - static_cast<unsigned>(first));
  for (int round = 0; round < 10; round++) {
    flood.send(50);
    CHECK_EQ(flood.drain(), 50);
  }
}

TEST("when frames are lost, the kernel is told to queue them on another CPU than the one that reads them") {
  NEEDS_LAB();
  if (sysconf(_SC_NPROCESSORS_ONLN) < 2) {
    printf("skip (one CPU): ");
    return;
  }
  cpu_set_t before, reader;
  sched_getaffinity(0, sizeof before, &before);
  CPU_ZERO(&reader);
  CPU_SET(0, &reader);
  Flood flood;
  if (!flood.port) return;
  const auto queued_on = [&] {
    return run("ip netns exec " + flood.sw.name + " cat /sys/class/net/sw1/queues/rx-0/rps_cpus");
  };
  sched_setaffinity(0, sizeof reader, &reader);
  flood.send(20);
  CHECK_EQ(flood.drain(), 20);
  CHECK_EQ(strtoul(queued_on().c_str(), nullptr, 16), 1u);  // nothing is lost: it stays where it was
  flood.send(200);
  flood.drain();
  flood.send(20);  // the first that know of the loss
  flood.drain();
  CHECK_EQ(strtoul(queued_on().c_str(), nullptr, 16), 2u);
  sched_setaffinity(0, sizeof before, &before);
}

TEST_MAIN()
