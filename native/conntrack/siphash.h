// SipHash-1-3 (Aumasson, Bernstein) over a few 64-bit words: the hash of connection tuples. Whoever can choose
// addresses and ports, but not see the key, cannot aim many connections at one bucket.
#pragma once
#include <sys/random.h>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

namespace pw {

struct SipKey {
  uint64_t k0, k1;
};

inline SipKey random_sip_key() {
  SipKey key;
  if (getrandom(&key, sizeof key, 0) != sizeof key) abort();  // 16 bytes at once never fail on Linux (getrandom(2))
  return key;
}

inline uint64_t siphash13(const SipKey& key, const uint64_t* words, size_t count) {
  uint64_t v0 = key.k0 ^ 0x736f6d6570736575, v1 = key.k1 ^ 0x646f72616e646f6d;  // "somepseudorandomlygeneratedbytes"
  uint64_t v2 = key.k0 ^ 0x6c7967656e657261, v3 = key.k1 ^ 0x7465646279746573;
  const auto round = [&] {
    v0 += v1; v1 = std::rotl(v1, 13); v1 ^= v0; v0 = std::rotl(v0, 32);
    v2 += v3; v3 = std::rotl(v3, 16); v3 ^= v2;
    v0 += v3; v3 = std::rotl(v3, 21); v3 ^= v0;
    v2 += v1; v1 = std::rotl(v1, 17); v1 ^= v2; v2 = std::rotl(v2, 32);
  };
  const auto absorb = [&](uint64_t word) {
    v3 ^= word;
    round();
    v0 ^= word;
  };
  for (size_t i = 0; i < count; i++) absorb(words[i]);
  absorb(static_cast<uint64_t>(count * 8) << 56);  // the last block: no bytes left over, and the length
  v2 ^= 0xff;
  round();
  round();
  round();
  return v0 ^ v1 ^ v2 ^ v3;
}

}  // namespace pw
