// The kernel's ports in real namespaces: what a pod sends must arrive as sent, and a device may come and go.
#include "check.h"
#include "lab.h"
#include "ports/netns.h"
#include "ports/tap.h"

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

// TCP from `client` to a server in `server`; Gbit/s.
double tcp_gbits(const Namespace& client, const Namespace& server, const std::string& address, int seconds = 1) {
  server.exec("iperf3 -s -1 -D -p 5201 --pidfile /tmp/" + server.name + ".pid");
  usleep(200000);
  const std::string out =
      client.exec("iperf3 -c " + address + " -p 5201 -t " + std::to_string(seconds) + " -f g -J 2>/dev/null");
  run("rm -f /tmp/" + server.name + ".pid");
  const size_t at = out.rfind("\"bits_per_second\"");
  return at == std::string::npos ? 0 : atof(out.c_str() + out.find(':', at) + 1) / 1e9;
}

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

TEST("two pods on TAPs reach each other: ping, TCP in GSO frames, no frame lost or damaged") {
  NEEDS_LAB();
  NEEDS_PROGRAM("iperf3");
  Namespace pod1("pod1"), pod2("pod2");
  auto a = tap(1, pod1, 1450), b = tap(2, pod2, 1450);
  if (!a || !b) return;
  CHECK(pod1.ip_ok("addr add 192.0.2.1/24 dev eth0") && pod2.ip_ok("addr add 192.0.2.2/24 dev eth0"));
  std::atomic<int> gso{0};
  Forwarder forwarder(*a, *b, [&](Packet& p, Port&) { return gso += p.gso_type != GsoType::none, true; });
  CHECK(has(pod1.exec("ping -c 3 -i 0.05 -W 1 192.0.2.2"), " 0% packet loss"));
  CHECK(has(pod1.exec("ping -c 1 -W 1 -M do -s 1422 192.0.2.2"), " 0% packet loss"));
  const double gbits = tcp_gbits(pod1, pod2, "192.0.2.2");
  CHECK(gbits > 0.2);
  CHECK(gso > 100);
  CHECK(!has(pod2.exec("nstat -az TcpInCsumErrors"), "TcpInCsumErrors 1"));
  CHECK_EQ(a->counters.rx_errors + b->counters.rx_errors + a->counters.tx_errors + b->counters.tx_errors, 0u);
}

TEST_MAIN()
