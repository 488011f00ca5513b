// The port that plays a capture, see pcap.h. Each frame is copied, as one from a device would be written to memory.
#include "pcap.h"

#include <cstring>

namespace pw {

PcapPort::PcapPort(const PcapSpec& spec) : Port(spec.no, spec.name, spec.mtu), loop_(spec.loop) {
  for (const auto& frame : spec.frames) {
    if (frame.size() > kMaxFrame) {
      counters.rx_errors++;
      counters.oversize++;
      continue;
    }
    frames_.push_back({bytes_.size(), static_cast<uint32_t>(frame.size())});
    bytes_.insert(bytes_.end(), frame.begin(), frame.end());
  }
}

int PcapPort::rx(Packet** packets, int max) {
  int n = 0;
  uint64_t bytes = 0;
  for (; n < max && !arena_.full(); n++) {
    if (next_ == frames_.size()) {
      if (!loop_ || frames_.empty()) break;
      next_ = 0;
    }
    const Frame& frame = frames_[next_++];
    Packet& packet = *packets[n];
    reset_packet(packet, no_);
    packet.data = arena_.next();
    packet.size = frame.size;
    memcpy(packet.data, bytes_.data() + frame.at, frame.size);
    packet.headroom = kHeadroom;
    packet.tailroom = arena_.take(frame.size);
    packet.csum_partial = packet.csum_valid = packet.gso_ecn = false;
    packet.gso_type = GsoType::none;
    packet.gso_size = 0;
    bytes += frame.size;
  }
  counters.rx_packets += static_cast<uint64_t>(n);
  counters.rx_bytes += bytes;
  return n;
}

void PcapPort::tx(Packet** packets, int count) {
  uint64_t bytes = 0;
  for (int i = 0; i < count; i++) bytes += packets[i]->size;
  counters.tx_packets += static_cast<uint64_t>(count);
  counters.tx_bytes += bytes;
}

}  // namespace pw
