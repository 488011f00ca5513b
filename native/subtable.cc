// One mask's hash table, see flow_cache.h. Lookup is the datapath's innermost loop after the exact cache misses.
#include "flow_cache.h"

namespace pw {
namespace {

constexpr uint32_t kFirstCapacity = 8;  // a power of two

uint64_t word(const FlowKey& key, size_t i) { return reinterpret_cast<const uint64_t*>(&key)[i]; }

uint64_t hash_step(uint64_t h, uint64_t w, const HashKey& k) { return hash_mix(h ^ w, k.b); }
uint32_t hash_end(uint64_t h) { return static_cast<uint32_t>(h ^ (h >> 32)); }

}  // namespace

Subtable::Subtable(const FlowKey& mask, const HashKey& hash_key) : hash_key_(hash_key), entries_(kFirstCapacity) {
  for (size_t i = 0; i < kKeyWords; i++) {
    if (word(mask, i) == 0) continue;
    index_.push_back(static_cast<uint8_t>(i));
    mask_.push_back(word(mask, i));
  }
  looks_at_tcp_flags_ = mask.tcp_flags.raw != 0;
}

bool Subtable::has_mask(const FlowKey& mask) const {
  size_t n = 0;
  for (size_t i = 0; i < kKeyWords; i++) {
    if (word(mask, i) == 0) continue;
    if (n == index_.size() || index_[n] != i || mask_[n] != word(mask, i)) return false;
    n++;
  }
  return n == index_.size();
}

void Subtable::masked_words(const FlowKey& key, std::vector<uint64_t>& words) const {
  words.resize(index_.size());
  for (size_t i = 0; i < index_.size(); i++) words[i] = word(key, index_[i]) & mask_[i];
}

uint32_t Subtable::hash_words(const std::vector<uint64_t>& words) const {
  uint64_t h = hash_key_.a;
  for (const uint64_t w : words) h = hash_step(h, w, hash_key_);
  return hash_end(h);
}

bool Subtable::matches(const Megaflow& flow, const FlowKey& key) const {
  uint64_t different = 0;
  for (size_t i = 0; i < index_.size(); i++) different |= (word(key, index_[i]) & mask_[i]) ^ flow.words[i];
  return different == 0;
}

Megaflow* Subtable::lookup(const FlowKey& key) const {
  uint64_t h = hash_key_.a;
  for (size_t i = 0; i < index_.size(); i++) h = hash_step(h, word(key, index_[i]) & mask_[i], hash_key_);
  const uint32_t hash = hash_end(h);
  const uint32_t last = static_cast<uint32_t>(entries_.size() - 1);
  for (uint32_t i = hash & last; entries_[i].flow != nullptr; i = (i + 1) & last) {
    if (entries_[i].hash == hash && matches(*entries_[i].flow, key)) return entries_[i].flow;
  }
  return nullptr;
}

Megaflow* Subtable::find(const std::vector<uint64_t>& words, uint32_t hash) const {
  const uint32_t last = static_cast<uint32_t>(entries_.size() - 1);
  for (uint32_t i = hash & last; entries_[i].flow != nullptr; i = (i + 1) & last) {
    if (entries_[i].hash == hash && entries_[i].flow->words == words) return entries_[i].flow;
  }
  return nullptr;
}

void Subtable::insert(Megaflow* flow) {
  if ((size_ + 1) * 2 > entries_.size()) grow();
  const uint32_t last = static_cast<uint32_t>(entries_.size() - 1);
  uint32_t i = flow->hash & last;
  while (entries_[i].flow != nullptr) i = (i + 1) & last;
  entries_[i] = {flow->hash, flow};
  size_++;
}

void Subtable::grow() {
  std::vector<Entry> old(entries_.size() * 2);
  old.swap(entries_);
  size_ = 0;
  for (const Entry& e : old) {
    if (e.flow != nullptr) insert(e.flow);
  }
}

// Closes the gap by moving back the entries behind it, so that no tombstones are needed.
void Subtable::erase(Megaflow* flow) {
  const uint32_t last = static_cast<uint32_t>(entries_.size() - 1);
  uint32_t gap = flow->hash & last;
  while (entries_[gap].flow != flow) gap = (gap + 1) & last;
  for (uint32_t i = (gap + 1) & last; entries_[i].flow != nullptr; i = (i + 1) & last) {
    const uint32_t home = entries_[i].hash & last;
    // An entry may move back to the gap when its home is not after the gap on the way to where it lies.
    if (((i - home) & last) >= ((i - gap) & last)) {
      entries_[gap] = entries_[i];
      gap = i;
    }
  }
  entries_[gap] = Entry{};
  size_--;
}

}  // namespace pw
