// The tracker's answer in the flow key: last step of tracker.cc, read by the flow cache and by TypeScript.
#pragma once
#include "../key.h"
#include "connection.h"

namespace pw {

// `tuple` (null when the packet has none) is the original tuple of its connection. Mark and label become zero. kCtTrk
// is added to `state`.
void write_key(FlowKey&, uint32_t state, uint16_t zone, const Tuple* tuple);

// Mark (host order) and label (network order) alone.
void write_marks(FlowKey&, uint32_t mark, const uint8_t* label);
void write_marks(FlowKey&, const Connection&);

}  // namespace pw
