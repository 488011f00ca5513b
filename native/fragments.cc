// Who waits for what, see fragments.h. What is done with a complete datagram is in fragments_join.cc.
#include "fragments.h"

#include <arpa/inet.h>

#include <cstdlib>
#include <new>

namespace pw {
namespace {

constexpr uint32_t kUsualRoom = 2048;    // most fragments are as large as an MTU allows
constexpr size_t kKeep = 256;            // buffers of that size
constexpr size_t kMaxReleased = 8192;    // in one burst; only flows that ask for ct over and over come near

FragmentFamily family_of(const FragmentKey& key) { return key.family == 4 ? kFragmentsV4 : kFragmentsV6; }

size_t memory_of(uint32_t room) { return (sizeof(Fragment) + kHeadroom + room + 63) / 64 * 64; }

}  // namespace

Fragments::Fragments(const FragmentConfig& config)
    : config_(config), key_(random_sip_key()), buckets_(kBuckets, kNone) {}

Fragments::~Fragments() {
  end_burst();
  clear();
  for (Fragment* f : kept_) free(f);
}

Fragments::Fate Fragments::take(const Packet& packet, uint16_t zone, uint64_t now_ns, Fragment** first) {
  FragmentRead read;
  if (!read_fragment(packet, zone, read)) return Fate::refused;
  const FragmentFamily family = family_of(read.key);
  Stats& stats = stats_[family];
  if (!config_.enabled[family] || released_.size() >= kMaxReleased) return Fate::refused;
  if (read.more && read.ip_size < config_.min_size[family]) {
    stats.too_small++;
    return Fate::refused;
  }
  if (held_ >= config_.max_held) return Fate::refused;
  uint32_t number = find(read.key);
  if (number == kNone) number = begin(read.key, now_ns);
  Datagram& d = datagrams_[number];
  Fragment* before;
  if (!place(d, read, &before)) {
    stats.overlapped++;
    return Fate::refused;
  }
  Fragment* f = copy(packet, read);
  f->prev = before;
  f->next = before ? before->next : d.first;
  (f->prev ? f->prev->next : d.first) = f;
  (f->next ? f->next->prev : d.last) = f;
  d.count++;
  d.size += read.end - read.start;
  if (!read.more) d.total = read.end;
  held_++;
  stats.accepted++;
  if (d.size != d.total) return Fate::held;

  *first = d.first;
  for (Fragment* each = d.first; each; each = each->next) released_.push_back(each);
  held_ -= d.count;
  stats.completed += d.count;
  forget(number);
  return Fate::complete;
}

bool Fragments::place(const Datagram& d, const FragmentRead& read, Fragment** before) {
  Fragment* f = d.last;  // most come in order
  while (f && f->start >= read.end) f = f->prev;
  *before = f;
  if (f && f->end > read.start) return false;
  const Fragment* after = f ? f->next : d.first;
  if (!read.more && (after || d.total)) return false;  // the end, and there is something behind it
  return d.total == 0 || read.end <= d.total;
}

uint32_t Fragments::bucket_of(const FragmentKey& key) const {
  uint64_t words[sizeof key / 8];
  memcpy(words, &key, sizeof key);
  return static_cast<uint32_t>(siphash13(key_, words, sizeof key / 8)) % kBuckets;
}

uint32_t Fragments::find(const FragmentKey& key) const {
  uint32_t number = buckets_[bucket_of(key)];
  while (number != kNone && !(datagrams_[number].key == key)) number = datagrams_[number].bucket_next;
  return number;
}

uint32_t Fragments::begin(const FragmentKey& key, uint64_t now_ns) {
  uint32_t number;
  if (free_.empty()) {
    number = static_cast<uint32_t>(datagrams_.size());
    datagrams_.emplace_back();
  } else {
    number = free_.back();
    free_.pop_back();
  }
  Datagram& d = datagrams_[number];
  d = {};
  d.key = key;
  d.expires_ns = now_ns + config_.timeout_ns;
  uint32_t& bucket = buckets_[bucket_of(key)];
  d.bucket_next = bucket;
  bucket = number;
  d.older = youngest_;
  (youngest_ == kNone ? oldest_ : datagrams_[youngest_].younger) = number;
  youngest_ = number;
  return number;
}

void Fragments::forget(uint32_t number) {
  const Datagram& d = datagrams_[number];
  uint32_t* link = &buckets_[bucket_of(d.key)];
  while (*link != number) link = &datagrams_[*link].bucket_next;
  *link = d.bucket_next;
  (d.older == kNone ? oldest_ : datagrams_[d.older].younger) = d.younger;
  (d.younger == kNone ? youngest_ : datagrams_[d.younger].older) = d.older;
  free_.push_back(number);
}

uint32_t Fragments::drop(uint32_t number) {
  const uint32_t count = datagrams_[number].count;
  for (Fragment* f = datagrams_[number].first; f;) {
    Fragment* next = f->next;
    give_back(f);
    f = next;
  }
  held_ -= count;
  forget(number);
  return count;
}

Fragment* Fragments::copy(const Packet& packet, const FragmentRead& read) {
  Fragment* f;
  if (packet.size <= kUsualRoom && !kept_.empty()) {
    f = kept_.back();
    kept_.pop_back();
  } else {
    const uint32_t room = packet.size <= kUsualRoom ? kUsualRoom : packet.size;
    void* memory = aligned_alloc(64, memory_of(room));
    if (memory == nullptr) abort();
    f = new (memory) Fragment;
    f->room = room;
    bytes_ += memory_of(room);
  }
  f->start = read.start;
  f->end = read.end;
  f->header = read.header;
  Packet& p = f->packet;
  p = packet;
  p.data = reinterpret_cast<uint8_t*>(f + 1) + kHeadroom;
  p.headroom = kHeadroom;
  p.tailroom = f->room - packet.size;
  memcpy(p.data, packet.data, packet.size);
  return f;
}

void Fragments::give_back(Fragment* f) {
  if (f->room == kUsualRoom && kept_.size() < kKeep) {
    kept_.push_back(f);
    return;
  }
  bytes_ -= memory_of(f->room);
  free(f);
}

void Fragments::end_burst() {
  for (Fragment* f : released_) give_back(f);
  released_.clear();
}

uint32_t Fragments::expire(uint64_t now_ns) {
  uint32_t dropped = 0;
  while (oldest_ != kNone && datagrams_[oldest_].expires_ns <= now_ns) {
    Stats& stats = stats_[family_of(datagrams_[oldest_].key)];
    const uint32_t count = drop(oldest_);
    stats.expired += count;
    dropped += count;
  }
  return dropped;
}

uint32_t Fragments::configure(const FragmentConfig& config) {
  config_ = config;
  uint32_t dropped = 0;
  for (uint32_t number = oldest_; number != kNone;) {
    const Datagram& d = datagrams_[number];
    const uint32_t next = d.younger;
    const FragmentFamily family = family_of(d.key);
    if (!config_.enabled[family]) {
      const uint32_t count = drop(number);
      stats_[family].purged += count;
      dropped += count;
    }
    number = next;
  }
  return dropped;
}

uint32_t Fragments::clear() {
  const uint32_t dropped = held_;
  while (oldest_ != kNone) {
    Stats& stats = stats_[family_of(datagrams_[oldest_].key)];
    stats.purged += drop(oldest_);
  }
  return dropped;
}

void Fragments::dump(const std::function<void(const std::string&)>& line) const {
  for (uint32_t number = oldest_; number != kNone; number = datagrams_[number].younger) {
    const Datagram& d = datagrams_[number];
    const bool is_v4 = d.key.family == 4;
    char src[INET6_ADDRSTRLEN] = "", dst[INET6_ADDRSTRLEN] = "";
    inet_ntop(is_v4 ? AF_INET : AF_INET6, d.key.src, src, sizeof src);
    inet_ntop(is_v4 ? AF_INET : AF_INET6, d.key.dst, dst, sizeof dst);
    const bool has_first = d.first->start == 0, has_last = d.total != 0;
    const char* state = has_first && has_last ? "first/last frag"
                        : has_first           ? "first frag"
                        : has_last            ? "last frag"
                                              : "other frag";
    line(std::string("(src=") + src + ",dst=" + dst + ",recirc_id=" + std::to_string(d.key.recirc_id) +
         ",ip_id=" + std::to_string(d.key.id) + ",dl_type=" + (is_v4 ? "0x800" : "0x86dd") +
         ",zone=" + std::to_string(d.key.zone) + ",nw_proto=" + std::to_string(d.key.proto) +
         ",num_fragments=" + std::to_string(d.count) + ",state=" + state + ")");
  }
}

bool Fragments::consistent() const {
  uint32_t fragments = 0, listed = 0, in_buckets = 0;
  bool is_ordered = true;
  uint32_t before = kNone;
  for (uint32_t number = oldest_; number != kNone; number = datagrams_[number].younger) {
    const Datagram& d = datagrams_[number];
    uint32_t count = 0, size = 0, end = 0;
    for (const Fragment* f = d.first; f; f = f->next) {
      is_ordered &= f->start >= end && f->end > f->start;
      end = f->end;
      size += f->end - f->start;
      count++;
      if (!f->next) is_ordered &= f == d.last;
    }
    is_ordered &= count > 0 && count == d.count && size == d.size && d.older == before;
    is_ordered &= d.total == 0 || (end <= d.total && size < d.total);
    fragments += count;
    listed++;
    before = number;
  }
  for (uint32_t number : buckets_)
    for (; number != kNone; number = datagrams_[number].bucket_next) in_buckets++;
  return is_ordered && before == youngest_ && fragments == held_ && listed == in_buckets &&
         listed + free_.size() == datagrams_.size();
}

}  // namespace pw
