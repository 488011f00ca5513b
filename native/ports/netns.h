// Network namespaces: run something in another one and be back. Used by the ports when they open devices and
// sockets; a socket or device stays where it was made, so the datapath thread itself never lives elsewhere.
#pragma once
#include <sys/types.h>

#include <string>
#include <utility>

#include "port.h"

namespace pw {

// Fills `error` (when not null) from errno. Always false, so that a caller can `return refuse(...)`.
bool refuse(SysError* error, std::string syscall, std::string object);
bool refuse(SysError* error, std::string syscall, std::string object, int err);

// "/run/netns/NAME" for a bare name; a path stays as it is; empty stays empty (the current namespace).
std::string netns_path(const std::string& netns);

// A file descriptor that is closed once.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) reset(std::exchange(other.fd_, -1));
    return *this;
  }
  ~Fd() { reset(); }
  void reset(int fd = -1);
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

// Moves the calling thread into a namespace for the lifetime of the object. Needs CAP_SYS_ADMIN.
class NetnsGuard {
 public:
  NetnsGuard() = default;
  NetnsGuard(const NetnsGuard&) = delete;
  NetnsGuard& operator=(const NetnsGuard&) = delete;
  ~NetnsGuard();
  // Empty `netns`: nothing to do, true.
  bool enter(const std::string& netns, SysError* error);
  // By an open namespace file; `object` names it in an error.
  bool enter_fd(int netns_fd, const std::string& object, SysError* error);

 private:
  Fd home_;
};

// Which namespace a name stands for now. A deleted and recreated namespace has another identity.
struct NetnsId {
  dev_t dev = 0;
  ino_t ino = 0;
  bool operator==(const NetnsId&) const = default;
};
// False when the name stands for none. An empty name is the calling thread's own namespace.
bool netns_id(const std::string& netns, NetnsId* id);

// Runs `function` (returning bool) inside `netns`. False when it cannot be entered, or what the function returned.
template <typename Function>
bool in_netns(const std::string& netns, SysError* error, Function&& function) {
  NetnsGuard guard;
  return guard.enter(netns, error) && function();
}

}  // namespace pw
