// The keyed hash of the caches: multiply and fold (as wyhash and rapidhash do), with a random key for each process, so
// that no sender can choose packets that collide.
#pragma once
#include <sys/random.h>

#include <cstdint>
#include <cstdlib>

namespace pw {

struct HashKey {
  uint64_t a, b, c;
};

inline HashKey random_hash_key() {
  HashKey k;
  if (getrandom(&k, sizeof k, 0) != sizeof k) abort();  // before Linux 3.17 only
  k.a |= 1;
  k.b |= 1;
  k.c |= 1;
  return k;
}

inline const HashKey& process_hash_key() {
  static const HashKey key = random_hash_key();
  return key;
}

inline uint64_t hash_mix(uint64_t x, uint64_t y) {
  const unsigned __int128 product = static_cast<unsigned __int128>(x) * y;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

}  // namespace pw
