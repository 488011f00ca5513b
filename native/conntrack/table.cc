// Linear hashing over cache-line buckets, see table.h.
#include "table.h"

namespace pw {

// With low_mask_ + 1 = 8 and 10 buckets, buckets 0 and 1 have been split into 0, 8 and 1, 9 by the next bit.
uint32_t Table::bucket_number(uint32_t hash) const {
  const uint32_t wide = hash & (low_mask_ * 2 + 1);
  return wide < buckets_ ? wide : hash & low_mask_;
}

Found Table::find(const Tuple& tuple, uint32_t hash) const {
  if (!buckets_) return {};
  const Bucket* b = &bucket(bucket_number(hash));
  for (;;) {
    for (uint32_t i = 0; i < b->count; i++) {
      if (b->hash[i] != hash) continue;
      Connection& c = pool_.at(b->place[i] / 2);
      const auto direction = static_cast<Direction>(b->place[i] & 1);
      if (c.tuple(direction) == tuple) return {&c, direction};
    }
    if (b->next == kNone) return {};
    b = &overflow(b->next);
  }
}

void Table::insert(Connection& c) {
  for (int direction = kOrig; direction <= (c.flags & kMirror ? kOrig : kReply); direction++) {
    if (places_ >= buckets_ * kLoad) split();
    put(bucket(bucket_number(c.hash[direction])), c.hash[direction], c.self * 2 + direction);
    places_++;
  }
}

void Table::erase(const Connection& c) {
  remove(c.hash[kOrig], c.self * 2 + kOrig);
  if (!(c.flags & kMirror)) remove(c.hash[kReply], c.self * 2 + kReply);
}

void Table::add_bucket() {
  if (buckets_ == segments_.size() * kSegment) segments_.push_back(std::make_unique_for_overwrite<Bucket[]>(kSegment));
  Bucket& b = bucket(buckets_++);
  b.count = 0;
  b.next = kNone;
}

uint32_t Table::take_overflow() {
  uint32_t number = overflow_free_;
  if (number != kNone) {
    overflow_free_ = overflow(number).next;
  } else {
    if (overflow_used_ == overflow_.size() * kSegment)
      overflow_.push_back(std::make_unique_for_overwrite<Bucket[]>(kSegment));
    number = overflow_used_++;
  }
  Bucket& b = overflow(number);
  b.count = 0;
  b.next = kNone;
  return number;
}

void Table::put(Bucket& head, uint32_t hash, uint32_t place) {
  Bucket* b = &head;
  while (b->count == kWays) {
    if (b->next == kNone) b->next = take_overflow();
    b = &overflow(b->next);
  }
  b->hash[b->count] = hash;
  b->place[b->count] = place;
  b->count++;
}

// The chain's last pair fills the hole, so that only the last bucket of a chain is ever part full.
void Table::remove(uint32_t hash, uint32_t place) {
  Bucket& head = bucket(bucket_number(hash));
  Bucket* b = &head;
  uint32_t i = 0;
  while (i == b->count || b->place[i] != place) {
    if (i < b->count) {
      i++;
    } else {
      b = &overflow(b->next);
      i = 0;
    }
  }
  Bucket* before = nullptr;
  Bucket* last = &head;
  while (last->next != kNone) {
    before = last;
    last = &overflow(last->next);
  }
  last->count--;
  b->hash[i] = last->hash[last->count];
  b->place[i] = last->place[last->count];
  if (last->count == 0 && before) {
    last->next = overflow_free_;
    overflow_free_ = before->next;
    before->next = kNone;
  }
  places_--;
}

void Table::split() {
  if (!buckets_) return add_bucket();
  if (buckets_ == low_mask_ * 2 + 2) low_mask_ = low_mask_ * 2 + 1;  // all are split: the next round begins
  const uint32_t from = buckets_ - low_mask_ - 1;
  add_bucket();
  Bucket& old_head = bucket(from);
  Bucket chain = old_head;  // deal the old chain out anew; its overflow buckets go back to the free list first
  old_head.count = 0;
  old_head.next = kNone;
  for (;;) {
    for (uint32_t i = 0; i < chain.count; i++)
      put(bucket(bucket_number(chain.hash[i])), chain.hash[i], chain.place[i]);
    if (chain.next == kNone) return;
    const uint32_t number = chain.next;
    chain = overflow(number);
    overflow(number).next = overflow_free_;
    overflow_free_ = number;
  }
}

void Table::release() {
  segments_.clear();
  segments_.shrink_to_fit();
  overflow_.clear();
  overflow_.shrink_to_fit();
  buckets_ = low_mask_ = overflow_used_ = places_ = 0;
  overflow_free_ = kNone;
}

}  // namespace pw
