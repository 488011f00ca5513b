// Frames for the offload tests, built byte by byte, and checksums computed the slow, obvious way: nothing here
// shares code with native/.
#pragma once
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

using Bytes = std::vector<uint8_t>;

struct FrameSpec {
  int version = 4;
  uint8_t proto = 6;             // 6 TCP, 17 UDP, 132 SCTP
  int tags = 0;                  // 802.1Q headers
  uint32_t ip_options = 0;       // bytes; IPv6: one hop-by-hop header of that size (multiple of 8)
  uint32_t tcp_options = 0;      // bytes
  uint8_t tcp_flags = 0x10;
  uint32_t seq = 0xfffff000;     // wraps within a large frame
  uint16_t ip_id = 0xfffe;       // wraps too
  uint32_t payload = 100;
  uint32_t payload_seed = 1;
};

struct Frame {
  Bytes bytes;
  uint32_t l3 = 0, l4 = 0, payload = 0;  // offsets
};

inline void push16(Bytes& b, uint32_t v) { b.push_back(v >> 8); b.push_back(v); }
inline void push32(Bytes& b, uint32_t v) { push16(b, v >> 16); push16(b, v & 0xffff); }
inline void put16(uint8_t* p, uint32_t v) { p[0] = v >> 8; p[1] = v; }
inline uint32_t get16(const uint8_t* p) { return p[0] * 256u + p[1]; }
inline uint32_t get32(const uint8_t* p) { return get16(p) * 65536u + get16(p + 2); }

// Ones' complement sum of big-endian words, not complemented.
inline uint32_t slow_sum(const uint8_t* p, size_t size, uint32_t sum = 0) {
  for (size_t i = 0; i < size; i++) {
    sum += i % 2 ? p[i] : p[i] * 256u;
    sum = (sum & 0xffff) + (sum >> 16);
  }
  return sum;
}

inline uint32_t slow_pseudo(const Frame& f, int version, uint8_t proto, uint32_t l4_size) {
  const uint8_t* ip = f.bytes.data() + f.l3;
  uint32_t sum = version == 4 ? slow_sum(ip + 12, 8) : slow_sum(ip + 8, 32);
  sum += proto + (l4_size >> 16) + (l4_size & 0xffff);
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return sum;
}

// `finished`: the L4 checksum is complete; otherwise the field holds the pseudo-header's sum (CHECKSUM_PARTIAL).
inline Frame build_frame(const FrameSpec& s, bool finished) {
  Frame f;
  Bytes& b = f.bytes;
  b = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1};
  for (int i = 0; i < s.tags; i++) {
    push16(b, i + 1 < s.tags ? 0x88a8 : 0x8100);
    push16(b, 0x2000 + 100 + i);
  }
  push16(b, s.version == 4 ? 0x0800 : 0x86dd);
  f.l3 = b.size();
  const uint32_t l4_header = s.proto == 6 ? 20 + s.tcp_options : s.proto == 17 ? 8 : 12;
  const uint32_t l4_size = l4_header + s.payload;
  if (s.version == 4) {
    b.push_back(0x40 | ((20 + s.ip_options) / 4));
    b.push_back(0);
    push16(b, 20 + s.ip_options + l4_size);
    push16(b, s.ip_id);
    push16(b, 0x4000);
    b.push_back(64);
    b.push_back(s.proto);
    push16(b, 0);
    push32(b, 0xc0000201);  // 192.0.2.1
    push32(b, 0xc6336402);  // 198.51.100.2
    b.insert(b.end(), s.ip_options, 1);  // NOP
    put16(&b[f.l3 + 10], 0xffff & ~slow_sum(&b[f.l3], 20 + s.ip_options));
  } else {
    push32(b, 0x60012345);
    push16(b, s.ip_options + l4_size);
    b.push_back(s.ip_options ? 0 : s.proto);
    b.push_back(64);
    for (int host = 1; host <= 2; host++) {
      push32(b, 0x20010db8);
      push32(b, 0);
      push32(b, 0);
      push32(b, host);
    }
    if (s.ip_options) {
      b.push_back(s.proto);
      b.push_back(s.ip_options / 8 - 1);
      b.push_back(1);  // PadN
      b.push_back(s.ip_options - 4);
      b.insert(b.end(), s.ip_options - 4, 0);
    }
  }
  f.l4 = b.size();
  push16(b, 40000);
  push16(b, 80);
  uint32_t csum_at = 0;
  if (s.proto == 6) {
    push32(b, s.seq);
    push32(b, 12345);
    b.push_back((l4_header / 4) << 4);
    b.push_back(s.tcp_flags);
    push16(b, 1000);
    csum_at = b.size();
    push16(b, 0);
    push16(b, 0);
    b.insert(b.end(), s.tcp_options, 1);
  } else if (s.proto == 17) {
    push16(b, l4_size);
    csum_at = b.size();
    push16(b, 0);
  } else {
    push32(b, 0x11223344);
    csum_at = b.size();
    push32(b, 0);
  }
  f.payload = b.size();
  uint32_t state = s.payload_seed;
  for (uint32_t i = 0; i < s.payload; i++) b.push_back((state = state * 1103515245 + 12345) >> 16);
  if (s.proto != 132) {
    const uint32_t pseudo = slow_pseudo(f, s.version, s.proto, l4_size);
    uint32_t field = pseudo;
    if (finished) {
      field = 0xffff & ~slow_sum(&b[f.l4], l4_size, pseudo);
      if (field == 0 && s.proto == 17) field = 0xffff;
    }
    put16(&b[csum_at], field);
  }
  return f;
}

inline std::string describe(const FrameSpec& s) {
  return "v" + std::to_string(s.version) + " proto " + std::to_string(s.proto) + " tags " + std::to_string(s.tags) +
         " ip options " + std::to_string(s.ip_options) + " tcp options " + std::to_string(s.tcp_options) +
         " payload " + std::to_string(s.payload);
}
