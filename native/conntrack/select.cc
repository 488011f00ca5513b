// See select.h.
#include "select.h"

namespace pw {
namespace {

template <typename T>
bool agrees(const std::optional<T>& wanted, T value) {
  return !wanted || *wanted == value;
}

bool same_address(const std::optional<std::array<uint8_t, 16>>& wanted, const uint8_t* address) {
  return !wanted || memcmp(wanted->data(), address, 16) == 0;
}

// ICMP has no ports and the others have no id: a pattern that asks for what is not there does not agree.
bool matches(const CtPattern& p, const Tuple& t) {
  if (!agrees(p.family, t.family) || !agrees(p.proto, t.proto)) return false;
  if (!same_address(p.src, t.src) || !same_address(p.dst, t.dst)) return false;
  if (is_icmp_proto(t.proto)) {
    return !p.src_port && !p.dst_port && agrees(p.icmp_id, t.src_port.get()) && agrees(p.icmp_type, t.icmp_type()) &&
           agrees(p.icmp_code, t.icmp_code());
  }
  return !p.icmp_id && !p.icmp_type && !p.icmp_code && agrees(p.src_port, t.src_port.get()) &&
         agrees(p.dst_port, t.dst_port.get());
}

}  // namespace

bool is_selected(const Connection& c, const CtFilter& filter) {
  if (!agrees(filter.zone, c.orig.zone)) return false;
  if (filter.either_way) return matches(filter.orig, c.orig) || matches(filter.orig, c.reply);
  return matches(filter.orig, c.orig) && matches(filter.reply, c.reply);
}

}  // namespace pw
