// The list of port kinds, see open_port.h.
#include "open_port.h"

#include <cerrno>

#include "geneve.h"
#include "memory.h"
#include "pcap.h"
#include "tap.h"
#include "veth.h"

namespace pw {

std::unique_ptr<Port> open_port(const PortSpec& spec, SysError* error) {
  if (spec.kind == "tap") {
    return open_tap({.no = spec.no, .name = spec.name, .ifname = spec.ifname, .netns = spec.netns, .mac = spec.mac,
                     .mtu = spec.mtu, .up = spec.up, .txqueuelen = spec.txqueuelen},
                    error);
  }
  if (spec.kind == "veth") {
    return open_veth(
        {.no = spec.no, .name = spec.name, .ifname = spec.ifname, .netns = spec.netns, .mtu = spec.mtu}, error);
  }
  if (spec.kind == "geneve") {
    return open_geneve({.no = spec.no, .name = spec.name, .netns = spec.netns, .mtu = spec.mtu,
                        .udp_port = spec.udp_port, .csum = spec.csum, .local_ip = spec.local_ip,
                        .ipv6 = spec.ipv6},
                       error);
  }
  if (spec.kind == "memory") {
    return std::make_unique<MemoryPort>(
        MemorySpec{.no = spec.no, .name = spec.name, .mtu = spec.mtu, .wire = spec.wire});
  }
  if (spec.kind == "pcap") {
    auto port = std::make_unique<PcapPort>(
        PcapSpec{.no = spec.no, .name = spec.name, .mtu = spec.mtu, .frames = spec.frames, .loop = spec.loop});
    if (port->has_memory()) return port;
    *error = {"mmap", "receive buffers of " + spec.name, errno};
    return nullptr;
  }
  *error = {"open port", spec.name + " of kind " + spec.kind, EOPNOTSUPP};
  return nullptr;
}

}  // namespace pw
