// The way in: one packet, one ct action, one answer in the key. Called by execute.cc; see ../conntrack.h.
//
//   packet -> read_tuple -> table -> tcp | icmp | other -> wheel -> nat -> alg -> write_key -> packet.key.ct_*
#pragma once
#include "alg.h"
#include "expiry.h"
#include "limits.h"
#include "read_tuple.h"
#include "table.h"

namespace pw {

class Tracker final : public Conntrack {
 public:
  explicit Tracker(const ConntrackConfig&);

  CtOutcome process(Packet&, const CtAction&, uint64_t now_ns) override;
  bool touch(const PathStep&, uint8_t proto, const uint8_t* l4, uint32_t l4_size, uint64_t now_ns) override;
  void prefetch(uint32_t index) const override { pool_.prefetch(index); }
  bool is_same(const PathStep&) const override;
  void expire(uint64_t now_ns, uint32_t budget) override;
  void dump(const CtFilter&, CtDumpStyle, uint64_t now_ns,
            const std::function<void(const std::string&)>&) const override;
  uint32_t flush(const CtFilter&) override;
  uint32_t size() const override { return pool_.size(); }
  uint32_t max_connections() const override { return config_.max_connections; }
  void set_max_connections(uint32_t n) override { config_.max_connections = n; }
  bool tcp_be_liberal() const override { return config_.tcp_be_liberal; }
  void set_tcp_be_liberal(bool is_liberal) override { config_.tcp_be_liberal = is_liberal; }
  void set_limit(int32_t zone, uint32_t limit) override { limits_.set(zone, limit); }
  void remove_limit(int32_t zone) override { limits_.remove(zone); }
  std::vector<CtLimit> limits() const override { return limits_.all(); }
  void set_timeouts(std::optional<uint16_t> zone, const Timeouts&) override;
  void remove_timeouts(uint16_t zone) override { policies_.remove(zone); }
  Stats stats() const override { return stats_; }

  // For tests: connections that are expected, bytes held, and whether pool, table and wheel know the same connections.
  size_t expected() const { return algs_.expected(); }
  size_t bytes() const { return pool_.bytes() + table_.bytes(); }
  bool consistent() const;

 private:
  bool process_again(Packet&, const CtAction&);
  Found lookup(const Tuple&, uint32_t hash, uint64_t now_ns);
  Found lookup_subject(const Subject&, uint32_t hash, bool is_translated, uint64_t now_ns);
  // The verdict in ct_state bits. The connection may be gone afterwards: then `found` is emptied.
  uint32_t follow(Found& found, const Subject&, uint32_t state, uint64_t now_ns);
  bool may_open(const Subject&) const;
  // A connection that begins: what was said of it, and by whom.
  struct Opening {
    const Subject& subject;
    uint32_t hash;
    const CtAction& action;
    Alg control;
    const Expectation* expected;
  };
  Connection* open(const Opening&, uint64_t now_ns);
  bool choose_nat(const Opening&, uint64_t now_ns, Tuple& reply, NatKind& kind);
  uint32_t read_control(Packet&, Alg, const Found&, bool nat, bool is_early, uint32_t state);
  void answer(FlowKey&, uint32_t state, const Connection*, const Expectation*, const Tuple&) const;
  void remove(Connection&);
  void invalid(Packet&, uint16_t zone);

  ConntrackConfig config_;
  SipKey key_;
  NatDice dice_;
  Pool pool_;
  Table table_{pool_};
  Wheel wheel_{pool_};
  TimeoutPolicies policies_;
  ZoneLimits limits_;
  Algs algs_;
  Stats stats_;
};

}  // namespace pw
