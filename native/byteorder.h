// Byte order as a type: a be16/be32/be64 holds network order and must be converted to be computed with.
// Unaligned loads and stores go through memcpy, which compiles to a plain move.
#pragma once
#include <bit>
#include <cstdint>
#include <cstring>

namespace pw {

static_assert(std::endian::native == std::endian::little, "packetwalk is built for little-endian machines");

template <typename T>
constexpr T byteswap(T v) {
  if constexpr (sizeof(T) == 2) return __builtin_bswap16(v);
  else if constexpr (sizeof(T) == 4) return __builtin_bswap32(v);
  else return __builtin_bswap64(v);
}

template <typename T>
struct BigEndian {
  T raw;  // as it lies in memory
  constexpr T get() const { return byteswap(raw); }
  constexpr void set(T host) { raw = byteswap(host); }
  constexpr bool operator==(const BigEndian&) const = default;
};
using be16 = BigEndian<uint16_t>;
using be32 = BigEndian<uint32_t>;
using be64 = BigEndian<uint64_t>;

template <typename T>
constexpr BigEndian<T> to_be(T host) { return {byteswap(host)}; }
constexpr be16 to_be16(uint16_t v) { return {byteswap(v)}; }
constexpr be32 to_be32(uint32_t v) { return {byteswap(v)}; }
constexpr be64 to_be64(uint64_t v) { return {byteswap(v)}; }

// Unaligned access to header bytes; values in host order.
inline uint16_t load16(const void* p) { uint16_t v; memcpy(&v, p, 2); return byteswap(v); }
inline uint32_t load32(const void* p) { uint32_t v; memcpy(&v, p, 4); return byteswap(v); }
inline uint64_t load64(const void* p) { uint64_t v; memcpy(&v, p, 8); return byteswap(v); }
inline void store16(void* p, uint16_t v) { v = byteswap(v); memcpy(p, &v, 2); }
inline void store32(void* p, uint32_t v) { v = byteswap(v); memcpy(p, &v, 4); }
inline void store64(void* p, uint64_t v) { v = byteswap(v); memcpy(p, &v, 8); }

}  // namespace pw
