// Token buckets, see meters.h.
#include "meters.h"

#include <algorithm>

namespace pw {
namespace {
constexpr uint64_t kMillisecond = 1'000'000;
uint64_t capacity(const MeterBand& band) { return band.burst * 1000ull; }
}  // namespace

void Meters::put(uint32_t id, const MeterSpec& spec, uint64_t now_ns) {
  Meter meter{.is_kbps = spec.is_kbps, .used_ms = now_ns / kMillisecond, .max_delta_ms = 0, .buckets = {}, .stats = {}};
  for (const MeterBand& band : spec.bands) {
    meter.buckets.push_back({band, capacity(band)});
    // After so long every bucket is full.
    if (band.rate > 0) meter.max_delta_ms = std::max(meter.max_delta_ms, capacity(band) / band.rate + 1);
  }
  meter.stats.bands.resize(spec.bands.size());
  meters_[id] = std::move(meter);
}

bool Meters::pass(uint32_t id, uint32_t size, uint64_t now_ns) {
  const auto at = meters_.find(id);
  if (at == meters_.end()) return true;
  Meter& meter = at->second;
  const uint64_t now_ms = now_ns / kMillisecond;
  const uint64_t delta = std::min(now_ms - std::min(now_ms, meter.used_ms), meter.max_delta_ms);
  meter.used_ms = now_ms;
  meter.stats.packets++;
  meter.stats.bytes += size;
  const uint64_t cost = meter.is_kbps ? size * 8ull : 1000;
  size_t exceeded = meter.buckets.size();
  for (size_t i = 0; i < meter.buckets.size(); i++) {
    Bucket& b = meter.buckets[i];
    b.level = std::min(b.level + delta * b.band.rate, capacity(b.band));
    if (b.level >= cost) b.level -= cost;
    else if (exceeded == meter.buckets.size() || b.band.rate > meter.buckets[exceeded].band.rate) exceeded = i;
  }
  if (exceeded == meter.buckets.size()) return true;
  meter.stats.bands[exceeded].packets++;
  meter.stats.bands[exceeded].bytes += size;
  return false;
}

bool Meters::stats(uint32_t id, MeterStats* stats) const {
  const auto at = meters_.find(id);
  if (at == meters_.end()) return false;
  *stats = at->second.stats;
  return true;
}

}  // namespace pw
