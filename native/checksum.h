// The Internet checksum (RFC 1071) and its incremental update (RFC 1624). Header rewrites never do arithmetic of
// their own; they call these. Sums are kept in memory order: the ones' complement sum does not care about byte order.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "byteorder.h"

namespace pw {

inline uint16_t csum_fold(uint64_t sum) {
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(sum);
}

// Unfolded sum over bytes, added to `sum`. The range may have any alignment; an odd last byte is padded with zero.
inline uint64_t csum_add(uint64_t sum, const void* bytes, size_t size) {
  const uint8_t* p = static_cast<const uint8_t*>(bytes);
  while (size >= 4) {
    uint32_t v;
    memcpy(&v, p, 4);
    sum += v;
    p += 4;
    size -= 4;
  }
  if (size >= 2) {
    uint16_t v;
    memcpy(&v, p, 2);
    sum += v;
    p += 2;
    size -= 2;
  }
  if (size) sum += *p;  // little-endian: the odd byte is the low half of its word
  return sum;
}

// The checksum as it is to be stored in a header (memory order).
inline uint16_t csum_finish(uint64_t sum) { return static_cast<uint16_t>(~csum_fold(sum)); }

// RFC 1624 eqn. 3, HC' = ~(~HC + ~m + m'), for a change of 2-byte-aligned bytes. `csum` in memory order.
inline uint16_t csum_update(uint16_t csum, const void* old_bytes, const void* new_bytes, size_t size) {
  uint64_t sum = static_cast<uint16_t>(~csum);
  const uint8_t* o = static_cast<const uint8_t*>(old_bytes);
  const uint8_t* n = static_cast<const uint8_t*>(new_bytes);
  for (size_t i = 0; i + 1 < size; i += 2) {
    uint16_t a, b;
    memcpy(&a, o + i, 2);
    memcpy(&b, n + i, 2);
    sum += static_cast<uint16_t>(~a);
    sum += b;
  }
  return static_cast<uint16_t>(~csum_fold(sum));
}

}  // namespace pw
