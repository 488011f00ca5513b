// The path of a packet through conntrack, see tracker.h. The order of the steps is OVS's process_one().
#include "tracker.h"

#include "format.h"
#include "other.h"
#include "tcp.h"
#include "write_key.h"

namespace pw {
namespace {

void set_marks(Connection& c, const CtAction& action) {
  const uint32_t mark = (c.mark & ~action.mark_mask) | (action.mark & action.mark_mask);
  uint8_t label[sizeof c.label], any = 0;
  for (size_t i = 0; i < sizeof label; i++) {
    label[i] = static_cast<uint8_t>((c.label[i] & ~action.label_mask[i]) | (action.label[i] & action.label_mask[i]));
    any |= label[i];
  }
  if (mark == c.mark && memcmp(label, c.label, sizeof label) == 0) return;
  c.version++;
  c.mark = mark;
  memcpy(c.label, label, sizeof label);
  c.flags = static_cast<uint8_t>(any ? c.flags | kHasLabel : c.flags & ~kHasLabel);
}

// What ct(nat) does to a packet of a connection, as ct_state bits. Nothing when the connection has no NAT, and nothing
// twice in one zone.
uint32_t nat(Packet& packet, const Connection& c, Direction direction, bool related, uint32_t state) {
  if (c.nat == kNatNone || (state & (kCtSnat | kCtDnat))) return 0;
  return translate(packet, c, direction, related);
}

}  // namespace

std::unique_ptr<Conntrack> Conntrack::create(const ConntrackConfig& config) {
  return std::make_unique<Tracker>(config);
}

Tracker::Tracker(const ConntrackConfig& config) : config_(config), key_(random_sip_key()), dice_{random_sip_key()} {}

CtOutcome Tracker::process(Packet& packet, const CtAction& action, uint64_t now_ns) {
  FlowKey& key = packet.key;
  const bool wants_nat = action.nat.type != NatSpec::none;
  const bool again = (key.ct_state.get() & kCtTrk) && key.ct_zone.get() == action.zone;
  if (again && !action.force && process_again(packet, action)) return {CtOutcome::repeated};
  uint32_t state = again ? key.ct_state.get() : 0;
  packet.ct = {};

  Subject subject;
  if (!read_tuple(packet, action.zone, subject)) {
    invalid(packet, action.zone);
    return {};
  }
  const bool is_translated = state & (kCtSnat | kCtDnat);
  const uint32_t hash = hash_tuple(key_, subject.tuple);
  Found found = lookup_subject(subject, hash, is_translated, now_ns);

  // A connection with NAT stays: OVS looks at the direction before it knows that it is one.
  if (action.force && found.connection && found.direction == kReply && !found.connection->nat) {
    remove(*found.connection);
    found = {};
  }
  if (found.connection) {
    state = follow(found, subject, state, now_ns);
    if (found.connection && wants_nat) state |= nat(packet, *found.connection, found.direction, subject.related, state);
  } else if (subject.related) {
    state = kCtInv;
  }
  if (!found.connection && !subject.related) {
    if (may_open(subject)) {
      state = kCtNew;
      if (action.commit) found.connection = open(subject, hash, action.nat, now_ns);
      if (found.connection) state |= nat(packet, *found.connection, kOrig, false, state);
    } else {
      state = kCtInv;
    }
  }

  if (state & kCtInv) stats_.invalid++;
  if (found.connection) {
    if (action.commit) set_marks(*found.connection, action);
    // After NAT the packet is another one: the next ct in this zone looks at it again.
    if (!wants_nat)
      packet.ct = {found.connection->self, found.connection->serial, found.direction == kReply, subject.related};
  }
  write_key(key, state, action.zone, found.connection, &subject.tuple);
  if (!found.connection || action.force || subject.related || !(state & kCtEst)) return {};
  const Connection& c = *found.connection;
  return {CtOutcome::live, {c.self, c.serial, c.version, static_cast<uint8_t>(found.direction)}};
}

bool Tracker::touch(const PathStep& step, uint8_t proto, const uint8_t* l4, uint32_t l4_size, uint64_t now_ns) {
  Connection* c = pool_.find(step.index, step.serial);
  if (!c || c->version != step.version || c->expires_ns <= now_ns) return false;
  const auto direction = static_cast<Direction>(step.direction);
  Timeout timeout;
  if (proto == kIpTcp) {
    if (!tcp_touch(*c, read_segment(l4, l4_size), direction, config_.tcp_be_liberal)) return false;
    timeout = Timeout::tcp_established;
  } else {
    const uint16_t udp_size = load16(l4 + 4);
    if (c->flow_state != FlowState::both_ways || udp_size < kUdpSize || udp_size > l4_size) return false;
    timeout = Timeout::udp_multiple;
  }
  wheel_.set(*c, now_ns + timeout_ns(timeout));
  return true;
}

bool Tracker::is_same(const PathStep& step) const {
  const Connection* c = pool_.find(step.index, step.serial);
  return c && c->version == step.version;
}

// Tracked in this zone already, by an earlier ct of the same pipeline: that verdict stands. False when its connection
// is gone, or there was none.
bool Tracker::process_again(Packet& packet, const CtAction& action) {
  Connection* c = pool_.find(packet.ct.index, packet.ct.serial);
  if (!c) return false;
  if (action.nat.type != NatSpec::none) {
    const uint32_t state = packet.key.ct_state.get();
    packet.key.ct_state.set(state | nat(packet, *c, packet.ct.reply ? kReply : kOrig, packet.ct.related, state));
    packet.ct = {};
  }
  if (action.commit) set_marks(*c, action);
  write_marks(packet.key, *c);
  return true;
}

void Tracker::invalid(Packet& packet, uint16_t zone) {
  stats_.invalid++;
  write_key(packet.key, kCtInv, zone, nullptr, nullptr);
}

Found Tracker::lookup(const Tuple& tuple, uint32_t hash, uint64_t now_ns) {
  const Found found = table_.find(tuple, hash);
  if (!found.connection || found.connection->expires_ns > now_ns) return found;
  stats_.expired++;
  remove(*found.connection);
  return {};
}

// A packet that was translated in this zone already has the far side's tuple: seen from there it is an answer.
Found Tracker::lookup_subject(const Subject& subject, uint32_t hash, bool is_translated, uint64_t now_ns) {
  if (!is_translated) return lookup(subject.tuple, hash, now_ns);
  const Tuple mirror = reverse(subject.tuple);
  Found found = lookup(mirror, hash_tuple(key_, mirror), now_ns);
  found.direction = found.direction == kReply ? kOrig : kReply;
  return found;
}

uint32_t Tracker::follow(Found& found, const Subject& subject, uint32_t state, uint64_t now_ns) {
  Connection& c = *found.connection;
  const uint32_t reply = found.direction == kReply ? uint32_t{kCtRpl} : 0;
  if (subject.related) return state | kCtRel | reply;

  Update update;
  if (subject.tuple.proto == kIpTcp) {
    update = tcp_update(c, read_segment(subject.l4, subject.l4_size), found.direction, config_.tcp_be_liberal);
  } else if (is_icmp_proto(subject.tuple.proto)) {
    update = icmp_update(c, found.direction);
  } else {
    update = other_update(c, found.direction);
  }
  if (update.timeout != Timeout::keep) wheel_.set(c, now_ns + timeout_ns(update.timeout));

  switch (update.verdict) {
    case Verdict::established: return (state & ~kCtNew) | kCtEst | reply;
    case Verdict::still_new: return state | kCtNew;
    case Verdict::invalid: return kCtInv;
    case Verdict::renew: break;
  }
  remove(c);
  found = {};
  return state;
}

bool Tracker::may_open(const Subject& s) const {
  if (s.tuple.proto == kIpTcp) return tcp_may_open(read_segment(s.l4, s.l4_size), config_.tcp_loose);
  return !is_icmp_proto(s.tuple.proto) || icmp_may_open(s.tuple.proto, s.l4[0]);
}

// Null at the limit and when NAT finds no free tuple: the packet stays +new without a connection, as in OVS.
Connection* Tracker::open(const Subject& s, uint32_t hash, const NatSpec& spec, uint64_t now_ns) {
  if (pool_.size() >= config_.max_connections) {
    stats_.full++;
    return nullptr;
  }
  Tuple reply = reverse(s.tuple);
  const NatKind kind = spec.type == NatSpec::src ? kNatSrc : spec.type == NatSpec::dst ? kNatDst : kNatNone;
  if (kind != kNatNone) {
    const auto is_taken = [&](const Tuple& t) { return lookup(t, hash_tuple(key_, t), now_ns).connection != nullptr; };
    if (!choose_reply(spec, s.tuple, dice_, is_taken, reply)) {
      stats_.nat_exhausted++;
      return nullptr;
    }
  }
  Connection& c = pool_.allocate();
  c.orig = s.tuple;
  c.reply = reply;
  c.nat = kind;
  c.hash[kOrig] = hash;
  c.hash[kReply] = hash_tuple(key_, c.reply);
  if (c.reply == c.orig) c.flags |= kMirror;
  const Timeout timeout = s.tuple.proto == kIpTcp ? tcp_open(c, read_segment(s.l4, s.l4_size))
                          : is_icmp_proto(s.tuple.proto) ? icmp_open(c)
                                                  : other_open(c);
  table_.insert(c);
  wheel_.add(c, now_ns + timeout_ns(timeout), now_ns);
  stats_.committed++;
  return &c;
}

void Tracker::remove(Connection& c) {
  wheel_.remove(c);
  table_.erase(c);
  pool_.free(c);
}

void Tracker::expire(uint64_t now_ns, uint32_t budget) {
  wheel_.expire(now_ns, budget, [this](Connection& c) {
    stats_.expired++;
    remove(c);
  });
}

uint32_t Tracker::flush(const CtDumpFilter& filter) {
  uint32_t removed = 0;
  pool_.for_each([&](Connection& c) {
    if (filter.zone && c.orig.zone != *filter.zone) return;
    remove(c);
    removed++;
  });
  if (pool_.size() == 0) {
    pool_.release();
    table_.release();
  }
  return removed;
}

void Tracker::dump(const CtDumpFilter& filter, bool more, uint64_t now_ns,
                   const std::function<void(const std::string&)>& line) const {
  pool_.for_each([&](const Connection& c) {
    if (filter.zone && c.orig.zone != *filter.zone) return;
    if (c.expires_ns > now_ns) line(format_connection(c, {more, filter.stats}, now_ns));
  });
}

bool Tracker::consistent() const {
  uint32_t places = 0;
  bool found_all = true;
  pool_.for_each([&](const Connection& c) {
    places += c.flags & kMirror ? 1 : 2;
    // Not always this very connection: the answers to a host's own packets can look like those to packets that NAT gave
    // its address. Both are then in the table under one tuple, as in OVS.
    found_all &= table_.find(c.orig, c.hash[kOrig]).connection != nullptr;
    found_all &= table_.find(c.reply, c.hash[kReply]).connection != nullptr;
  });
  return found_all && places == table_.places() && wheel_.size() == pool_.size() && wheel_.count() == wheel_.size();
}

}  // namespace pw
