// Datapath actions as bytes (docs/boundary.md): the records' types, and a reader that walks them. Lists are checked
// once, when they come from TypeScript (actions_valid); after that the reader trusts them.
#pragma once
#include <cstdint>
#include <cstring>

#include "key.h"

namespace pw {

enum class ActionType : uint16_t {
  output = 1, set = 2, push_vlan = 3, pop_vlan = 4, set_tunnel = 5, ct = 6, ct_clear = 7, recirc = 8, drop = 9,
  upcall = 10, clone = 11, trunc = 12, meter = 13, check_pkt_len = 14,
};

constexpr uint32_t kActionHeader = 4;
constexpr uint32_t kTunnelSize = kKeySize - kKeyTunnelOffset;  // payload of set_tunnel

// Payloads, little-endian as the machine; field values and addresses in network order.
struct SetPayload {
  uint16_t offset, size;  // of the key field; value[size] and mask[size] follow
};
struct PushVlanPayload {
  uint16_t tpid, tci;
};
struct CtPayload {
  uint16_t zone, flags;
  uint32_t mark, mark_mask;
  uint8_t label[16], label_mask[16];
  uint8_t nat_type, nat_flags, nat_ipv6, alg;
  uint8_t nat_min_addr[16], nat_max_addr[16];
  uint16_t nat_min_port, nat_max_port;
};
static_assert(sizeof(CtPayload) == 84);
struct CheckPktLenPayload {
  uint32_t length, greater_size;  // then the list for packets that are longer, then the one for all others
};
constexpr uint16_t kCtCommit = 1, kCtForce = 2, kCtMark = 4, kCtLabel = 8;

struct Action {
  ActionType type;
  const uint8_t* payload;
  uint32_t size;  // of the payload, padding included

  uint32_t u32() const {
    uint32_t v;
    memcpy(&v, payload, 4);
    return v;
  }
  template <typename T>
  T as() const {
    T v;
    memcpy(&v, payload, sizeof v);
    return v;
  }
};

// A list of records.
struct ActionList {
  const uint8_t* bytes;
  uint32_t size;
  bool empty() const { return size == 0; }
  // Takes the first record off.
  Action next() {
    uint16_t header[2];
    memcpy(header, bytes, 4);
    const Action a{static_cast<ActionType>(header[0]), bytes + kActionHeader, header[1] - kActionHeader};
    bytes += header[1];
    size -= header[1];
    return a;
  }
};

// Well-formed: sizes add up, payloads have their type's size, nesting is at most 8 deep, a set names a settable field.
bool actions_valid(const uint8_t* bytes, size_t size);

}  // namespace pw
