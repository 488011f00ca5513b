// Memory port, see memory.h.
#include "memory.h"

#include <utility>

#include "offload.h"
#include "rx_arena.h"

namespace pw {
namespace {
constexpr uint32_t kTailroom = 64;
constexpr size_t kMaxSent = 65536;  // frames nobody collects are lost, as on a wire
}  // namespace

MemoryPort::MemoryPort(const MemorySpec& spec)
    : Port(spec.no, spec.name, spec.mtu), wire_(spec.wire) {}

bool MemoryPort::inject(const uint8_t* frame, uint32_t size, const InjectedOffload& offload) {
  const bool csum_fits = !offload.csum_partial || offload.csum_start + offload.csum_offset + 2u <= size;
  const bool gso_fits = offload.gso_type == GsoType::none || offload.gso_size > 0;
  if (size > kMaxFrame || !csum_fits || !gso_fits) {
    counters.rx_errors++;
    size > kMaxFrame ? counters.oversize++ : counters.bad_vnet++;
    return false;
  }
  Arrived a{std::unique_ptr<uint8_t[]>(new uint8_t[kHeadroom + size + kTailroom]), size, offload};
  if (size > 0) memcpy(a.bytes.get() + kHeadroom, frame, size);
  arrived_.push_back(std::move(a));
  return true;
}

std::vector<std::vector<uint8_t>> MemoryPort::collect() { return std::exchange(sent_, {}); }

int MemoryPort::rx(Packet** packets, int max) {
  int n = 0;
  for (; n < max && has_pending(); n++) {
    const Arrived& a = arrived_[read_++];
    Packet& p = *packets[n];
    reset_packet(p, no_);
    p.data = a.bytes.get() + kHeadroom;
    p.size = a.size;
    p.headroom = kHeadroom;
    p.tailroom = kTailroom;
    p.csum_partial = a.offload.csum_partial;
    p.csum_valid = false;
    p.csum_start = a.offload.csum_start;
    p.csum_offset = a.offload.csum_offset;
    p.gso_type = a.offload.gso_type;
    p.gso_size = a.offload.gso_size;
    p.gso_ecn = false;
    counters.rx_packets++;
    counters.rx_bytes += a.size;
  }
  return n;
}

void MemoryPort::release() {
  arrived_.erase(arrived_.begin(), arrived_.begin() + static_cast<std::ptrdiff_t>(read_));
  read_ = 0;
}

void MemoryPort::keep(const Packet& packet) {
  if (sent_.size() >= kMaxSent) {
    counters.tx_dropped++;
    return;
  }
  sent_.emplace_back(packet.data, packet.data + packet.size);
  counters.tx_packets++;
  counters.tx_bytes += packet.size;
}

void MemoryPort::tx(Packet** packets, int count) {
  for (int i = 0; i < count; i++) {
    Packet& packet = *packets[i];
    if (!wire_) {
      keep(packet);
    } else if (packet.gso_size != 0) {
      scratch_.resize(kHeadroom + kMaxFrame);
      const int segments = segment_gso(packet, scratch_.data(), static_cast<uint32_t>(scratch_.size()),
                                       [this](Packet& segment) { keep(segment); });
      if (segments < 0) counters.tx_errors++;
    } else if (packet.csum_partial && !finish_checksum(packet)) {
      counters.tx_errors++;
    } else {
      keep(packet);
    }
  }
}

}  // namespace pw
