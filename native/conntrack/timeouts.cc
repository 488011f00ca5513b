// See timeouts.h.
#include "timeouts.h"

namespace pw {

const char* const kTimeoutNames[kTimeoutCount] = {
    "tcp_syn_sent", "tcp_syn_recv", "tcp_established", "tcp_fin_wait", "tcp_time_wait", "tcp_close",
    "udp_first",    "udp_single",   "udp_multiple",    "icmp_first",   "icmp_reply",
};

void TimeoutPolicies::set(uint16_t zone, const Timeouts& timeouts) {
  remove(zone);
  zones_[zone] = ++last_;
  policies_[last_] = timeouts;
}

void TimeoutPolicies::remove(uint16_t zone) {
  const auto found = zones_.find(zone);
  if (found == zones_.end()) return;
  policies_.erase(found->second);
  zones_.erase(found);
}

uint32_t TimeoutPolicies::of_zone(uint16_t zone) const {
  if (zones_.empty()) return 0;
  const auto found = zones_.find(zone);
  return found == zones_.end() ? 0 : found->second;
}

uint64_t TimeoutPolicies::length_ns(uint32_t policy, Timeout timeout) const {
  const auto i = static_cast<size_t>(timeout);
  if (policy != 0) {
    const auto found = policies_.find(policy);
    if (found != policies_.end()) return found->second[i] * kSecond;
  }
  return defaults_[i] * kSecond;
}

}  // namespace pw
