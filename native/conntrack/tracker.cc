// The path of a packet through conntrack, see tracker.h. The order of the steps is OVS's process_one().
#include "tracker.h"

#include <sys/random.h>

#include <cstdlib>

#include "format.h"
#include "other.h"
#include "tcp.h"
#include "write_key.h"

namespace pw {
namespace {

SipKey random_key() {
  SipKey key;
  if (getrandom(&key, sizeof key, 0) != sizeof key) abort();  // 16 bytes at once never fail on Linux (getrandom(2))
  return key;
}

void set_marks(Connection& c, const CtAction& action) {
  c.mark = (c.mark & ~action.mark_mask) | (action.mark & action.mark_mask);
  uint8_t any = 0;
  for (size_t i = 0; i < sizeof c.label; i++) {
    c.label[i] = static_cast<uint8_t>((c.label[i] & ~action.label_mask[i]) | (action.label[i] & action.label_mask[i]));
    any |= c.label[i];
  }
  c.flags = static_cast<uint8_t>(any ? c.flags | kHasLabel : c.flags & ~kHasLabel);
}

}  // namespace

std::unique_ptr<Conntrack> Conntrack::create(const ConntrackConfig& config) { return std::make_unique<Tracker>(config); }

Tracker::Tracker(const ConntrackConfig& config) : config_(config), key_(random_key()) {}

void Tracker::process(Packet& packet, const CtAction& action, uint64_t now_ns) {
  FlowKey& key = packet.key;
  const bool again = (key.ct_state.get() & kCtTrk) && key.ct_zone.get() == action.zone;
  if (again && !action.force) {
    // Tracked in this zone already, by an earlier ct of the same pipeline: its verdict stands.
    if (Connection* c = pool_.find(packet.ct.index, packet.ct.serial)) {
      if (action.commit) set_marks(*c, action);
      write_marks(key, *c);
      return;
    }
  }
  uint32_t state = again ? key.ct_state.get() : 0;
  packet.ct = {};

  Subject subject;
  if (action.nat.type != NatSpec::none || !read_tuple(packet, action.zone, subject)) return invalid(packet, action.zone);

  const uint32_t hash = hash_tuple(key_, subject.tuple);
  Found found = lookup(subject.tuple, hash, now_ns);
  if (action.force && found.connection && found.direction == kReply) {
    remove(*found.connection);
    found = {};
  }
  if (found.connection) {
    state = follow(found, subject, state, now_ns);
  } else if (subject.related) {
    state = kCtInv;
  }
  if (!found.connection && !subject.related) {
    if (may_open(subject)) {
      state = kCtNew;
      if (action.commit) found.connection = open(subject, hash, now_ns);
    } else {
      state = kCtInv;
    }
  }

  if (state & kCtInv) stats_.invalid++;
  if (found.connection) {
    if (action.commit) set_marks(*found.connection, action);
    packet.ct = {found.connection->self, found.connection->serial, found.direction == kReply, subject.related};
  }
  write_key(key, state, action.zone, found.connection, &subject.tuple);
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

// Null at the limit: the packet stays +new without a connection, as in OVS.
Connection* Tracker::open(const Subject& s, uint32_t hash, uint64_t now_ns) {
  if (pool_.size() >= config_.max_connections) {
    stats_.full++;
    return nullptr;
  }
  Connection& c = pool_.allocate();
  c.orig = s.tuple;
  c.reply = reverse(s.tuple);
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
    found_all &= table_.find(c.orig, c.hash[kOrig]).connection == &c;
    found_all &= table_.find(c.reply, c.hash[kReply]).connection == &c;
  });
  return found_all && places == table_.places() && wheel_.size() == pool_.size() && wheel_.count() == wheel_.size();
}

}  // namespace pw
