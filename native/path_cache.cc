// The table of paths, see path_cache.h. Memory comes from mmap: pages that no path reached cost nothing.
#include "path_cache.h"

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cstdlib>

namespace pw {
namespace {

constexpr size_t kHugePage = 2 << 20;

void* map(size_t bytes) {
  void* p = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (p == MAP_FAILED) abort();  // address space only: there is always some
  if (bytes >= kHugePage) madvise(p, bytes, MADV_HUGEPAGE);  // a table of this size is read all over
  return p;
}

}  // namespace

PathCache::PathCache(uint32_t max_paths)
    : hash_key_(process_hash_key()),
      max_(max_paths == 0 ? 0 : std::bit_ceil(std::max(max_paths, kFirst))),
      random_(static_cast<uint32_t>(hash_key_.a)) {
  if (max_ != 0) allocate(kFirst);
}

PathCache::~PathCache() { release(); }

void PathCache::allocate(uint32_t capacity) {
  capacity_ = capacity;
  last_ = capacity - 1;
  used_ = 0;
  paths_ = static_cast<Path*>(map(size_t{capacity} * sizeof(Path)));
  rest_ = static_cast<PathRest*>(map(size_t{capacity} * sizeof(PathRest)));
}

void PathCache::release() {
  if (capacity_ == 0) return;
  munmap(paths_, size_t{capacity_} * sizeof(Path));
  munmap(rest_, size_t{capacity_} * sizeof(PathRest));
}

Path* PathCache::place(const PathKey& key, uint32_t hash, const std::function<bool(const Path&)>& is_stale) {
  Path* stale = nullptr;
  for (uint32_t i = 0; i < kProbes; i++) {
    Path& path = paths_[(hash + i) & last_];
    if (path.flow_count != 0 && path.key == key) return &path;
    if (path.flow_count == 0) {
      if (stale != nullptr) return stale;
      if (used_ < capacity_ / 4 * 3 || capacity_ == max_) {
        used_++;
        return &path;
      }
      break;
    }
    if (stale == nullptr && is_stale(path)) stale = &path;
  }
  if (stale != nullptr) return stale;
  if (capacity_ < max_) {
    const uint32_t larger = capacity_ * 2;
    release();
    allocate(larger);
    used_ = 1;
    return &paths_[hash & last_];
  }
  // More live connections than paths. Then few insertions keep more hits than many.
  random_ = random_ * 1664525 + 1013904223;
  if ((random_ >> 24) % 8 != 0) return nullptr;
  return &paths_[(hash + (random_ >> 16) % kProbes) & last_];
}

void PathCache::clear() {
  if (!is_on() || ++epoch_ != 0) return;
  // All epochs were used: then, and only then, keys of an earlier one could be met again.
  const uint32_t capacity = capacity_;
  release();
  allocate(capacity);
}

}  // namespace pw
