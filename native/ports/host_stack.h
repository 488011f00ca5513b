// Keeps the host's IP stack away from an interface that belongs to the switch. AF_PACKET only listens: without this
// the kernel would also answer a pod's ARP request for an address of the node, with the wrong MAC, and take
// broadcasts for its own. Used by the veth port.
#pragma once
#include <cstdint>
#include <string>

#include "netns.h"

namespace pw {

// While it lives, frames that arrive on the interface end after the packet sockets have seen them.
class HostStackGuard {
 public:
  // In the calling thread's namespace. Since Linux 6.6 a two-instruction BPF program drops each frame at the
  // interface's ingress; it goes away with its file, even when we are killed. Where that is refused the interface
  // is set NOARP, which stops the answers that do harm. False only when neither is possible.
  bool install(int ifindex, const std::string& object, SysError* error);
  // In the same namespace. The interface is the host's again.
  void remove();

 private:
  Fd link_;
  int no_arp_ifindex_ = 0;  // of the interface that we set NOARP
};

}  // namespace pw
