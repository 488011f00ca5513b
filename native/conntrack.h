// Connection tracking, as the datapath sees it. One object, owned and called only by the datapath thread.
// The parts are small files in conntrack/; tracker.cc, which implements this class, is the way in.
// Behaviour follows OVS's userspace conntrack (lib/conntrack*.c) where it and the kernel differ.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "packet.h"
#include "path.h"

namespace pw {

// The nat(...) part of a ct action. An address of zero: keep the one it has.
struct NatSpec {
  enum Type : uint8_t { none = 0, restore = 1 /* nat without arguments */, src = 2, dst = 3 } type = none;
  uint8_t flags = 0;              // 1 random, 2 hash, 4 persistent
  bool ipv6 = false;
  uint8_t min_addr[16] = {}, max_addr[16] = {};   // IPv4 in the first 4 bytes
  uint16_t min_port = 0, max_port = 0;            // host order, 0 = not given
};

struct CtAction {
  uint16_t zone = 0;
  bool commit = false, force = false;
  uint32_t mark = 0, mark_mask = 0;               // host order
  uint8_t label[16] = {}, label_mask[16] = {};    // network order
  NatSpec nat;
};

struct ConntrackConfig {
  uint32_t max_connections = 1'000'000;
  bool tcp_loose = true;       // mid-stream pickup, nf_conntrack_tcp_loose
  bool tcp_be_liberal = false; // out-of-window is not +inv
};

struct CtDumpFilter {
  std::optional<uint16_t> zone;
  bool stats = false;  // dump only: ",timeout=N" too, as dpctl/dump-conntrack -s
};

// What one ct action did to a packet, for whoever wants to know whether it would do the same to the next one (path.h).
struct CtOutcome {
  enum Kind : uint8_t {
    changing,  // the next packet may fare otherwise
    repeated,  // tracked in this zone before: nothing was looked up
    live,      // of a connection that both ends have confirmed: see touch()
  } kind = changing;
  PathStep step{};  // when live
};

class Conntrack {
 public:
  static std::unique_ptr<Conntrack> create(const ConntrackConfig&);
  virtual ~Conntrack() = default;

  // One packet through one ct action: looks the tuple up in the zone, advances the state, commits if asked, and
  // writes ct_state, ct_zone, ct_mark, ct_label and the original tuple (ct_nw_*, ct_tp_*, ct_ipv6_*, ct_nw_proto)
  // into packet.key. Needs extract() done. `now_ns`: CLOCK_MONOTONIC. Never fails: what cannot be tracked is +inv.
  virtual CtOutcome process(Packet& packet, const CtAction& action, uint64_t now_ns) = 0;
  // Another packet of the connection that process() called live, in the same direction, its checksums known to be right.
  // True: process() would say of it what it said then; what it does to the connection has been done. False: nothing was
  // done, ask process(). `l4`: TCP or UDP header, checked, `l4_size` bytes with the payload.
  virtual bool touch(const PathStep& step, uint8_t proto, const uint8_t* l4, uint32_t l4_size, uint64_t now_ns) = 0;
  // Brings in what touch() will read.
  virtual void prefetch(uint32_t index) const = 0;
  // The connection is there, as it was.
  virtual bool is_same(const PathStep& step) const = 0;
  // Frees what has timed out, at most `budget` entries looked at.
  virtual void expire(uint64_t now_ns, uint32_t budget) = 0;

  // dpctl/dump-conntrack lines: "tcp,orig=(src=..,dst=..,sport=..,dport=..),reply=(..),zone=..,mark=..,
  // protoinfo=(state=..)", IPv6 and ICMP likewise. `more` is its -m: id and status, both ends' TCP state.
  virtual void dump(const CtDumpFilter&, bool more, uint64_t now_ns,
                    const std::function<void(const std::string& line)>&) const = 0;
  virtual uint32_t flush(const CtDumpFilter&) = 0;   // how many were removed
  virtual uint32_t size() const = 0;
  virtual uint32_t max_connections() const = 0;
  virtual void set_max_connections(uint32_t) = 0;
  struct Stats { uint64_t committed = 0, invalid = 0, full = 0, expired = 0, nat_exhausted = 0; };
  virtual Stats stats() const = 0;
};

}  // namespace pw
