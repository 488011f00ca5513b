// The path of a packet through conntrack, see tracker.h. The order of the steps is OVS's process_one().
#include "tracker.h"

#include "alg_rewrite.h"
#include "format.h"
#include "other.h"
#include "select.h"
#include "tcp.h"
#include "write_key.h"

namespace pw {
namespace {

void set_label(Connection& c, const uint8_t* label) {
  static constexpr uint8_t kNone[sizeof c.label] = {};
  const bool has_label = memcmp(label, kNone, sizeof kNone) != 0;
  memcpy(c.label, label, sizeof c.label);
  c.flags = static_cast<uint8_t>(has_label ? c.flags | kHasLabel : c.flags & ~kHasLabel);
}

void set_marks(Connection& c, const CtAction& action) {
  const uint32_t mark = (c.mark & ~action.mark_mask) | (action.mark & action.mark_mask);
  uint8_t label[sizeof c.label];
  for (size_t i = 0; i < sizeof label; i++)
    label[i] = static_cast<uint8_t>((c.label[i] & ~action.label_mask[i]) | (action.label[i] & action.label_mask[i]));
  if (mark == c.mark && memcmp(label, c.label, sizeof label) == 0) return;
  c.version++;
  c.mark = mark;
  set_label(c, label);
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
  const Alg control = Algs::control_of(key, action.alg);
  if (again && !action.force && control == Alg::none && process_again(packet, action)) return {CtOutcome::repeated};
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
  // An announcement is left as it is until it has been understood.
  const bool may_be_shifted = control == Alg::ftp && wants_nat && !is_translated;
  const bool is_early = may_be_shifted && !Algs::announces(packet);
  if (found.connection) {
    if (is_early) unshift_ack(packet, *found.connection, found.direction);
    state = follow(found, subject, state, now_ns);
    if (found.connection && wants_nat) state |= nat(packet, *found.connection, found.direction, subject.related, state);
  } else if (subject.related) {
    state = kCtInv;
  }
  std::optional<Expectation> expected;
  if (!found.connection && !subject.related) {
    if (may_open(subject)) {
      if (const Expectation* e = algs_.find(subject.tuple)) expected = *e;
      state = kCtNew | (expected ? uint32_t{kCtRel} : 0);
      if (action.commit)
        found.connection = open({subject, hash, action, control, expected ? &*expected : nullptr}, now_ns);
      if (found.connection) state |= nat(packet, *found.connection, kOrig, false, state);
    } else {
      state = kCtInv;
    }
  }

  if (found.connection) {
    if (action.commit) set_marks(*found.connection, action);
    if (control != Alg::none) state |= read_control(packet, control, found, wants_nat && !is_translated, is_early, state);
    // After NAT the packet is another one: the next ct in this zone looks at it again.
    if (!wants_nat)
      packet.ct = {found.connection->self, found.connection->serial, found.direction == kReply, subject.related};
  }
  if (state & kCtInv) stats_.invalid++;
  answer(key, state, found.connection, expected ? &*expected : nullptr, subject.tuple);
  // What a control channel says may announce something: each of its packets is read.
  if (!found.connection || action.force || subject.related || control != Alg::none) return {};
  const Connection& c = *found.connection;
  const bool is_one_way = subject.tuple.proto == kIpUdp && c.flow_state == FlowState::multiple;
  if (!(state & kCtEst) && !is_one_way) return {};
  return {CtOutcome::live, {c.self, c.serial, c.version, static_cast<uint8_t>(found.direction)}};
}

// After conntrack and NAT: kCtInv when an announcement cannot be understood.
uint32_t Tracker::read_control(Packet& packet, Alg control, const Found& found, bool nat, bool is_early,
                               uint32_t state) {
  Connection& c = *found.connection;
  const bool is_read = c.alg != Alg::none && !(state & kCtInv);
  if (is_read && !algs_.read(packet, control, c, found.direction, nat)) return kCtInv;
  if (control == Alg::ftp && nat) {
    if (!is_early) unshift_ack(packet, c, found.direction);
    shift_seq(packet, c, found.direction);
  }
  return 0;
}

// Of a connection that was announced, the original tuple is the one of the connection that announced it.
void Tracker::answer(FlowKey& key, uint32_t state, const Connection* c, const Expectation* expected,
                     const Tuple& tuple) const {
  if (c) {
    write_key(key, state, c->orig.zone, c->flags & kExpected ? &algs_.parent_of(*c) : &c->orig);
    write_marks(key, *c);
  } else if (expected) {
    write_key(key, state, tuple.zone, &expected->parent);
    write_marks(key, expected->mark, expected->label);
  } else {
    write_key(key, state, tuple.zone, &tuple);
  }
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
    if (udp_size < kUdpSize || udp_size > l4_size) return false;
    if (c->flow_state == FlowState::both_ways) timeout = Timeout::udp_multiple;
    else if (c->flow_state == FlowState::multiple && direction == kOrig) timeout = Timeout::udp_single;
    else return false;
  }
  wheel_.set(*c, now_ns + policies_.length_ns(c->policy, timeout));
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
  write_key(packet.key, kCtInv, zone, nullptr);
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
  if (c.flags & kExpected) state |= kCtRel;
  if (subject.related) return state | kCtRel | reply;

  Update update;
  if (subject.tuple.proto == kIpTcp) {
    update = tcp_update(c, read_segment(subject.l4, subject.l4_size), found.direction, config_.tcp_be_liberal);
  } else if (is_icmp_proto(subject.tuple.proto)) {
    update = icmp_update(c, found.direction);
  } else {
    update = other_update(c, found.direction);
  }
  if (update.timeout != Timeout::keep) wheel_.set(c, now_ns + policies_.length_ns(c.policy, update.timeout));

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

// What the answers will look like. False when NAT finds no free tuple.
bool Tracker::choose_nat(const Opening& o, uint64_t now_ns, Tuple& reply, NatKind& kind) {
  const NatSpec& spec = o.action.nat;
  if (o.expected && spec.type != NatSpec::none) {
    kind = o.expected->nat;
    memcpy(kind == kNatSrc ? reply.dst : reply.src, o.expected->nat_address, 16);
    return true;
  }
  kind = spec.type == NatSpec::src ? kNatSrc : spec.type == NatSpec::dst ? kNatDst : kNatNone;
  if (kind == kNatNone) return true;
  const auto is_taken = [&](const Tuple& t) { return lookup(t, hash_tuple(key_, t), now_ns).connection != nullptr; };
  return choose_reply(spec, o.subject.tuple, dice_, is_taken, reply);
}

// Null at a limit and when NAT finds no free tuple: the packet stays +new without a connection, as in OVS.
Connection* Tracker::open(const Opening& o, uint64_t now_ns) {
  const Subject& s = o.subject;
  if (limits_.is_full(s.tuple.zone)) {
    stats_.limited++;
    return nullptr;
  }
  if (pool_.size() >= config_.max_connections) {
    stats_.full++;
    return nullptr;
  }
  Tuple reply = reverse(s.tuple);
  NatKind kind;
  if (!choose_nat(o, now_ns, reply, kind)) {
    stats_.nat_exhausted++;
    return nullptr;
  }
  Connection& c = pool_.allocate();
  c.orig = s.tuple;
  c.reply = reply;
  c.nat = kind;
  c.hash[kOrig] = o.hash;
  c.hash[kReply] = hash_tuple(key_, c.reply);
  if (c.reply == c.orig) c.flags |= kMirror;
  c.alg = Algs::granted(o.action.alg, o.control);
  c.policy = policies_.of_zone(s.tuple.zone);
  if (o.expected) {
    c.flags |= kExpected;
    set_label(c, o.expected->label);
    c.mark = o.expected->mark;
    algs_.open(c, *o.expected);
    stats_.expected++;
  }
  const Timeout timeout = s.tuple.proto == kIpTcp ? tcp_open(c, read_segment(s.l4, s.l4_size))
                          : is_icmp_proto(s.tuple.proto) ? icmp_open(c)
                                                  : other_open(c);
  table_.insert(c);
  wheel_.add(c, now_ns + policies_.length_ns(c.policy, timeout), now_ns);
  limits_.count(c);
  stats_.committed++;
  return &c;
}

void Tracker::remove(Connection& c) {
  limits_.release(c);
  algs_.close(c);
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

uint32_t Tracker::flush(const CtFilter& filter) {
  uint32_t removed = 0;
  pool_.for_each([&](Connection& c) {
    if (!is_selected(c, filter)) return;
    remove(c);
    removed++;
  });
  if (pool_.size() == 0) {
    pool_.release();
    table_.release();
  }
  return removed;
}

void Tracker::dump(const CtFilter& filter, CtDumpStyle style, uint64_t now_ns,
                   const std::function<void(const std::string&)>& line) const {
  pool_.for_each([&](const Connection& c) {
    if (c.expires_ns <= now_ns || !is_selected(c, filter)) return;
    line(format_connection(c, c.flags & kExpected ? &algs_.parent_of(c) : nullptr, style, now_ns));
  });
}

void Tracker::set_timeouts(std::optional<uint16_t> zone, const Timeouts& timeouts) {
  if (zone) policies_.set(*zone, timeouts);
  else policies_.set_defaults(timeouts);
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
