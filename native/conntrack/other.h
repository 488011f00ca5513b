// UDP and every protocol without a state machine of its own: has one packet been seen, more, or an answer?
#pragma once
#include "verdict.h"

namespace pw {

Timeout other_open(Connection&);
Update other_update(Connection&, Direction);

}  // namespace pw
