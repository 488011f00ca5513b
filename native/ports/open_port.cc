// The list of port kinds, see open_port.h.
#include "open_port.h"

#include <cerrno>

#include "memory.h"
#if __has_include("tap.h")
#include "tap.h"
#endif
#if __has_include("veth.h")
#include "veth.h"
#endif
#if __has_include("geneve.h")
#include "geneve.h"
#endif

namespace pw {

std::unique_ptr<Port> open_port(const PortSpec& spec, SysError* error) {
  if (spec.kind == "memory") {
    return open_memory({.no = spec.no, .name = spec.name, .mtu = spec.mtu, .wire = spec.wire}, error);
  }
#if __has_include("tap.h")
  if (spec.kind == "tap") {
    return open_tap({.no = spec.no, .name = spec.name, .ifname = spec.ifname, .netns = spec.netns, .mac = spec.mac,
                     .mtu = spec.mtu, .up = spec.up, .txqueuelen = spec.txqueuelen}, error);
  }
#endif
  *error = {"open", "port of kind " + spec.kind, EOPNOTSUPP};
  return nullptr;
}

}  // namespace pw
