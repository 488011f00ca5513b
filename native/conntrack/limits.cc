// See limits.h.
#include "limits.h"

namespace pw {

void ZoneLimits::set(int32_t zone, uint32_t limit) {
  const auto [found, is_new] = limits_.try_emplace(zone, Limit{limit, 0, last_serial_ + 1});
  if (is_new) last_serial_++;
  else found->second.limit = limit;
}

std::vector<CtLimit> ZoneLimits::all() const {
  std::vector<CtLimit> list;
  for (const auto& [zone, limit] : limits_) list.push_back({zone, limit.limit, limit.count});
  return list;
}

ZoneLimits::Limits::const_iterator ZoneLimits::find(uint16_t zone) const {
  const auto own = limits_.find(zone);
  return own != limits_.end() ? own : limits_.find(kDefault);
}

bool ZoneLimits::is_full(uint16_t zone) const {
  if (limits_.empty()) return false;
  const auto limit = find(zone);
  return limit != limits_.end() && limit->second.count >= limit->second.limit;
}

void ZoneLimits::count(Connection& c) {
  if (limits_.empty()) return;
  const auto found = find(c.orig.zone);
  if (found == limits_.end()) return;
  Limit& limit = limits_[found->first];
  limit.count++;
  c.limit_serial = limit.serial;
  if (found->first == kDefault) c.flags |= kDefaultLimit;
}

void ZoneLimits::release(const Connection& c) {
  if (c.limit_serial == 0) return;
  const auto found = limits_.find(c.flags & kDefaultLimit ? kDefault : c.orig.zone);
  if (found != limits_.end() && found->second.serial == c.limit_serial) found->second.count--;
}

}  // namespace pw
