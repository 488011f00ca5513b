// The exact cache and the list of subtables, see flow_cache.h. Called by pipeline.cc for each burst.
#include "flow_cache.h"

#include <algorithm>

#include "port.h"
#include "protocols.h"

namespace pw {
namespace {

const uint64_t* words_of(const FlowKey& key) { return reinterpret_cast<const uint64_t*>(&key); }
constexpr size_t word_of(size_t offset) { return offset / 8; }

// Words of the key that the exact hash reads, by what they hold.
constexpr size_t kWordPorts = word_of(offsetof(FlowKey, recirc_id));
constexpr size_t kWordMarks = word_of(offsetof(FlowKey, pkt_mark));
constexpr size_t kWordCt = word_of(offsetof(FlowKey, ct_state));
constexpr size_t kWordLabel = word_of(offsetof(FlowKey, ct_label));
constexpr size_t kWordMacs = word_of(offsetof(FlowKey, dl_dst));
constexpr size_t kWordVlan = word_of(offsetof(FlowKey, vlan_tpid));
constexpr size_t kWordSrc = word_of(offsetof(FlowKey, nw_ttl));   // and arp_op, nw_src
constexpr size_t kWordDst = word_of(offsetof(FlowKey, nw_dst));   // and tcp_flags, icmp
constexpr size_t kWordL4 = word_of(offsetof(FlowKey, tp_src));
constexpr size_t kWordIpv6 = word_of(offsetof(FlowKey, ipv6_src));
constexpr size_t kWordTunnel = word_of(offsetof(FlowKey, tun_id));

// The flags of a TCP segment differ within a connection; nearly no mask looks at them.
constexpr uint64_t kWithoutTcpFlags = 0xffff0000ffffffffull;
static_assert(offsetof(FlowKey, tcp_flags) % 8 == 4);

constexpr size_t kDeadLimit = 4096;

}  // namespace

FlowCache::FlowCache()
    : hash_key_(process_hash_key()), exact_(new ExactSet[kSets]()), random_(static_cast<uint32_t>(hash_key_.c)) {}

FlowCache::~FlowCache() = default;

// Hashes what usually tells flows apart. What is left out costs a longer search, never a wrong answer.
uint32_t FlowCache::exact_hash(const FlowKey& key) const {
  const uint64_t* w = words_of(key);
  uint64_t h = hash_mix(w[kWordPorts] ^ hash_key_.a, w[kWordCt] ^ hash_key_.b);
  uint64_t g = hash_mix(w[kWordMacs] ^ hash_key_.b, w[kWordMacs + 1] ^ hash_key_.c);
  h = hash_mix(w[kWordSrc] ^ h, (w[kWordDst] & kWithoutTcpFlags) ^ hash_key_.c);
  g = hash_mix(w[kWordL4] ^ g, w[kWordVlan] ^ hash_key_.a);
  h = hash_mix(h ^ w[kWordMarks], w[kWordLabel] ^ w[kWordLabel + 1] ^ hash_key_.a);
  if (key.dl_type == to_be16(kEthIpv6)) {
    g = hash_mix(w[kWordIpv6] ^ g, w[kWordIpv6 + 1] ^ hash_key_.b);
    h = hash_mix(w[kWordIpv6 + 2] ^ h, w[kWordIpv6 + 3] ^ hash_key_.c);
  }
  if (w[kWordTunnel] | w[kWordTunnel + 1] | w[kWordTunnel + 2]) {
    g = hash_mix(w[kWordTunnel] ^ g, w[kWordTunnel + 1] ^ hash_key_.a);
    h = hash_mix(w[kWordTunnel + 2] ^ h, w[kWordTunnel + 3] ^ hash_key_.b);
  }
  const uint64_t out = hash_mix(h ^ hash_key_.b, g ^ hash_key_.a);
  return static_cast<uint32_t>(out ^ (out >> 32));
}

void FlowCache::exact_insert(uint32_t hash, Megaflow* flow) {
  ExactSet& set = exact_[hash & (kSets - 1)];
  for (ExactEntry& e : set.way) {
    if (e.flow == nullptr || e.flow->is_dead() || e.hash == hash) {
      e = {hash, flow};
      return;
    }
  }
  // A full set means more connections than the cache holds. Then few insertions keep more hits than many.
  random_ = random_ * 1664525 + 1013904223;
  if ((random_ >> 24) % 8 == 0) set.way[(random_ >> 16) % kWays] = {hash, flow};
}

void FlowCache::lookup(Packet* const* packets, int count, Megaflow** flows) {
  uint32_t hashes[kBurst];
  stats_.lookups += static_cast<uint64_t>(count);
  for (int i = 0; i < count; i++) {
    hashes[i] = exact_hash(packets[i]->key);
    __builtin_prefetch(&exact_[hashes[i] & (kSets - 1)]);
  }
  for (int i = 0; i < count; i++) {
    flows[i] = nullptr;
    for (const ExactEntry& e : exact_[hashes[i] & (kSets - 1)].way) {
      if (e.hash == hashes[i] && e.flow != nullptr) {
        flows[i] = e.flow;
        __builtin_prefetch(e.flow);
        break;
      }
    }
  }
  for (int i = 0; i < count; i++) {
    const FlowKey& key = packets[i]->key;
    if (flows[i] != nullptr && !flows[i]->is_dead() && flows[i]->subtable->matches(*flows[i], key)) {
      stats_.exact_hits++;
      continue;
    }
    flows[i] = nullptr;
    for (const auto& subtable : subtables_) {
      if (Megaflow* flow = subtable->lookup(key)) {
        subtable->hits++;
        stats_.megaflow_hits++;
        exact_insert(hashes[i], flow);
        flows[i] = flow;
        break;
      }
    }
    if (flows[i] == nullptr) stats_.misses++;
  }
}

void FlowCache::put(uint64_t id, const FlowKey& key, const FlowKey& mask, std::vector<uint8_t> actions) {
  auto at = std::find_if(subtables_.begin(), subtables_.end(), [&](const auto& s) { return s->has_mask(mask); });
  if (at == subtables_.end()) {
    subtables_.push_back(std::make_unique<Subtable>(mask, hash_key_));
    at = subtables_.end() - 1;
  }
  Subtable* subtable = at->get();
  Megaflow* flow = &pool_.allocate();
  flow->id = id;
  flow->subtable = subtable;
  flow->actions = std::move(actions);
  subtable->masked_words(key, flow->words);
  flow->hash = subtable->hash_words(flow->words);
  if (Megaflow* old = subtable->find(flow->words, flow->hash)) {
    if (old->id == id) {
      flow->packets = old->packets;
      flow->bytes = old->bytes;
      flow->used_ns = old->used_ns;
      flow->tcp_flags = old->tcp_flags;
    }
    bury(old);
  }
  if (const auto same_id = by_id_.find(id); same_id != by_id_.end()) bury(same_id->second);
  subtable->insert(flow);
  by_id_.emplace(id, flow);
}

const Megaflow* FlowCache::find(uint64_t id) const {
  const auto it = by_id_.find(id);
  return it == by_id_.end() ? nullptr : it->second;
}

bool FlowCache::update(uint64_t id, std::vector<uint8_t> actions) {
  const auto at = by_id_.find(id);
  if (at == by_id_.end()) return false;
  at->second->actions = std::move(actions);
  at->second->serial = pool_.next_serial();  // paths through it ended
  return true;
}

bool FlowCache::remove(uint64_t id) {
  const auto at = by_id_.find(id);
  if (at == by_id_.end()) return false;
  bury(at->second);
  return true;
}

// Takes a megaflow out of its subtable and of the list by id. Its memory waits until no exact entry can name it.
void FlowCache::bury(Megaflow* flow) {
  flow->subtable->erase(flow);
  flow->serial = 0;
  by_id_.erase(flow->id);
  dead_.push_back(flow);
  if (dead_.size() >= kDeadLimit) free_dead();
}

void FlowCache::flush() {
  for (uint32_t i = 0; i < kSets; i++) exact_[i] = ExactSet{};
  for (Megaflow* flow : dead_) pool_.free(*flow);
  for (const auto& [id, flow] : by_id_) pool_.free(*flow);
  dead_.clear();
  by_id_.clear();
  subtables_.clear();
}

void FlowCache::free_dead() {
  for (uint32_t i = 0; i < kSets; i++) {
    for (ExactEntry& e : exact_[i].way) {
      if (e.flow != nullptr && e.flow->is_dead()) e = ExactEntry{};
    }
  }
  for (Megaflow* flow : dead_) pool_.free(*flow);
  dead_.clear();
}

void FlowCache::maintain() {
  if (!dead_.empty()) free_dead();
  std::erase_if(subtables_, [](const auto& s) { return s->size() == 0; });
  std::stable_sort(subtables_.begin(), subtables_.end(),
                   [](const auto& a, const auto& b) { return a->hits > b->hits; });
  for (auto& s : subtables_) s->hits /= 2;  // what was asked for long ago counts less
}

void FlowCache::for_each(const std::function<void(const Megaflow&)>& visit) const {
  for (const auto& [id, flow] : by_id_) visit(*flow);
}

}  // namespace pw
