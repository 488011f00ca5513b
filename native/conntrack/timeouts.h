// How long a connection lives after a packet, by its state: the defaults, and the policies of zones. The protocol files
// name a Timeout, tracker.cc asks here for its length.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <unordered_map>

namespace pw {

constexpr uint64_t kSecond = 1'000'000'000;

// By the names of OVS's timeout policies (ovs-vswitchd.conf.db(5), CT_Timeout_Policy).
enum class Timeout : uint8_t {
  tcp_syn_sent, tcp_syn_recv, tcp_established, tcp_fin_wait, tcp_time_wait, tcp_close,
  udp_first, udp_single, udp_multiple, icmp_first, icmp_reply,
  keep,  // the packet does not prolong its connection's life
};
constexpr size_t kTimeoutCount = static_cast<size_t>(Timeout::keep);
extern const char* const kTimeoutNames[kTimeoutCount];

// Seconds, in the order above.
using Timeouts = std::array<uint32_t, kTimeoutCount>;
// Those of OVS's userspace conntrack.
constexpr Timeouts kDefaultTimeouts = {30, 30, 24 * 3600, 15 * 60, 45, 30, 60, 60, 30, 60, 30};

class TimeoutPolicies {
 public:
  void set_defaults(const Timeouts& timeouts) { defaults_ = timeouts; }
  const Timeouts& defaults() const { return defaults_; }
  void set(uint16_t zone, const Timeouts& timeouts);
  void remove(uint16_t zone);

  // The policy for a connection that begins in the zone; 0: the defaults. A number is never used again, so that a
  // connection does not come to another policy than the one it was opened under.
  uint32_t of_zone(uint16_t zone) const;
  uint64_t length_ns(uint32_t policy, Timeout timeout) const;

 private:
  Timeouts defaults_ = kDefaultTimeouts;
  std::unordered_map<uint16_t, uint32_t> zones_;
  std::unordered_map<uint32_t, Timeouts> policies_;
  uint32_t last_ = 0;
};

}  // namespace pw
