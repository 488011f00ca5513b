// See write_key.h.
#include "write_key.h"

namespace pw {

void write_marks(FlowKey& key, const Connection& c) {
  key.ct_mark.set(c.mark);
  if (c.flags & kHasLabel) memcpy(key.ct_label, c.label, sizeof key.ct_label);
  else memset(key.ct_label, 0, sizeof key.ct_label);
}

void write_key(FlowKey& key, uint32_t state, uint16_t zone, const Connection* connection, const Tuple* tuple) {
  memset(&key.ct_state, 0, offsetof(FlowKey, dl_dst) - offsetof(FlowKey, ct_state));
  key.ct_state.set(state | kCtTrk);
  key.ct_zone.set(zone);
  if (connection) {
    write_marks(key, *connection);
    tuple = &connection->orig;
  }
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
