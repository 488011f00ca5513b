// The flow cache: flow key to megaflow, in two steps. The pipeline asks it about each pass of each packet; TypeScript
// fills it (put, remove, flush) and reads the statistics back.
//
//   exact cache   hash of the whole key -> megaflow. A hint only: whatever it says is compared with the packet under
//                 the megaflow's mask before it counts.
//   subtables     one for each mask in use (tuple-space search). A mask is reduced to its non-zero 8-byte words; the
//                 packet's words are masked, hashed and looked up in the subtable's own table. Subtables that hit often
//                 are asked first. The first hit wins: TypeScript sees to it that overlapping megaflows agree.
//
// All of it belongs to the datapath thread.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <unordered_map>
#include <vector>

#include "hash.h"
#include "megaflow.h"
#include "packet.h"

namespace pw {

// All megaflows of one mask: an open-addressing table with linear probing, at most half full.
class Subtable {
 public:
  Subtable(const FlowKey& mask, const HashKey& hash_key);
  Megaflow* lookup(const FlowKey& key) const;
  // The key agrees with the megaflow in every bit of the mask.
  bool matches(const Megaflow& flow, const FlowKey& key) const;
  bool has_mask(const FlowKey& mask) const;
  void masked_words(const FlowKey& key, std::vector<uint64_t>& words) const;
  uint32_t hash_words(const std::vector<uint64_t>& words) const;
  Megaflow* find(const std::vector<uint64_t>& words, uint32_t hash) const;
  void insert(Megaflow* flow);
  void erase(Megaflow* flow);
  uint32_t size() const { return size_; }
  // TCP's flags differ within a connection: such a mask makes no path (path.h).
  bool looks_at_tcp_flags() const { return looks_at_tcp_flags_; }

  uint64_t hits = 0;  // since the last ranking

 private:
  struct Entry {
    uint32_t hash;
    Megaflow* flow;  // nullptr: free
  };
  void grow();

  const HashKey hash_key_;
  std::vector<uint8_t> index_;   // which words of the key
  std::vector<uint64_t> mask_;   // their masks
  std::vector<Entry> entries_;
  uint32_t size_ = 0;
  bool looks_at_tcp_flags_;
};

class FlowCache {
 public:
  FlowCache();
  ~FlowCache();

  // Looks up a burst. flows[i] is nullptr on a miss.
  void lookup(Packet* const* packets, int count, Megaflow** flows);

  // Puts a megaflow. One with an equal masked key, or with the same id, is replaced; statistics go on when both are
  // the same flow (same id, same masked key), and begin at zero otherwise.
  void put(uint64_t id, const FlowKey& key, const FlowKey& mask, std::vector<uint8_t> actions);
  // Other actions in place: statistics go on. False when there is no such megaflow.
  bool update(uint64_t id, std::vector<uint8_t> actions);
  bool remove(uint64_t id);
  const Megaflow* find(uint64_t id) const;
  MegaflowPool& pool() { return pool_; }
  void flush();
  size_t size() const { return by_id_.size(); }
  size_t subtable_count() const { return subtables_.size(); }
  void for_each(const std::function<void(const Megaflow&)>& visit) const;
  // About once a second: ranks the subtables by hits, frees what was removed.
  void maintain();

  struct Stats {
    uint64_t lookups = 0, exact_hits = 0, megaflow_hits = 0, misses = 0;  // without those that path_cache.h saved
  };
  const Stats& stats() const { return stats_; }

 private:
  struct ExactEntry {
    uint32_t hash;
    Megaflow* flow;
  };
  static constexpr uint32_t kWays = 4;      // one cache line
  static constexpr uint32_t kSets = 2048;   // 128 KiB in all
  struct alignas(64) ExactSet {
    ExactEntry way[kWays];
  };

  uint32_t exact_hash(const FlowKey& key) const;
  void exact_insert(uint32_t hash, Megaflow* flow);
  void bury(Megaflow* flow);
  void free_dead();

  const HashKey hash_key_;
  std::unique_ptr<ExactSet[]> exact_;
  uint32_t random_;  // for the choice of a victim
  std::vector<std::unique_ptr<Subtable>> subtables_;
  MegaflowPool pool_;
  std::unordered_map<uint64_t, Megaflow*> by_id_;
  std::vector<Megaflow*> dead_;
  Stats stats_;
};

}  // namespace pw
