// Namespaces, commands and a two-port forwarder for the port tests. A namespace dies with its object.
#pragma once
#include <poll.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <thread>

#include "port.h"

// Runs a shell command; its output (stderr too) is returned, its exit status in *status.
inline std::string run(const std::string& command, int* status = nullptr) {
  std::string out;
  FILE* pipe = popen(("{ " + command + "\n} 2>&1").c_str(), "r");
  if (!pipe) return "popen failed";
  char buffer[4096];
  for (size_t n; (n = fread(buffer, 1, sizeof buffer, pipe)) > 0;) out.append(buffer, n);
  const int code = pclose(pipe);
  if (status) *status = code;
  return out;
}

inline bool run_ok(const std::string& command) {
  int status = 0;
  const std::string out = run(command, &status);
  if (status != 0) printf("    $ %s\n    %s\n", command.c_str(), out.c_str());
  return status == 0;
}

inline bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// Why tests in namespaces cannot run here, or null.
inline const char* no_lab() {
  if (geteuid() != 0) return "not root";
  if (access("/dev/net/tun", R_OK | W_OK) != 0) return "no /dev/net/tun";
  static const bool works = system("ip netns add pwp-probe 2>/dev/null && ip netns del pwp-probe") == 0;
  return works ? nullptr : "ip netns add is refused";
}
#define NEEDS_LAB()                                    \
  if (const char* why = no_lab()) {                    \
    printf("skip (%s): ", why);                        \
    return;                                            \
  }
#define NEEDS_PROGRAM(name)                                       \
  if (system("command -v " name " >/dev/null 2>&1") != 0) {       \
    printf("skip (no " name "): ");                               \
    return;                                                       \
  }

class Namespace {
 public:
  explicit Namespace(const std::string& suffix) : name("pwp-" + std::to_string(getpid()) + "-" + suffix) {
    run("ip netns add " + name + "; ip -n " + name + " link set lo up; ip netns exec " + name +
        " sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1");
  }
  ~Namespace() { remove(); }
  Namespace(const Namespace&) = delete;
  void remove() const { run("ip netns del " + name); }
  std::string ip(const std::string& args) const { return run("ip -n " + name + " " + args); }
  bool ip_ok(const std::string& args) const { return run_ok("ip -n " + name + " " + args); }
  std::string exec(const std::string& command, int* status = nullptr) const {
    return run("ip netns exec " + name + " " + command, status);
  }
  const std::string name;
};

// Packets from `a` to `b` and back, as they come, until it is destroyed. `touch` may look at each, or drop it (false).
class Forwarder {
 public:
  using Touch = std::function<bool(pw::Packet&, pw::Port& from)>;
  Forwarder(pw::Port& a, pw::Port& b, Touch touch = nullptr) : touch_(std::move(touch)) {
    ports_ = {&a, &b};
    thread_ = std::thread([this] { loop(); });
  }
  ~Forwarder() {
    stop_ = true;
    thread_.join();
  }
  bool back[2] = {false, false};  // port i went away and came back

 private:
  void loop() {
    std::array<pw::Packet, pw::kBurst> storage;
    std::array<pw::Packet*, pw::kBurst> in, out;
    for (int i = 0; i < pw::kBurst; i++) in[i] = &storage[i];
    for (auto next_check = now() + 100; !stop_;) {
      int work = 0;
      for (int i = 0; i < 2; i++) {
        const int n = ports_[i]->rx(in.data(), pw::kBurst);
        int kept = 0;
        for (int k = 0; k < n; k++) {
          if (!touch_ || touch_(*in[k], *ports_[i])) out[kept++] = in[k];
        }
        if (kept) ports_[1 - i]->tx(out.data(), kept);
        ports_[1 - i]->flush();
        ports_[i]->release();
        work += n;
      }
      if (now() >= next_check) {
        check_ports();
        next_check = now() + 100;
      }
      if (work) continue;
      pollfd fds[2] = {{ports_[0]->fd(), POLLIN, 0}, {ports_[1]->fd(), POLLIN, 0}};
      poll(fds, 2, 20);
      if ((fds[0].revents | fds[1].revents) & POLLERR) check_ports();
    }
  }
  void check_ports() {
    for (int i = 0; i < 2; i++) {
      if (ports_[i]->poll_state() == pw::PortState::gone && ports_[i]->reattach()) back[i] = true;
    }
  }
  static int64_t now() {
    timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
  }

  std::array<pw::Port*, 2> ports_{};
  Touch touch_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};
