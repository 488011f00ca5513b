// What a protocol's state machine says about a packet of a connection that exists. tracker.cc turns it into ct_state.
#pragma once
#include "connection.h"
#include "timeouts.h"

namespace pw {

enum class Verdict : uint8_t {
  established,  // +est, and +rpl in the reply direction
  still_new,    // +new: no answer has been seen yet
  invalid,      // +inv
  renew,        // the connection is over and this packet opens another with the same tuple
};

struct Update {
  Verdict verdict;
  Timeout timeout = Timeout::keep;
};

}  // namespace pw
