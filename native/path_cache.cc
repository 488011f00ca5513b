// The table of paths, see path_cache.h.
#include "path_cache.h"

#include <algorithm>

namespace pw {
namespace {

// Neighbours that a new path looks at, whether one of them can go: more would cost a miss each.
constexpr uint32_t kLooks = 2;

}  // namespace

PathCache::PathCache(uint32_t max_paths)
    : hash_key_(process_hash_key()),
      max_(max_paths == 0 ? 0 : std::bit_ceil(std::clamp(max_paths, kFirst, kMaxPaths))),
      random_(static_cast<uint32_t>(hash_key_.a)) {
  if (max_ != 0) allocate(kFirst);
}

void PathCache::allocate(uint32_t capacity) {
  capacity_ = capacity;
  last_ = capacity / kPathsPerBucket - 1;
  used_ = rests_used_ = 0;
  index_.reset();  // before there are larger ones
  paths_.reset();
  rests_.reset();
  index_ = map_pages<Bucket>(size_t{last_} + 2);  // the last home has a next one, too
  paths_ = map_pages<Path>(capacity);
  rests_ = map_pages<PathRest>(capacity);
}

size_t PathCache::bytes() const {
  if (!is_on()) return 0;
  return (last_ + size_t{2}) * sizeof(Bucket) + used_ * sizeof(Path) + rests_used_ * sizeof(PathRest);
}

Path* PathCache::find(const PathKey& key, uint32_t hash) const {
  const uint8_t tag = tag_of(hash);
  const Bucket* bucket = home(hash);
  for (const Bucket* end = bucket + 2; bucket < end; bucket++) {
    Match m = match(*bucket, tag);
    for (uint32_t i = first_way(m); i < kWays; i = first_way(m)) {
      Path& path = paths_[bucket->number[i]];
      if (path.key == key) return &path;
      if (i < 8) m.low &= m.low - 1;
      else m.high &= m.high - 1;
    }
    if (bucket->count < kWays) return nullptr;
  }
  return nullptr;
}

Path* PathCache::take_over(Bucket& bucket, uint32_t way, uint32_t hash) {
  bucket.tag[way] = tag_of(hash);
  return &paths_[bucket.number[way]];
}

Path* PathCache::place(const PathKey& key, uint32_t hash, const std::function<bool(const Path&)>& is_stale) {
  if (Path* path = find(key, hash)) return path;
  Bucket* const home = this->home(hash);
  Bucket* const roomy = home->count < kWays ? home : home + 1;
  const bool is_full = used_ == capacity_ - 1;
  random_ = random_ * 1664525 + 1013904223;
  // Those that lead nowhere make room first: some are looked at, and all before the table grows.
  const uint32_t looks = is_full ? home->count : std::min(kLooks, home->count);
  for (uint32_t i = 0; i < looks; i++) {
    const uint32_t way = ((random_ >> 16) + i) % home->count;
    if (is_stale(paths_[home->number[way]])) return take_over(*home, way, hash);
  }
  if (is_full && capacity_ < max_) {
    allocate(capacity_ * 2);
    return place(key, hash, is_stale);
  }
  if (!is_full && roomy->count < kWays) {
    const uint32_t way = roomy->count++;
    roomy->number[way] = ++used_;
    return take_over(*roomy, way, hash);
  }
  // More live connections than paths. Then few insertions keep more hits than many.
  if (home->count == 0 || (is_full && (random_ >> 24) % 8 != 0)) return nullptr;
  return take_over(*home, (random_ >> 16) % home->count, hash);
}

void PathCache::clear() {
  if (!is_on() || ++epoch_ != 0) return;
  // All epochs were used: then, and only then, keys of an earlier one could be met again.
  allocate(capacity_);
}

}  // namespace pw
