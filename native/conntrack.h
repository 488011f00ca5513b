// Connection tracking, as the datapath sees it. One object, owned and called only by the datapath thread.
// The parts are small files in conntrack/; tracker.cc, which implements this class, is the way in.
// Behaviour follows OVS's userspace conntrack (lib/conntrack*.c) where it and the kernel differ.
#pragma once
#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "conntrack/timeouts.h"
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

// Protocols whose control channel is read, to know of the connections that it announces: ct(commit,alg=...).
enum class Alg : uint8_t { none = 0, ftp = 1, tftp = 2 };

struct CtAction {
  uint16_t zone = 0;
  bool commit = false, force = false;
  Alg alg = Alg::none;
  uint32_t mark = 0, mark_mask = 0;               // host order
  uint8_t label[16] = {}, label_mask[16] = {};    // network order
  NatSpec nat;
};

struct ConntrackConfig {
  uint32_t max_connections = 1'000'000;
  bool tcp_loose = true;       // mid-stream pickup, nf_conntrack_tcp_loose
  bool tcp_be_liberal = false; // out-of-window is not +inv
};

// Part of a tuple, to choose connections by. What is absent agrees with everything.
struct CtPattern {
  std::optional<uint8_t> family;                          // 4 or 6
  std::optional<std::array<uint8_t, 16>> src, dst;        // IPv4 in the first 4 bytes, the rest zero
  std::optional<uint8_t> proto;
  std::optional<uint16_t> src_port, dst_port, icmp_id;    // host order
  std::optional<uint8_t> icmp_type, icmp_code;
};

struct CtFilter {
  std::optional<uint16_t> zone;
  CtPattern orig, reply;
  bool either_way = false;  // `orig` may be what the answers look like, too
};

struct CtDumpStyle {
  bool more = false;   // -m: id and status, both ends' TCP state, the connection that announced it
  bool stats = false;  // -s: ",timeout=N"
};

// How many connections a zone may have: dpctl/ct-set-limits. `zone` -1 is the default, which all zones without a limit
// of their own share.
struct CtLimit {
  int32_t zone;
  uint32_t limit, count;
};

// What one ct action did to a packet, for whoever wants to know whether it would do the same to the next one (path.h).
struct CtOutcome {
  enum Kind : uint8_t {
    changing,  // the next packet may fare otherwise
    repeated,  // tracked in this zone before: nothing was looked up
    live,      // of a connection that both ends have confirmed, or of UDP that nobody has answered so far: see touch()
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
  // Another packet of the connection that process() called live, in the same direction, its checksums known to be
  // right.
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
  // protoinfo=(state=..)", IPv6 and ICMP likewise.
  virtual void dump(const CtFilter&, CtDumpStyle, uint64_t now_ns,
                    const std::function<void(const std::string& line)>&) const = 0;
  virtual uint32_t flush(const CtFilter&) = 0;   // how many were removed
  virtual uint32_t size() const = 0;
  virtual uint32_t max_connections() const = 0;
  virtual void set_max_connections(uint32_t) = 0;
  virtual bool tcp_be_liberal() const = 0;
  virtual void set_tcp_be_liberal(bool) = 0;

  // Connections that were there before their zone had a limit do not count.
  virtual void set_limit(int32_t zone, uint32_t limit) = 0;
  virtual void remove_limit(int32_t zone) = 0;
  // By zone, the default first.
  virtual std::vector<CtLimit> limits() const = 0;

  // For connections that are opened from now on, in one zone or, without one, in those that have no policy. A zone
  // whose policy is replaced or removed leaves its connections with the defaults, as in OVS.
  virtual void set_timeouts(std::optional<uint16_t> zone, const Timeouts&) = 0;
  virtual void remove_timeouts(uint16_t zone) = 0;

  struct Stats {
    uint64_t committed = 0, invalid = 0, full = 0, limited = 0, expired = 0, nat_exhausted = 0;
    uint64_t expected = 0;  // connections that another had announced
  };
  virtual Stats stats() const = 0;
};

}  // namespace pw
