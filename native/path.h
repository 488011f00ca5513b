// A path: all that happens to a packet of a live connection, found once by the long way (lookup, ct, lookup again, ...)
// and then done at once. Made by path_record.cc from what a packet met, kept by path_cache.cc, followed by follow.cc.
//
// Paths exist for IPv4 TCP and UDP packets without tags, IP options, fragments or tunnel. Their key is every header
// bit that a flow may look at in such a packet, so that no mask needs to be composed; TCP's flags are not in it, which
// is why a megaflow that looks at them ends no path.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "hash.h"
#include "packet.h"
#include "protocols.h"

namespace pw {

struct Megaflow;

// Where things are in the frame of such a packet.
constexpr uint32_t kPathIp = 14, kPathL4 = 34;

// Addresses, ports, TTL, TOS, protocol, MACs as they lie in the frame, and the port that it came in by.
struct PathKey {
  uint64_t word[4];
  bool operator==(const PathKey& o) const {
    return ((word[0] ^ o.word[0]) | (word[1] ^ o.word[1]) | (word[2] ^ o.word[2]) | (word[3] ^ o.word[3])) == 0;
  }
  uint8_t proto() const { return static_cast<uint8_t>(word[3] >> 48); }
};

// False when the packet is not of the kind that has paths. `epoch` makes keys of other times different.
inline bool read_path_key(const Packet& packet, uint16_t epoch, PathKey& key) {
  const uint8_t* p = packet.data;
  if (packet.size < kPathL4 + kUdpSize) return false;
  uint16_t type_word, frag_word;
  memcpy(&type_word, p + 12, 2);
  memcpy(&frag_word, p + kPathIp + 6, 2);
  if (type_word != to_be16(kEthIpv4).raw || p[kPathIp] != 0x45 || (frag_word & to_be16(0x3fff).raw)) return false;
  const uint8_t proto = p[kPathIp + 9];
  const uint32_t total = load16(p + kPathIp + 2);
  if (total > packet.size - kPathIp) return false;
  if (proto == kIpTcp) {
    if (total < kIpv4Size + kTcpSize) return false;
    const uint32_t header = (p[kPathL4 + 12] >> 4) * 4u;
    if (header < kTcpSize || header > total - kIpv4Size) return false;
  } else if (proto != kIpUdp || total < kIpv4Size + kUdpSize) {
    return false;
  }
  const uint32_t in_port = packet.key.in_port.get();
  uint32_t src_mac_end, ports;
  memcpy(&key.word[0], p, 8);
  memcpy(&src_mac_end, p + 8, 4);
  memcpy(&key.word[2], p + kPathIp + 12, 8);
  memcpy(&ports, p + kPathL4, 4);
  key.word[1] = src_mac_end | uint64_t{in_port & 0xffff} << 32 | uint64_t{epoch} << 48;
  key.word[3] = ports | uint64_t{p[kPathIp + 1]} << 32 | uint64_t{p[kPathIp + 8]} << 40 | uint64_t{proto} << 48;
  return in_port <= 0xffff;
}

inline uint32_t hash_path(const PathKey& key, const HashKey& k) {
  const uint64_t h = hash_mix(key.word[0] ^ k.a, key.word[1] ^ k.b);
  const uint64_t g = hash_mix(key.word[2] ^ k.c, key.word[3] ^ k.a);
  const uint64_t out = hash_mix(h ^ k.b, g ^ k.c);
  return static_cast<uint32_t>(out ^ (out >> 32));
}

// One ct action that a packet of the path goes through: the connection that it finds, as it was found.
struct PathStep {
  uint32_t index, serial;
  uint16_t version;
  uint8_t direction;
};
struct PathFlow {
  uint32_t index, serial;
};

constexpr uint32_t kPathFlows = 4, kPathSteps = 3;
static_assert(kPathFlows < 8 && kPathSteps < 4);  // bits of Path

// What most packets need: one cache line.
struct alignas(64) Path {
  PathKey key;
  PathFlow flow[2];
  uint32_t ct_index, ct_serial;
  uint16_t ct_version;
  uint16_t out;             // port number, or Drop
  uint32_t rest : 24;       // its PathRest; 0: none was ever needed in this place
  uint32_t flow_count : 3;
  uint32_t step_count : 2;
  uint32_t ct_direction : 1;
  uint32_t is_drop : 1, is_rewritten : 1;

  PathStep first_step() const { return {ct_index, ct_serial, ct_version, static_cast<uint8_t>(ct_direction)}; }
  bool needs_rest() const { return is_rewritten || flow_count > 2 || step_count > 1; }
};
static_assert(sizeof(Path) == 64);

// Header bytes that differ between in and out, as they are to be, and what that does to checksums (sums in memory
// order, to be added to the complement of the old one: RFC 1624).
struct Rewrite {
  uint8_t macs[12];
  uint8_t addresses[8], ports[4];
  uint8_t tos, ttl;
  uint32_t ip_delta, pseudo_delta, l4_delta;
};

// The rest of a longer path, or of one that rewrites; most have none.
struct alignas(64) PathRest {
  PathFlow flow[kPathFlows - 2];
  PathStep step[kPathSteps - 1];
  Rewrite rewrite;
};
static_assert(sizeof(PathRest) == 128);

// What a packet meets on the long way, until it is known whether that makes a path.
struct PathRecord {
  PathKey key;
  uint32_t hash;
  uint8_t flow_count, step_count;
  bool is_drop;
  uint16_t out;
  Megaflow* flow[kPathFlows];
  PathStep step[kPathSteps];
};

}  // namespace pw
