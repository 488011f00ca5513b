// The tracker's answer in the flow key: last step of tracker.cc, read by the flow cache and by TypeScript.
#pragma once
#include "../key.h"
#include "connection.h"

namespace pw {

// `connection` gives mark, label and the original tuple; without one mark and label are zero, and `tuple` (null when
// the packet has none) is the original tuple. kCtTrk is added to `state`.
void write_key(FlowKey&, uint32_t state, uint16_t zone, const Connection* connection, const Tuple* tuple);

// Mark and label alone.
void write_marks(FlowKey&, const Connection&);

}  // namespace pw
