// Geneve header: see geneve_header.h.
#include "geneve_header.h"

#include <algorithm>

namespace pw {

namespace {

constexpr uint8_t kVersionMask = 0xc0, kOptLenMask = 0x3f, kOam = 0x80, kCritical = 0x40;
constexpr uint16_t kEthernetBridging = 0x6558;  // an Ethernet frame follows
constexpr uint8_t kOptionCritical = 0x80;       // of an option's type
constexpr uint8_t kOptionLengthMask = 0x1f;
constexpr uint16_t kTunFlagOam = 0x1;           // FLOW_TNL_F_OAM

}  // namespace

void TlvMap::set(const std::vector<TlvOption>& options) {
  options_.clear();
  for (const TlvOption& o : options) {
    const bool fits = o.index < 64 && o.size % 4 == 0 && o.size <= kOptionLengthMask * 4 &&
                      size_t{o.offset} + o.size <= sizeof(FlowKey::tun_metadata);
    if (fits) options_.push_back(o);
  }
  std::sort(options_.begin(), options_.end(), [](const auto& a, const auto& b) { return a.index < b.index; });
}

TlvMap::Result TlvMap::parse(const uint8_t* p, uint32_t size, FlowKey& key, uint32_t* header_size) const {
  if (size < kGeneveHeader || (p[0] & kVersionMask) != 0) return Result::malformed;
  const uint32_t options_size = (p[0] & kOptLenMask) * 4u;
  if (kGeneveHeader + options_size > size || load16(p + 2) != kEthernetBridging) return Result::malformed;
  key.tun_id = to_be64(load32(p + 4) >> 8);
  if (p[1] & kOam) key.tun_flags = to_be16(kTunFlagOam);

  uint64_t present = 0;
  const uint8_t* end = p + kGeneveHeader + options_size;
  for (const uint8_t* at = p + kGeneveHeader; at < end;) {
    if (end - at < static_cast<ptrdiff_t>(kGeneveOptionHeader)) return Result::malformed;
    const uint16_t opt_class = load16(at);
    const uint8_t type = at[2];
    const uint32_t value_size = (at[3] & kOptionLengthMask) * 4u;
    const uint8_t* value = at + kGeneveOptionHeader;
    if (end - value < static_cast<ptrdiff_t>(value_size)) return Result::malformed;
    const auto known = std::find_if(options_.begin(), options_.end(), [&](const TlvOption& o) {
      return o.opt_class == opt_class && o.type == type && o.size == value_size;
    });
    if (known != options_.end()) {
      memcpy(key.tun_metadata + known->offset, value, value_size);
      present |= uint64_t{1} << known->index;
    } else if (type & kOptionCritical) {
      return Result::unknown_option;
    }
    at = value + value_size;
  }
  key.tun_metadata_present = to_be64(present);
  *header_size = kGeneveHeader + options_size;
  return Result::ok;
}

uint32_t TlvMap::build(const FlowKey& key, uint8_t* p) const {
  uint32_t at = kGeneveHeader;
  bool critical = false;
  const uint64_t present = key.tun_metadata_present.get();
  if (present) {
    for (const TlvOption& o : options_) {
      if (!(present >> o.index & 1) || at + kGeneveOptionHeader + o.size > kGeneveMaxHeader) continue;
      store16(p + at, o.opt_class);
      p[at + 2] = o.type;
      p[at + 3] = o.size / 4;
      memcpy(p + at + kGeneveOptionHeader, key.tun_metadata + o.offset, o.size);
      critical |= (o.type & kOptionCritical) != 0;
      at += kGeneveOptionHeader + o.size;
    }
  }
  p[0] = static_cast<uint8_t>((at - kGeneveHeader) / 4);
  p[1] = static_cast<uint8_t>(((key.tun_flags.get() & kTunFlagOam) ? kOam : 0) | (critical ? kCritical : 0));
  store16(p + 2, kEthernetBridging);
  store32(p + 4, static_cast<uint32_t>(key.tun_id.get()) << 8);
  return at;
}

}  // namespace pw
