// Fragments in front of conntrack. execute.cc brings each that meets a ct action; here it waits, its bytes copied,
// until its datagram is complete. Then the whole goes through conntrack once, and every fragment goes on with what was
// found.
//
//   fragment -> take() -held-> ...
//                      -complete-> join() -> conntrack -> spread() -> each fragment, in order, through the rest of the
//                                                                     actions of the one that came last
//                      -refused-> conntrack, which says +inv
//
// As OVS's lib/ipf.c does it. What differs: a fragment that waited in vain is dropped (OVS sends it along with whatever
// packet comes next), one that contradicts those before it is refused as an overlap is, and see FragmentKey.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "conntrack/siphash.h"
#include "fragments_read.h"

namespace pw {

enum FragmentFamily : uint8_t { kFragmentsV4 = 0, kFragmentsV6 = 1 };

struct FragmentConfig {
  bool enabled[2] = {true, true};           // by FragmentFamily
  uint32_t min_size[2] = {1200, 1280};      // of the IP packet; smaller ones, but for the last, are refused
  uint32_t max_held = 1000;                 // fragments of both families
  uint64_t timeout_ns = 15'000'000'000;     // from the first of a datagram on
};

// One that waits, with its bytes behind it. Those of a datagram are linked by `next`, in order.
struct Fragment {
  Packet packet;
  uint32_t start, end;  // its part of the datagram
  uint32_t header;      // bytes before that, from the IP header on
  uint32_t room;        // bytes of memory after kHeadroom
  Fragment* prev;
  Fragment* next;
};

class Fragments {
 public:
  explicit Fragments(const FragmentConfig& config = {});
  ~Fragments();
  Fragments(const Fragments&) = delete;
  Fragments& operator=(const Fragments&) = delete;

  enum class Fate { refused, held, complete };
  // Needs extract() done, and expire() so that what is too old is not completed. `complete` gives the datagram's
  // fragments, this one among them: the caller has them until end_burst().
  Fate take(const Packet& packet, uint16_t zone, uint64_t now_ns, Fragment** first);
  // The datagram as one packet, extracted; there is only one at a time. Null when it is longer than IP can say.
  Packet* join(const Fragment* first);
  // Gives the fragments what conntrack found. `rewritten`: the headers too, NAT was asked for.
  void spread(const Packet& whole, Fragment* first, bool rewritten);
  void end_burst();

  // Drops what has waited for too long, what is left of a family that was disabled, or all. How many.
  uint32_t expire(uint64_t now_ns);
  uint32_t configure(const FragmentConfig& config);
  uint32_t clear();

  uint32_t held() const { return held_; }
  const FragmentConfig& config() const { return config_; }
  // Fragments, as dpctl/ipf-get-status counts them.
  struct Stats { uint64_t accepted = 0, completed = 0, expired = 0, too_small = 0, overlapped = 0, purged = 0; };
  const Stats& stats(FragmentFamily family) const { return stats_[family]; }
  // A line of ipf-get-status -m for each datagram that waits.
  void dump(const std::function<void(const std::string& line)>& line) const;
  // For tests: bytes of memory, those kept for later included, and whether lists and counts agree.
  size_t bytes() const { return bytes_; }
  bool consistent() const;

 private:
  // One that is not complete. On two lists: of its bucket, and of all in the order in which they began.
  struct Datagram {
    FragmentKey key;
    uint64_t expires_ns = 0;
    Fragment* first = nullptr;
    Fragment* last = nullptr;
    uint32_t count = 0;
    uint32_t size = 0;   // bytes of it that are here
    uint32_t total = 0;  // its size, known from the last fragment; 0: not yet
    uint32_t bucket_next = kNone, older = kNone, younger = kNone;
  };
  static constexpr uint32_t kNone = 0xffffffff, kBuckets = 1024;

  uint32_t bucket_of(const FragmentKey& key) const;
  uint32_t find(const FragmentKey& key) const;
  uint32_t begin(const FragmentKey& key, uint64_t now_ns);
  void forget(uint32_t number);
  uint32_t drop(uint32_t number);
  // Where it belongs: after `before` (null: in front). False when it overlaps another or the end.
  static bool place(const Datagram& datagram, const FragmentRead& read, Fragment** before);
  Fragment* copy(const Packet& packet, const FragmentRead& read);
  void give_back(Fragment* fragment);

  FragmentConfig config_;
  const SipKey key_;
  std::vector<Datagram> datagrams_;   // by number
  std::vector<uint32_t> free_;        // numbers
  std::vector<uint32_t> buckets_;     // first number of each
  uint32_t oldest_ = kNone, youngest_ = kNone;
  uint32_t held_ = 0;
  std::vector<Fragment*> released_;   // complete; their packets may be queued for output
  std::vector<Fragment*> kept_;       // memory of the usual size for the next ones
  std::vector<uint8_t> whole_bytes_;
  Packet whole_;
  Stats stats_[2];
  size_t bytes_ = 0;
};

}  // namespace pw
