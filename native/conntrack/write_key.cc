// See write_key.h.
#include "write_key.h"

namespace pw {

void write_marks(FlowKey& key, uint32_t mark, const uint8_t* label) {
  key.ct_mark.set(mark);
  memcpy(key.ct_label, label, sizeof key.ct_label);
}

void write_marks(FlowKey& key, const Connection& c) {
  static constexpr uint8_t kNone[16] = {};
  write_marks(key, c.mark, c.flags & kHasLabel ? c.label : kNone);
}

void write_key(FlowKey& key, uint32_t state, uint16_t zone, const Tuple* tuple) {
  memset(&key.ct_state, 0, offsetof(FlowKey, dl_dst) - offsetof(FlowKey, ct_state));
  key.ct_state.set(state | kCtTrk);
  key.ct_zone.set(zone);
  if (!tuple) return;
  key.ct_nw_proto = tuple->proto;
  if (tuple->is_icmp()) {
    key.ct_tp_src = to_be16(tuple->icmp_type());
    key.ct_tp_dst = to_be16(tuple->icmp_code());
  } else {
    key.ct_tp_src = tuple->src_port;
    key.ct_tp_dst = tuple->dst_port;
  }
  if (tuple->family == kFamily4) {
    memcpy(&key.ct_nw_src, tuple->src, 4);
    memcpy(&key.ct_nw_dst, tuple->dst, 4);
  } else {
    memcpy(key.ct_ipv6_src, tuple->src, 16);
    memcpy(key.ct_ipv6_dst, tuple->dst, 16);
  }
}

}  // namespace pw
