// Waiting for packets, see poller.h.
#include "poller.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace pw {
namespace {
constexpr int kMaxEvents = 64;
constexpr uint32_t kMaxEmptyWakes = 16;
}  // namespace

Poller::Poller() {
  epoll_fd_ = epoll_create1(EPOLL_CLOEXEC);
  event_fd_ = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  epoll_event event{.events = EPOLLIN, .data = {.ptr = nullptr}};
  if (epoll_fd_ < 0 || event_fd_ < 0 || epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, event_fd_, &event) != 0) {
    const int error = errno;
    if (epoll_fd_ >= 0) close(epoll_fd_);
    if (event_fd_ >= 0) close(event_fd_);
    throw std::system_error(error, std::generic_category(), "epoll");
  }
}

Poller::~Poller() {
  close(epoll_fd_);
  close(event_fd_);
}

void Poller::watch(PortEntry& port) {
  const int fd = port.port->fd();
  if (fd < 0 || fd == port.watched_fd) return;
  unwatch(port);
  epoll_event event{.events = EPOLLIN, .data = {.ptr = &port}};
  if (epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, fd, &event) == 0) port.watched_fd = fd;
  port.empty_wakes = 0;
  port.is_hot = true;
}

void Poller::unwatch(PortEntry& port) {
  if (port.watched_fd >= 0) epoll_ctl(epoll_fd_, EPOLL_CTL_DEL, port.watched_fd, nullptr);
  port.watched_fd = -1;
}

bool Poller::poll(int timeout_ms) {
  epoll_event events[kMaxEvents];
  const int n = epoll_wait(epoll_fd_, events, kMaxEvents, timeout_ms);
  bool has_error = false;
  for (int i = 0; i < n; i++) {
    auto* port = static_cast<PortEntry*>(events[i].data.ptr);
    if (port == nullptr) {
      uint64_t count;
      [[maybe_unused]] const ssize_t r = read(event_fd_, &count, sizeof count);
      continue;
    }
    port->is_hot = true;
    if (events[i].events & (EPOLLERR | EPOLLHUP)) has_error = true;
  }
  return has_error;
}

void Poller::gave_nothing(PortEntry& port) {
  if (++port.empty_wakes >= kMaxEmptyWakes) unwatch(port);
}

void Poller::wake() {
  if (!is_sleeping_.load()) return;
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t r = write(event_fd_, &one, sizeof one);
}

}  // namespace pw
