// The connection cache: PathKey -> Path, one cache line for a packet of a live connection, above the flow cache. A path
// is a hint that proves itself: its megaflows and connections are named with serials, and follow.cc looks at each
// before it believes the path. So nothing needs to be removed when flows or connections change.
//
// Paths lie side by side in the order they were made. They are found through an index of buckets, each a cache line of
// twelve (tag, number) pairs; what does not fit there lies in the next. The whole grows by being dropped: paths are
// found again by the next packets. Places are never freed, only taken over, so that a bucket with room ends a search.
#pragma once
#include <bit>
#include <cstdint>
#include <functional>

#include "pages.h"
#include "path.h"

namespace pw {

constexpr uint32_t kMaxPaths = 1u << 24;

class PathCache {
 public:
  // At most `max_paths` (rounded to a power of two); 0: none, the cache is off.
  explicit PathCache(uint32_t max_paths);

  bool is_on() const { return capacity_ != 0; }
  uint16_t epoch() const { return epoch_; }
  uint32_t hash(const PathKey& key) const { return hash_path(key, hash_key_); }

  // A search in three steps, so that a burst's cache misses overlap: the bucket is fetched, then the path that may be
  // meant (nullptr: none), then it is the one, or another of the same tag.
  void prefetch(uint32_t hash) const { __builtin_prefetch(home(hash)); }
  const Path* candidate(uint32_t hash) const {
    const Bucket* bucket = home(hash);
    uint32_t i = first_way(match(*bucket, tag_of(hash)));
    if (i == kWays && bucket->count == kWays) i = first_way(match(*++bucket, tag_of(hash)));
    if (i == kWays) return nullptr;
    const Path* path = &paths_[bucket->number[i]];
    __builtin_prefetch(path);
    return path;
  }
  const Path* find(const PathKey& key, uint32_t hash, const Path* candidate) const {
    if (candidate == nullptr || candidate->key == key) return candidate;
    return find(key, hash);
  }
  Path* find(const PathKey& key, uint32_t hash) const;

  // Of a path that needs_rest(); of another it means nothing, but may be named.
  PathRest& rest(const Path& path) const { return rests_[path.rest]; }

  // A place for the key; nullptr when there is none worth taking. `is_stale` says of a path that it leads nowhere.
  Path* place(const PathKey& key, uint32_t hash, const std::function<bool(const Path&)>& is_stale);
  // Makes sure that this place has a PathRest.
  void give_rest(Path& path) {
    if (path.rest == 0) path.rest = ++rests_used_;
  }
  // Forgets all of them.
  void clear();

  uint32_t used() const { return used_; }
  size_t bytes() const;

 private:
  static constexpr uint32_t kWays = 12, kFirst = 1024, kPathsPerBucket = 8;
  struct alignas(64) Bucket {
    uint8_t tag[kWays];  // filled from the front; 0: free
    uint32_t count;
    uint32_t number[kWays];
  };
  static_assert(sizeof(Bucket) == 64);

  static uint8_t tag_of(uint32_t hash) { return static_cast<uint8_t>(hash >> 24 ? hash >> 24 : 1); }
  // The tags that may be equal, a bit set in the byte of each: all that are, and rarely one above. Two words of them.
  struct Match {
    uint64_t low;
    uint32_t high;
  };
  static Match match(const Bucket& bucket, uint8_t tag) {
    uint64_t low;
    uint32_t high;
    memcpy(&low, bucket.tag, 8);
    memcpy(&high, bucket.tag + 8, 4);
    low ^= 0x0101010101010101ull * tag;
    high ^= 0x01010101u * tag;
    return {(low - 0x0101010101010101ull) & ~low & 0x8080808080808080ull, (high - 0x01010101u) & ~high & 0x80808080u};
  }
  static uint32_t first_way(const Match& m) {
    if (m.low != 0) return static_cast<uint32_t>(std::countr_zero(m.low)) / 8;
    return m.high != 0 ? 8 + static_cast<uint32_t>(std::countr_zero(m.high)) / 8 : kWays;
  }
  Bucket* home(uint32_t hash) const { return &index_[hash & last_]; }
  void allocate(uint32_t capacity);
  Path* take_over(Bucket& bucket, uint32_t way, uint32_t hash);

  const HashKey hash_key_;
  const uint32_t max_;
  Pages<Bucket> index_;
  Pages<Path> paths_;  // place 0 is nobody's
  Pages<PathRest> rests_;
  uint32_t capacity_ = 0;  // numbers of paths: all below it
  uint32_t last_ = 0;      // bucket that is anybody's home
  uint32_t used_ = 0, rests_used_ = 0;
  uint16_t epoch_ = 0;
  uint32_t random_;
};

}  // namespace pw
