// How many connections a zone may have. Asked by tracker.cc for each commit and each end of a connection; the numbers
// come from dpctl/ct-set-limits.
//
// As OVS 3.1's userspace conntrack has it: a zone without a limit of its own counts on the default one, which all such
// zones share; a limit of 0 refuses everything; connections from before a limit was set do not count on it.
#pragma once
#include <map>
#include <vector>

#include "../conntrack.h"
#include "connection.h"

namespace pw {

class ZoneLimits {
 public:
  static constexpr int32_t kDefault = -1;

  void set(int32_t zone, uint32_t limit);
  void remove(int32_t zone) { limits_.erase(zone); }
  std::vector<CtLimit> all() const;

  bool is_full(uint16_t zone) const;
  // A connection begins, or ends.
  void count(Connection& c);
  void release(const Connection& c);

 private:
  struct Limit {
    uint32_t limit, count;
    uint32_t serial;  // unlike that of any earlier limit
  };
  using Limits = std::map<int32_t, Limit>;
  Limits::const_iterator find(uint16_t zone) const;

  Limits limits_;
  uint32_t last_serial_ = 0;
};

}  // namespace pw
