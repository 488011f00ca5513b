// Network namespaces for the ports: see netns.h.
#include "netns.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>

namespace pw {

namespace {
// Of the thread, not of the process: only the calling thread moves.
constexpr const char* kOwnNetns = "/proc/thread-self/ns/net";
}  // namespace

bool refuse(SysError* error, std::string syscall, std::string object, int err) {
  if (error) *error = SysError{std::move(syscall), std::move(object), err};
  return false;
}

bool refuse(SysError* error, std::string syscall, std::string object) {
  return refuse(error, std::move(syscall), std::move(object), errno);
}

std::string netns_path(const std::string& netns) {
  if (netns.empty() || netns.find('/') != std::string::npos) return netns;
  return "/run/netns/" + netns;
}

void Fd::reset(int fd) {
  if (fd_ >= 0) close(fd_);
  fd_ = fd;
}

bool NetnsGuard::enter(const std::string& netns, SysError* error) {
  if (netns.empty()) return true;
  const std::string path = netns_path(netns);
  Fd target(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!target) return refuse(error, "open", "netns " + path);
  return enter_fd(target.get(), path, error);
}

bool NetnsGuard::enter_fd(int netns_fd, const std::string& object, SysError* error) {
  Fd home(open(kOwnNetns, O_RDONLY | O_CLOEXEC));
  if (!home) return refuse(error, "open", kOwnNetns);
  if (setns(netns_fd, CLONE_NEWNET) != 0) return refuse(error, "setns", "netns " + object);
  if (!home_) home_ = std::move(home);
  return true;
}

NetnsGuard::~NetnsGuard() {
  if (!home_) return;
  // A thread that cannot go home would open later devices in a stranger's namespace: worse than to stop.
  if (setns(home_.get(), CLONE_NEWNET) != 0) {
    perror("packetwalk: setns back to the switch's own network namespace");
    abort();
  }
}

bool netns_id(const std::string& netns, NetnsId* id) {
  struct stat st;
  const std::string path = netns.empty() ? kOwnNetns : netns_path(netns);
  if (stat(path.c_str(), &st) != 0) return false;
  *id = NetnsId{st.st_dev, st.st_ino};
  return true;
}

}  // namespace pw
