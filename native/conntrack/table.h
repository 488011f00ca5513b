// Tuple -> connection, both directions in one hash table. tracker.cc asks it once for each packet.
//
// Buckets are cache lines of seven (hash, place) pairs, so that a lookup costs one miss for the bucket and one for the
// connection. The table grows by linear hashing (Litwin, 1980): when it gets full, one bucket is split in two, never
// all of them at once, so that no packet waits for a rehash.
#pragma once
#include <memory>
#include <vector>

#include "pool.h"

namespace pw {

struct Found {
  Connection* connection = nullptr;
  Direction direction = kOrig;
};

class Table {
 public:
  explicit Table(Pool& pool) : pool_(pool) {}

  Found find(const Tuple& tuple, uint32_t hash) const;
  // Enters both tuples. connection.hash is set; neither tuple is in the table yet.
  void insert(Connection&);
  void erase(const Connection&);

  uint32_t places() const { return places_; }  // tuples in the table: two for each connection, one for a mirror
  size_t bytes() const { return (segments_.size() + overflow_.size()) * kSegment * sizeof(Bucket); }
  // Gives all memory back. Only when empty.
  void release();

 private:
  static constexpr uint32_t kWays = 7, kSegment = 512, kNone = 0xffffffff;
  static constexpr uint32_t kLoad = 3;  // places for each bucket, on average, beyond which a bucket is split
  struct alignas(64) Bucket {
    uint32_t hash[kWays];
    uint32_t place[kWays];  // connection index * 2 + direction, filled from the front
    uint32_t count;
    uint32_t next;          // overflow bucket, or kNone
  };
  static_assert(sizeof(Bucket) == 64);
  using Segment = std::unique_ptr<Bucket[]>;

  uint32_t bucket_number(uint32_t hash) const;
  Bucket& bucket(uint32_t number) const { return segments_[number / kSegment][number % kSegment]; }
  Bucket& overflow(uint32_t number) const { return overflow_[number / kSegment][number % kSegment]; }
  void add_bucket();
  uint32_t take_overflow();
  void put(Bucket& head, uint32_t hash, uint32_t place);
  void remove(uint32_t hash, uint32_t place);
  void split();

  Pool& pool_;
  std::vector<Segment> segments_, overflow_;
  uint32_t buckets_ = 0;         // in use, of those in segments_
  uint32_t low_mask_ = 0;        // buckets before this round of splits, minus one
  uint32_t overflow_used_ = 0;   // overflow buckets ever taken
  uint32_t overflow_free_ = kNone;
  uint32_t places_ = 0;
};

}  // namespace pw
