// Writing header fields: key and frame together, checksums mended by difference. Called by execute.cc for `set`,
// push_vlan and pop_vlan. Needs extract() done; a field that the packet does not have is left alone.
#pragma once
#include "packet.h"

namespace pw {

// A key field of this offset and size may be the target of a set action.
bool is_settable(uint16_t offset, uint16_t size);

// Writes the masked bits of `value` into the field at `offset` of the key and the header bytes behind it.
void set_field(Packet& packet, uint16_t offset, const uint8_t* value, const uint8_t* mask);

// Adds the outermost tag. False when there is no headroom. `tci` in host order.
bool push_vlan(Packet& packet, uint16_t tpid, uint16_t tci);
// Removes the outermost tag, if there is one.
void pop_vlan(Packet& packet);

}  // namespace pw
