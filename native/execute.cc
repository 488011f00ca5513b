// Datapath actions on one packet: the sixth stage of a burst. run() walks the records; each action that is more than
// a line has its own function. Rewrites go to rewrite.cc, ct to conntrack, outputs to the ports' queues.
//
// Who ends a packet: exactly one of sent, dropped, carried on (recirculated, or waiting in a slot). A branch that goes
// on alone (clone, or recirc and upcall amid a list) is a packet of its own and counts as `copied`; see counters.h.
#include "extract.h"
#include "gso.h"
#include "offload.h"
#include "pipeline.h"
#include "protocols.h"
#include "rewrite.h"

namespace pw {

struct Pipeline::Run {
  Packet& packet;
  const uint32_t depth;
  uint32_t cut = 0;              // bytes that the next output is shorter by
  bool is_rewritten = false;     // header bytes were changed since extract()
  bool is_sent = false;
  bool is_carried = false;       // recirculated or in a slot, as its last action
  uint32_t branches = 0;
  Drop first_failure = Drop::none;
  Counters& counters;

  // Before the packet goes on under the key that it has. What was not touched reads as before; VLAN actions have read
  // it again already.
  void read_again() {
    if (is_rewritten) extract(packet);
    is_rewritten = false;
  }
  // Something the list asked for could not be done. The packet's own reason is the first.
  void fail(Drop reason) {
    if (first_failure == Drop::none) first_failure = reason;
    else counters.copy_drop(reason);
  }
};

namespace {

bool has_tunnel_destination(const FlowKey& key) {
  static constexpr uint8_t kNone[16] = {};
  return key.tun_dst.raw != 0 || memcmp(key.tun_ipv6_dst, kNone, 16) != 0;
}

// Bytes of the frame, or of the largest that a GSO frame will be cut into.
uint32_t largest_frame(const Packet& packet) {
  GsoCut cut;
  return cut.parse(packet) ? cut.header_size() + cut.payload_size(0) : packet.size;
}

// `size` bytes of the packet do not fit the port. VLAN tags do not count, as in Linux; GSO frames are cut later.
bool is_oversize(const Packet& packet, uint32_t size, uint32_t mtu) {
  if (packet.gso_size != 0 && size == packet.size) return false;
  uint32_t header = kEthHeaderSize;
  if (packet.key.vlan_tci.raw != 0) header += kVlanTagSize;
  if (packet.key.vlan2_tci.raw != 0) header += kVlanTagSize;
  return size > header + mtu;
}

void truncate(Packet& packet, uint32_t size) {
  packet.tailroom += packet.size - size;
  packet.size = size;
  // What is left of a checksum or of segments is not what the sender meant; nobody shall finish it.
  packet.csum_partial = packet.csum_valid = false;
  packet.gso_type = GsoType::none;
  packet.gso_size = 0;
}

void clear_ct(FlowKey& key) {
  constexpr size_t kFrom = offsetof(FlowKey, ct_state);
  memset(reinterpret_cast<uint8_t*>(&key) + kFrom, 0, offsetof(FlowKey, dl_dst) - kFrom);
}

void set(Packet& packet, const Action& action) {
  const auto head = action.as<SetPayload>();
  const uint8_t* value = action.payload + sizeof head;
  set_field(packet, head.offset, value, value + head.size);
}

CtAction to_ct(const Action& action) {
  const auto payload = action.as<CtPayload>();
  CtAction ct;
  ct.zone = payload.zone;
  ct.commit = payload.flags & kCtCommit;
  ct.force = payload.flags & kCtForce;
  ct.alg = static_cast<Alg>(payload.alg);
  if (payload.flags & kCtMark) {
    ct.mark = payload.mark;
    ct.mark_mask = payload.mark_mask;
  }
  if (payload.flags & kCtLabel) {
    memcpy(ct.label, payload.label, 16);
    memcpy(ct.label_mask, payload.label_mask, 16);
  }
  ct.nat.type = static_cast<NatSpec::Type>(payload.nat_type);
  ct.nat.flags = payload.nat_flags;
  ct.nat.ipv6 = payload.nat_ipv6 != 0;
  memcpy(ct.nat.min_addr, payload.nat_min_addr, 16);
  memcpy(ct.nat.max_addr, payload.nat_max_addr, 16);
  ct.nat.min_port = payload.nat_min_port;
  ct.nat.max_port = payload.nat_max_port;
  return ct;
}

}  // namespace

void Pipeline::run(Packet& packet, ActionList list, uint32_t depth) {
  Run r{.packet = packet, .depth = depth, .counters = counters};
  while (!list.empty()) {
    const Action action = list.next();
    const bool is_last = list.empty();
    if (packet.path) note(packet, action, is_last);
    switch (action.type) {
      case ActionType::output: output(r, action.u32(), is_last); break;
      case ActionType::set:
        set(packet, action);
        r.is_rewritten = true;
        break;
      case ActionType::push_vlan: {
        const auto tag = action.as<PushVlanPayload>();
        if (push_vlan(packet, tag.tpid, tag.tci)) break;
        r.fail(Drop::no_headroom);
        return end(r);
      }
      case ActionType::pop_vlan: pop_vlan(packet); break;
      case ActionType::set_tunnel: memcpy(&packet.key.tun_id, action.payload, kTunnelSize); break;
      case ActionType::ct:
        if (packet.key.nw_frag == 0) track(r, action);
        else if (track_fragment(r, action, list)) return end(r);
        break;
      case ActionType::ct_clear: clear_ct(packet.key); break;
      case ActionType::recirc: recirculate(r, action.u32(), is_last); break;
      case ActionType::drop:
        if (action.u32() == static_cast<uint32_t>(Drop::none)) r.is_sent = true;
        else r.fail(static_cast<Drop>(action.u32()));
        return end(r);
      case ActionType::upcall: hand_up(r, action.u32(), is_last); break;
      case ActionType::clone:
        if (is_last) list = {action.payload, action.size};  // nothing follows that could see a difference
        else branch(r, {action.payload, action.size});
        break;
      case ActionType::meter:
        if (meters.pass(action.u32(), packet.size, now_ns_)) break;
        r.fail(Drop::meter);
        return end(r);
      case ActionType::check_pkt_len: {
        const auto check = action.as<CheckPktLenPayload>();
        const uint8_t* greater = action.payload + sizeof check;
        const ActionList chosen = largest_frame(packet) > check.length
            ? ActionList{greater, check.greater_size}
            : ActionList{greater + check.greater_size, action.size - check.greater_size - static_cast<uint32_t>(sizeof check)};
        if (is_last) list = chosen;
        else branch(r, chosen);
        break;
      }
      case ActionType::trunc: {
        // What is pushed or popped before the output does not change how much is cut.
        const uint32_t most = std::max(action.u32(), kEthHeaderSize);
        r.cut = packet.size > most ? packet.size - most : 0;
        break;
      }
    }
  }
  end(r);
}

void Pipeline::output(Run& r, uint32_t port_no, bool is_last) {
  Packet& packet = r.packet;
  const uint32_t cut = std::exchange(r.cut, 0);
  PortEntry* port = ports.find(port_no);
  if (port == nullptr || port->state == PortState::gone) return r.fail(Drop::no_port);
  if (port->is_tunnel && !has_tunnel_destination(packet.key)) return r.fail(Drop::no_tunnel_dst);
  const uint32_t size = packet.size - std::min(cut, packet.size);
  if (is_oversize(packet, size, port->port->mtu())) {
    port->port->counters.tx_too_big++;
    return r.fail(Drop::oversize);
  }
  if (size < kEthHeaderSize && !port->is_tunnel) return r.fail(Drop::runt);  // no device takes what trunc left
  // What follows may rewrite the packet, and the port may finish checksums in place: each output has its own bytes.
  Packet* out = is_last ? &packet : copies_.copy(packet);
  if (out == nullptr) return r.fail(Drop::copy_limit);
  if (size < packet.size) truncate(*out, size);
  PortTable::send(*port, out);
  counters.sent++;
  r.is_sent = true;
}

void Pipeline::recirculate(Run& r, uint32_t recirc_id, bool is_last) {
  // To take the outer headers off is a recirculation to OVS, and counts as one.
  const PortEntry* in = ports.find(r.packet.key.in_port.get());
  const uint32_t before = in != nullptr && in->is_tunnel ? 1 : 0;
  if (r.depth + before >= max_recirculations_) return r.fail(Drop::recirc_limit);
  r.read_again();
  Packet* packet = is_last ? &r.packet : copies_.copy(r.packet);
  if (packet == nullptr) return r.fail(Drop::copy_limit);
  packet->key.recirc_id.set(recirc_id);
  next_.push_back(packet);
  counters.recirculations++;
  if (is_last) {
    r.is_carried = true;
  } else {
    counters.copied++;
    r.branches++;
  }
}

void Pipeline::hand_up(Run& r, uint32_t cookie, bool is_last) {
  r.read_again();
  uint32_t told = 0;
  const auto tell = [&](const Packet& packet) {
    if (upcall(packet, UpcallReason::action, cookie, r.depth)) told++;
    else r.fail(Drop::upcall_full);
  };
  // Who takes it wants frames as they would be on a wire.
  if (r.packet.gso_size == 0) tell(r.packet);
  else tell_segments(r.packet, tell);
  if (told == 0) return;
  if (is_last) {
    r.is_carried = true;
    told--;
  } else {
    r.branches += told;
  }
  counters.copied += told;
}

// What cannot be cut (its headers do not fit what its sender said of it) is told whole.
void Pipeline::tell_segments(const Packet& packet, const std::function<void(const Packet& frame)>& tell) {
  segment_.resize(kHeadroom + kMaxFrame);
  const int count = segment_gso(packet, segment_.data(), static_cast<uint32_t>(segment_.size()), [&](Packet& segment) {
    extract(segment);
    tell(segment);
  });
  if (count < 0) tell(packet);
}

void Pipeline::branch(Run& r, ActionList list) {
  r.read_again();
  Packet* copy = copies_.copy(r.packet);
  if (copy == nullptr) return r.fail(Drop::copy_limit);
  counters.copied++;
  r.branches++;
  run(*copy, list, r.depth);
}

void Pipeline::track(Run& r, const Action& action) {
  const CtAction ct = to_ct(action);
  const CtOutcome outcome = conntrack->process(r.packet, ct, now_ns_);
  if (r.packet.path) note(r.packet, outcome);
  if (ct.nat.type != NatSpec::none) r.is_rewritten = true;
}

// True when the packet ends here: it waits for the rest of its datagram, or was the last of it and all go on.
bool Pipeline::track_fragment(Run& r, const Action& action, ActionList rest) {
  const CtAction ct = to_ct(action);
  expire_fragments(now_ns_);
  r.read_again();
  Fragment* first;
  const Fragments::Fate fate = fragments_.take(r.packet, ct.zone, now_ns_, &first);
  if (fate == Fragments::Fate::refused) {
    conntrack->process(r.packet, ct, now_ns_);  // +inv, as every lone fragment
    return false;
  }
  r.is_carried = true;
  if (fate == Fragments::Fate::held) return true;
  if (Packet* whole = fragments_.join(first)) {
    conntrack->process(*whole, ct, now_ns_);
    fragments_.spread(*whole, first, ct.nat.type != NatSpec::none);
    for (Fragment* f = first; f; f = f->next) run(f->packet, rest, r.depth);
  } else {
    for (Fragment* f = first; f; f = f->next) counters.drop(Drop::frag_overlong);
  }
  return true;
}

// The packet's books.
void Pipeline::end(const Run& r) {
  if (r.packet.path && !r.is_carried) {
    if (r.first_failure == Drop::none || r.packet.path->is_drop) keep(r.packet);
    r.packet.path = nullptr;
  }
  if (r.is_carried) {
    // It was sent, and goes on: what goes on is a copy, so to say.
    if (r.is_sent) {
      counters.copied++;
      counters.delivered++;
    }
  } else if (r.is_sent) {
    counters.delivered++;
  } else if (r.branches > 0) {
    counters.copied--;  // one of the branches was the packet itself
  } else {
    return counters.drop(r.first_failure != Drop::none ? r.first_failure : Drop::flow);
  }
  if (r.first_failure != Drop::none) counters.copy_drop(r.first_failure);
}

}  // namespace pw
