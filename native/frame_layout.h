// Where the headers of a frame begin, for those who finish what a sender left undone (offload.cc, gso.cc) and for the
// tunnel's flow hash. Reads bytes only and trusts no metadata, so it holds for frames that were rewritten since rx.
#pragma once
#include <cstdint>

#include "byteorder.h"
#include "protocols.h"

namespace pw {

struct FrameLayout {
  uint32_t l3 = 0;           // IP header; 0: not IP
  uint32_t l4 = 0;           // behind the IP header and its extensions; 0: none (not IP, or a later fragment)
  uint32_t end = 0;          // behind the IP packet; Ethernet padding follows
  uint8_t version = 0;       // 4, 6, or 0
  uint8_t proto = 0;         // of L4
  bool fragment = false;     // any fragment: its L4 checksum covers more than this frame
  bool routed = false;       // IPv6 routing header with segments left: the pseudo-header's address is not the header's
};

// False when a header is cut short or contradicts the frame's size. A frame that is not IP is fine.
bool locate(const uint8_t* data, uint32_t size, FrameLayout* layout);

// Sum of the pseudo-header (RFC 9293 3.1, RFC 8200 8.1) for an L4 packet of `l4_size` bytes. Memory order, unfolded.
uint64_t pseudo_header_sum(const uint8_t* data, const FrameLayout& layout, uint32_t l4_size);

}  // namespace pw
