// The connection cache: PathKey -> Path, one cache line for a packet of a live connection, above the flow cache. A path
// is a hint that proves itself: its megaflows and connections are named with serials, and follow.cc looks at each
// before it believes the path. So nothing needs to be removed when flows or connections change.
//
// An open-addressing table that grows by being dropped: paths are found again by the next packets. Places are never
// freed, only taken over, so that a search ends at the first free one.
#pragma once
#include <cstdint>
#include <functional>

#include "path.h"

namespace pw {

constexpr uint32_t kMaxPaths = 1u << 24;

class PathCache {
 public:
  // At most `max_paths` (rounded to a power of two); 0: none, the cache is off.
  explicit PathCache(uint32_t max_paths);
  ~PathCache();
  PathCache(const PathCache&) = delete;
  PathCache& operator=(const PathCache&) = delete;

  bool is_on() const { return capacity_ != 0; }
  uint16_t epoch() const { return epoch_; }
  uint32_t hash(const PathKey& key) const { return hash_path(key, hash_key_); }
  void prefetch(uint32_t hash) const {
    const Path* home = &paths_[hash & last_];
    __builtin_prefetch(home);
    __builtin_prefetch(home + 1);
  }
  Path* find(const PathKey& key, uint32_t hash) const {
    for (uint32_t i = 0; i < kProbes; i++) {
      Path& path = paths_[(hash + i) & last_];
      if (path.flow_count == 0) return nullptr;
      if (path.key == key) return &path;
    }
    return nullptr;
  }
  PathRest& rest(const Path& path) const { return rest_[&path - paths_]; }

  // A place for the key; nullptr when there is none worth taking. `is_stale` says of a path that it leads nowhere.
  Path* place(const PathKey& key, uint32_t hash, const std::function<bool(const Path&)>& is_stale);
  // Forgets all of them.
  void clear();

  uint32_t used() const { return used_; }
  size_t bytes() const { return size_t{capacity_} * (sizeof(Path) + sizeof(PathRest)); }

 private:
  static constexpr uint32_t kProbes = 8, kFirst = 1024;
  void allocate(uint32_t capacity);
  void release();

  const HashKey hash_key_;
  const uint32_t max_;
  Path* paths_ = nullptr;
  PathRest* rest_ = nullptr;
  uint32_t capacity_ = 0, last_ = 0, used_ = 0;
  uint16_t epoch_ = 0;
  uint32_t random_;
};

}  // namespace pw
