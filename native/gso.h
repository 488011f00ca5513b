// How a GSO frame is cut into segments, without deciding where they are built: segment_gso() copies each into one
// buffer, the geneve port writes the headers and points at the payload where it lies.
//
//   | Ethernet | IP | TCP |  payload 0  |  payload 1  | ... | payload n-1 |
//   |<--- header_size --->|<- gso_size->|                    (may be shorter)
#pragma once
#include <cstdint>

#include "frame_layout.h"
#include "packet.h"

namespace pw {

// A frame of 64 KB in the smallest segments that Linux's TCP makes (MSS 48, less options) has about 1,800. More
// than this is an attack on the one thread that cuts them.
constexpr uint32_t kMaxSegments = 2048;

class GsoCut {
 public:
  // False when the headers do not fit the GSO type, the frame is malformed, or there would be too many segments.
  // `packet` and its bytes must outlive the cut.
  bool parse(const Packet& packet);

  uint32_t header_size() const { return header_size_; }
  int count() const { return count_; }
  const uint8_t* payload(int i) const { return packet_->data + header_size_ + uint32_t(i) * segment_size_; }
  uint32_t payload_size(int i) const;
  // Writes the header_size() bytes of segment i: lengths, IPv4 id and checksum, TCP sequence number and flags (CWR
  // only on the first, FIN and PSH only on the last), L4 checksum over the payload.
  void write_header(int i, uint8_t* header) const;

 private:
  const Packet* packet_ = nullptr;
  FrameLayout layout_;
  uint32_t header_size_ = 0;
  uint32_t payload_size_ = 0;   // of the whole frame
  uint32_t segment_size_ = 0;
  int count_ = 0;
};

}  // namespace pw
