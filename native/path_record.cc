// From what a packet met on the long way to a path: pipeline.cc and execute.cc note each megaflow, ct and action here;
// what no path can repeat ends the record, and the packet goes on without. See path.h.
#include "checksum.h"
#include "pipeline.h"

namespace pw {
namespace {

// The fields that a Rewrite holds, and those that are not in the frame.
bool is_path_field(uint16_t offset) {
  switch (offset) {
    case offsetof(FlowKey, dl_dst):
    case offsetof(FlowKey, dl_src):
    case offsetof(FlowKey, nw_tos):
    case offsetof(FlowKey, nw_ttl):
    case offsetof(FlowKey, nw_src):
    case offsetof(FlowKey, nw_dst):
    case offsetof(FlowKey, tp_src):
    case offsetof(FlowKey, tp_dst):
    case offsetof(FlowKey, pkt_mark): return true;
    default: return false;
  }
}

// What turns the sum of `old_bytes` into that of `new_bytes` (RFC 1624): ~m + m' for each word that differs.
uint32_t delta(const void* old_bytes, const void* new_bytes, size_t size) {
  uint32_t sum = 0;
  for (size_t i = 0; i < size; i += 2) {
    uint16_t m, n;
    memcpy(&m, static_cast<const uint8_t*>(old_bytes) + i, 2);
    memcpy(&n, static_cast<const uint8_t*>(new_bytes) + i, 2);
    if (m != n) sum += static_cast<uint16_t>(~m) + uint32_t{n};
  }
  return sum;
}

// The key's header bytes, as the frame had them when it came.
struct OldHeader {
  uint8_t macs[12], addresses[8], ports[4];
  uint8_t tos_word[2], ttl_word[2];  // with the byte beside, which no action changes
  explicit OldHeader(const PathKey& key) {
    memcpy(macs, &key.word[0], 8);
    memcpy(macs + 8, &key.word[1], 4);
    memcpy(addresses, &key.word[2], 8);
    memcpy(ports, &key.word[3], 4);
    tos_word[0] = 0x45;
    tos_word[1] = static_cast<uint8_t>(key.word[3] >> 32);
    ttl_word[0] = static_cast<uint8_t>(key.word[3] >> 40);
    ttl_word[1] = key.proto();
  }
};

// False when nothing differs.
bool read_rewrite(const PathKey& key, const uint8_t* frame, Rewrite& r) {
  const OldHeader old(key);
  memcpy(r.macs, frame, 12);
  memcpy(r.addresses, frame + kPathIp + 12, 8);
  memcpy(r.ports, frame + kPathL4, 4);
  r.tos = frame[kPathIp + 1];
  r.ttl = frame[kPathIp + 8];
  r.pseudo_delta = delta(old.addresses, r.addresses, 8);
  r.l4_delta = r.pseudo_delta + delta(old.ports, r.ports, 4);
  r.ip_delta = r.pseudo_delta + delta(old.tos_word, frame + kPathIp, 2) + delta(old.ttl_word, frame + kPathIp + 8, 2);
  return r.ip_delta != 0 || r.l4_delta != 0 || memcmp(old.macs, r.macs, 12) != 0;
}

}  // namespace

void Pipeline::record(Packet& packet, const PathKey& key, uint32_t hash) {
  PathRecord& r = records_[record_count_++];
  r.key = key;
  r.hash = hash;
  r.flow_count = r.step_count = 0;
  r.step[0] = {};
  r.is_drop = false;
  r.out = 0;
  packet.path = &r;
}

void Pipeline::note(Packet& packet, Megaflow& flow) {
  PathRecord& r = *packet.path;
  if (r.flow_count == kPathFlows || flow.subtable->looks_at_tcp_flags()) packet.path = nullptr;
  else r.flow[r.flow_count++] = &flow;
}

void Pipeline::note(Packet& packet, const CtOutcome& outcome) {
  PathRecord& r = *packet.path;
  if (outcome.kind == CtOutcome::repeated) return;
  if (outcome.kind == CtOutcome::changing || r.step_count == kPathSteps) packet.path = nullptr;
  else r.step[r.step_count++] = outcome.step;
}

void Pipeline::note(Packet& packet, const Action& action, bool is_last) {
  PathRecord& r = *packet.path;
  switch (action.type) {
    case ActionType::ct:
    case ActionType::ct_clear: return;
    case ActionType::set:
      if (is_path_field(action.as<SetPayload>().offset)) return;
      break;
    case ActionType::recirc:
      if (is_last) return;
      break;
    case ActionType::output:
      if (!is_last) break;
      r.out = static_cast<uint16_t>(action.u32());
      return;
    case ActionType::drop:
      if (action.u32() == static_cast<uint32_t>(Drop::none)) break;
      r.is_drop = true;
      r.out = static_cast<uint16_t>(action.u32());
      return;
    default: break;
  }
  packet.path = nullptr;
}

// The packet's end is known: where its record said, or dropped because its list had nothing to say.
void Pipeline::keep(const Packet& packet) {
  const PathRecord& r = *packet.path;
  if (r.flow_count == 0) return;
  const bool is_drop = r.is_drop || r.out == 0;
  if (!is_drop && ports.find(r.out)->is_tunnel) return;
  Path* path = paths.place(r.key, r.hash, [this](const Path& p) { return is_stale(p); });
  if (path == nullptr) return;
  path->key = r.key;
  path->flow_count = r.flow_count;
  path->step_count = r.step_count;
  path->is_drop = is_drop;
  path->out = r.out != 0 ? r.out : static_cast<uint16_t>(Drop::flow);
  Rewrite rewrite;
  path->is_rewritten = !is_drop && read_rewrite(r.key, packet.data, rewrite);
  if (path->needs_rest()) paths.give_rest(*path);
  PathRest& rest = paths.rest(*path);
  for (uint32_t i = 0; i < r.flow_count; i++) {
    (i < 2 ? path->flow[i] : rest.flow[i - 2]) = {r.flow[i]->index, r.flow[i]->serial};
  }
  path->ct_index = r.step[0].index;
  path->ct_serial = r.step[0].serial;
  path->ct_version = r.step[0].version;
  path->ct_direction = r.step[0].direction;
  for (uint32_t i = 1; i < r.step_count; i++) rest.step[i - 1] = r.step[i];
  if (path->is_rewritten) rest.rewrite = rewrite;
}

}  // namespace pw
