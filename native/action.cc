// The one check of action bytes, at the boundary. See action.h.
#include "action.h"

#include "conntrack.h"
#include "drop.h"
#include "rewrite.h"

namespace pw {
namespace {

constexpr int kMaxNesting = 8;

bool set_valid(const uint8_t* payload, uint32_t size) {
  SetPayload set;
  if (size < sizeof set) return false;
  memcpy(&set, payload, sizeof set);
  const uint32_t used = sizeof set + 2u * set.size;
  return size == (used + 3) / 4 * 4 && is_settable(set.offset, set.size);
}

bool ct_valid(const uint8_t* payload, uint32_t size) {
  CtPayload ct;
  if (size != sizeof ct) return false;
  memcpy(&ct, payload, sizeof ct);
  return ct.nat_type <= NatSpec::dst && ct.alg <= static_cast<uint8_t>(Alg::tftp);
}

bool list_valid(const uint8_t* bytes, size_t size, int depth);

bool check_pkt_len_valid(const uint8_t* payload, uint32_t size, int depth) {
  CheckPktLenPayload check;
  if (size < sizeof check || depth >= kMaxNesting) return false;
  memcpy(&check, payload, sizeof check);
  const uint32_t lists = size - sizeof check;
  if (check.greater_size > lists || check.greater_size % 4 != 0) return false;
  const uint8_t* greater = payload + sizeof check;
  return list_valid(greater, check.greater_size, depth + 1) &&
         list_valid(greater + check.greater_size, lists - check.greater_size, depth + 1);
}

bool list_valid(const uint8_t* bytes, size_t size, int depth) {
  while (size > 0) {
    if (size < kActionHeader) return false;
    uint16_t header[2];
    memcpy(header, bytes, sizeof header);
    const uint32_t whole = header[1];
    if (whole < kActionHeader || whole % 4 != 0 || whole > size) return false;
    const uint8_t* payload = bytes + kActionHeader;
    const uint32_t n = whole - kActionHeader;
    bool ok = false;
    switch (static_cast<ActionType>(header[0])) {
      case ActionType::output:
      case ActionType::recirc:
      case ActionType::upcall:
      case ActionType::trunc: ok = n == 4; break;
      case ActionType::drop: {
        uint32_t reason = 0;
        if (n == 4) memcpy(&reason, payload, 4);
        ok = n == 4 && reason < kDropCount;
        break;
      }
      case ActionType::set: ok = set_valid(payload, n); break;
      case ActionType::push_vlan: ok = n == sizeof(PushVlanPayload); break;
      case ActionType::pop_vlan:
      case ActionType::ct_clear: ok = n == 0; break;
      case ActionType::set_tunnel: ok = n == kTunnelSize; break;
      case ActionType::ct: ok = ct_valid(payload, n); break;
      case ActionType::meter: ok = n == 4; break;
      case ActionType::check_pkt_len: ok = check_pkt_len_valid(payload, n, depth); break;
      case ActionType::clone: ok = depth < kMaxNesting && list_valid(payload, n, depth + 1); break;
    }
    if (!ok) return false;
    bytes += whole;
    size -= whole;
  }
  return true;
}

}  // namespace

bool actions_valid(const uint8_t* bytes, size_t size) { return size <= 0xffffffff && list_valid(bytes, size, 0); }

}  // namespace pw
