// The way in: one packet, one ct action, one answer in the key. Called by execute.cc; see ../conntrack.h.
//
//   packet -> read_tuple -> table -> tcp | icmp | other -> wheel -> nat -> write_key -> packet.key.ct_*
#pragma once
#include "nat.h"
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
  void dump(const CtDumpFilter&, bool more, uint64_t now_ns,
            const std::function<void(const std::string&)>&) const override;
  uint32_t flush(const CtDumpFilter&) override;
  uint32_t size() const override { return pool_.size(); }
  uint32_t max_connections() const override { return config_.max_connections; }
  void set_max_connections(uint32_t n) override { config_.max_connections = n; }
  Stats stats() const override { return stats_; }

  // For tests: bytes held, and whether pool, table and wheel know the same connections.
  size_t bytes() const { return pool_.bytes() + table_.bytes(); }
  bool consistent() const;

 private:
  bool process_again(Packet&, const CtAction&);
  Found lookup(const Tuple&, uint32_t hash, uint64_t now_ns);
  Found lookup_subject(const Subject&, uint32_t hash, bool is_translated, uint64_t now_ns);
  // The verdict in ct_state bits. The connection may be gone afterwards: then `found` is emptied.
  uint32_t follow(Found& found, const Subject&, uint32_t state, uint64_t now_ns);
  bool may_open(const Subject&) const;
  Connection* open(const Subject&, uint32_t hash, const NatSpec&, uint64_t now_ns);
  void remove(Connection&);
  void invalid(Packet&, uint16_t zone);

  ConntrackConfig config_;
  SipKey key_;
  NatDice dice_;
  Pool pool_;
  Table table_{pool_};
  Wheel wheel_{pool_};
  Stats stats_;
};

}  // namespace pw
