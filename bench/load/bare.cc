// A forwarder without a switch: frames from one TAP go to the next, through the very ports that the switch has. What it
// reaches is the price list without switching logic. Pairs of namespaces; each gets a TAP named eth0.
//   bare NETNS MAC NETNS MAC [NETNS MAC NETNS MAC ...]
// Waits as the switch does: it spins for 50 us after work, then blocks in epoll. Prints `ready`, and upon SIGUSR1 a
// line of JSON: of each port, in order, {"received": n, "errors": n, "sent": n, "dropped": n}; errors are among what it
// received.
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <ctime>
#include <memory>
#include <vector>

#include "ports/tap.h"

namespace {

constexpr uint64_t kSpinNs = 50'000;

uint64_t monotonic_ns() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1'000'000'000ull + t.tv_nsec;
}

volatile sig_atomic_t asked = 0;

struct Forwarder {
  std::vector<std::unique_ptr<pw::Port>> ports;
  std::unique_ptr<pw::Packet[]> packets = std::make_unique<pw::Packet[]>(pw::kBurst);
  pw::Packet* burst[pw::kBurst];
  int epoll_fd = epoll_create1(EPOLL_CLOEXEC);

  bool add(const char* netns, const char* mac) {
    pw::SysError error;
    const auto no = static_cast<uint32_t>(ports.size());
    auto port = pw::open_tap({.no = no, .name = netns, .ifname = "eth0", .netns = netns, .mac = mac, .mtu = 1450}, &error);
    if (!port) {
      fprintf(stderr, "bare: %s %s: %s\n", error.syscall.c_str(), error.object.c_str(), strerror(error.err));
      return false;
    }
    epoll_event event{.events = EPOLLIN, .data = {.u32 = no}};
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, port->fd(), &event);
    ports.push_back(std::move(port));
    return true;
  }

  bool forward() {
    bool worked = false;
    for (size_t i = 0; i < ports.size(); i++) {
      const int n = ports[i]->rx(burst, pw::kBurst);
      if (n == 0) continue;
      pw::Port& to = *ports[i ^ 1];
      to.tx(burst, n);
      to.flush();
      ports[i]->release();
      worked = true;
    }
    return worked;
  }

  void tell() {
    asked = 0;
    const char* before = "[";
    for (const auto& port : ports) {
      const pw::PortCounters& c = port->counters;
      printf("%s{\"received\": %lu, \"errors\": %lu, \"sent\": %lu, \"dropped\": %lu}", before, c.rx_packets + c.rx_errors, c.rx_errors,
             c.tx_packets, c.tx_dropped + c.tx_errors);
      before = ", ";
    }
    puts("]");
    fflush(stdout);
  }

  void loop() {
    for (int i = 0; i < pw::kBurst; i++) burst[i] = &packets[i];
    uint64_t last_work = 0;
    // Asked for its counters it answers when it waits, so that no signal comes between looking and waiting.
    sigset_t waiting, working;
    sigemptyset(&working);
    sigaddset(&working, SIGUSR1);
    sigprocmask(SIG_BLOCK, &working, &waiting);
    signal(SIGUSR1, [](int) { asked = 1; });
    for (;;) {
      if (asked) tell();
      const uint64_t now = monotonic_ns();
      if (forward()) {
        last_work = now;
      } else if (now - last_work < kSpinNs) {
        sched_yield();
      } else {
        epoll_event event;
        epoll_pwait(epoll_fd, &event, 1, -1, &waiting);
      }
    }
  }
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5 || argc % 4 != 1) {
    fprintf(stderr, "usage: bare NETNS MAC NETNS MAC [NETNS MAC NETNS MAC ...]\n");
    return 2;
  }
  Forwarder forwarder;
  for (int i = 1; i < argc; i += 2) {
    if (!forwarder.add(argv[i], argv[i + 1])) return 1;
  }
  puts("ready");
  fflush(stdout);
  forwarder.loop();
}
