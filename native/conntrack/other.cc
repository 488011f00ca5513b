// See other.h.
#include "other.h"

namespace pw {

Timeout other_open(Connection& c) {
  c.flow_state = FlowState::first;
  return Timeout::udp_first;
}

Update other_update(Connection& c, Direction direction) {
  if (direction == kReply && c.flow_state != FlowState::both_ways) {
    c.flow_state = FlowState::both_ways;
    c.version++;  // who remembers the verdict +new must ask again
  }
  if (c.flow_state == FlowState::both_ways) return {Verdict::established, Timeout::udp_multiple};
  c.flow_state = FlowState::multiple;
  return {Verdict::still_new, Timeout::udp_single};
}

}  // namespace pw
