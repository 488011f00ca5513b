// What every port is: two verbs on bursts, rx and tx, and counters. The implementations are one file pair each
// under ports/: tap, veth, geneve, memory. Only the datapath thread calls rx/tx/flush/release.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "packet.h"

namespace pw {

constexpr int kBurst = 64;  // packets at most in one rx

struct PortCounters {
  uint64_t rx_packets = 0, rx_bytes = 0, tx_packets = 0, tx_bytes = 0;
  uint64_t rx_dropped = 0;    // lost before the switch saw them (ring overflow told by the kernel)
  uint64_t rx_errors = 0;     // malformed at port level (bad vnet header, oversized, bad outer header)
  uint64_t tx_dropped = 0;    // the kernel refused (queue full, device down)
  uint64_t tx_errors = 0;     // could not be finished (no headroom, cannot segment)
  uint64_t tx_too_big = 0;    // larger than the port's MTU and not GSO
  // rx_errors by drop reason (drop_reasons.def):
  uint64_t bad_vnet = 0, bad_tunnel = 0, unknown_option = 0, oversize = 0;
};

// A refusal of the system: which call, on what, errno. The addon turns it into a JS SystemError.
struct SysError {
  std::string syscall;  // "open", "ioctl(TUNSETIFF)"
  std::string object;   // "/dev/net/tun", "netns /run/netns/x"
  int err = 0;          // errno
};

enum class PortState : uint8_t { up, gone };

class Port {
 public:
  Port(uint32_t no, std::string name, uint32_t mtu) : no_(no), name_(std::move(name)), mtu_(mtu) {}
  virtual ~Port() = default;
  Port(const Port&) = delete;
  Port& operator=(const Port&) = delete;

  // Fills at most `max` of the caller's packets (data, size, offloads, and of the key: in_port and the tunnel fields;
  // the rest of the key's metadata zero). Returns how many. The bytes stay valid until release().
  virtual int rx(Packet** packets, int max) = 0;
  // Takes a burst for sending. Finishes checksums and segments where this port cannot carry them. Must not keep
  // `packets` after it returns, unless it copies; the caller may call it several times in one burst.
  virtual void tx(Packet** packets, int count) = 0;
  // End of a burst: send what tx() collected.
  virtual void flush() {}
  // End of a burst, after every flush(): give rx buffers back to the kernel.
  virtual void release() {}
  // Readable when there may be packets, for epoll; -1 for none.
  virtual int fd() const { return -1; }
  // Called at about 1 Hz and when epoll reports an error: has the device gone, or come back?
  virtual PortState poll_state() { return PortState::up; }
  // Tries to attach again after the device went away. True when it works again.
  virtual bool reattach() { return false; }

  uint32_t no() const { return no_; }
  const std::string& name() const { return name_; }
  uint32_t mtu() const { return mtu_; }   // bytes of L3 payload
  PortCounters counters;

 protected:
  uint32_t no_;
  std::string name_;
  uint32_t mtu_;
};

}  // namespace pw
