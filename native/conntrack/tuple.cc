// The mirror image of a tuple, see tuple.h.
#include "tuple.h"

#include <utility>

#include "icmp.h"

namespace pw {

Tuple reverse(const Tuple& tuple) {
  Tuple r = tuple;
  memcpy(r.src, tuple.dst, 16);
  memcpy(r.dst, tuple.src, 16);
  if (tuple.is_icmp()) {
    r.dst_port = to_be16(static_cast<uint16_t>(icmp_answer(tuple.family, tuple.icmp_type()) << 8 | tuple.icmp_code()));
  } else {
    std::swap(r.src_port, r.dst_port);
  }
  return r;
}

}  // namespace pw
