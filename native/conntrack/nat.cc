// The decision, see nat.h. The rewrite is in nat_rewrite.cc.
#include "nat.h"

#include <algorithm>

namespace pw {
namespace {

struct PortRange {
  uint16_t first, min, max;  // `first` may lie outside: the port that the sender has
  uint16_t after(uint16_t port) const { return port < min || port >= max ? min : static_cast<uint16_t>(port + 1); }
};

PortRange range_like(uint16_t port) {
  if (port < 512) return {port, 1, 511};
  if (port < 1024) return {port, 600, 1023};
  return {port, 1024, 65535};
}

PortRange range_of(const NatSpec& spec, uint64_t draw) {
  const uint16_t max = std::max(spec.min_port, spec.max_port);
  const auto size = static_cast<uint32_t>(max - spec.min_port + 1);
  return {static_cast<uint16_t>(spec.min_port + static_cast<uint32_t>(draw) % size), spec.min_port, max};
}

using Address = unsigned __int128;

Address read_address(const uint8_t* bytes, uint8_t family) {
  if (family == kFamily4) return load32(bytes);
  return static_cast<Address>(load64(bytes)) << 64 | load64(bytes + 8);
}

void write_address(uint8_t* bytes, uint8_t family, Address a) {
  if (family == kFamily4) return store32(bytes, static_cast<uint32_t>(a));
  store64(bytes, static_cast<uint64_t>(a >> 64));
  store64(bytes + 8, static_cast<uint64_t>(a));
}

// An address of zero means "the one that it has": nat(src=0.0.0.0) only makes the ports unique.
void choose_address(const NatSpec& spec, uint8_t family, uint64_t draw, uint8_t* address) {
  const Address min = read_address(spec.min_addr, family), max = read_address(spec.max_addr, family);
  if (min == 0) return;
  const Address span = max > min ? std::min<Address>(max - min, 0xfffffffe) : 0;
  write_address(address, family, min + static_cast<uint32_t>(draw) % static_cast<uint32_t>(span + 1));
}

uint64_t draw_for(const NatSpec& spec, const SipKey& key, const Tuple& orig) {
  uint64_t words[5 + 5];
  memcpy(words, &orig, sizeof orig);
  memcpy(words + 5, spec.min_addr, 16);
  memcpy(words + 7, spec.max_addr, 16);
  words[9] = uint64_t{spec.min_port} << 16 | spec.max_port;
  return siphash13(key, words, 10);
}

uint64_t throw_dice(NatDice& dice) {
  const uint64_t number = dice.throws++;
  return siphash13(dice.key, &number, 1);
}

bool find_port(be16& port, const PortRange& range, NatDice& dice, const std::function<bool()>& is_free) {
  constexpr uint32_t kFirstRound = 128, kLastRound = 16;
  const be16 before = port;
  const uint32_t size = range.max - range.min + 1u;
  uint16_t candidate = range.first;
  for (uint32_t tries = std::min(size, kFirstRound);; tries /= 2) {
    for (uint32_t i = 0; i < tries; i++, candidate = range.after(candidate)) {
      port.set(candidate);
      if (is_free()) return true;
    }
    if (tries >= size || tries <= kLastRound) break;
    candidate = static_cast<uint16_t>(range.min + throw_dice(dice) % size);
  }
  port = before;
  return false;
}

}  // namespace

bool choose_reply(const NatSpec& spec, const Tuple& orig, NatDice& dice,
                  const std::function<bool(const Tuple&)>& is_taken, Tuple& reply) {
  constexpr uint8_t kRandom = 1, kPersistent = 4;  // NatSpec::flags
  const bool is_dst = spec.type == NatSpec::dst;
  const bool is_family = spec.ipv6 == (orig.family == kFamily6);
  if (!is_family && read_address(spec.min_addr, kFamily6) != 0) return false;  // no IPv4 address for an IPv6 packet
  const uint64_t address_draw = draw_for(spec, spec.flags & kPersistent ? SipKey{} : dice.key, orig);
  const uint64_t port_draw = spec.flags & kRandom ? throw_dice(dice) : draw_for(spec, dice.key, orig);
  reply = reverse(orig);
  choose_address(spec, orig.family, address_draw, is_dst ? reply.src : reply.dst);
  const auto is_free = [&] { return !is_taken(reply); };
  if (orig.proto != kIpTcp && orig.proto != kIpUdp) return is_free();

  // The answer's source port is the packet's destination port, and the other way round.
  const bool has_ports = spec.min_port != 0;
  if (is_dst && has_ports) {
    const PortRange range = range_of(spec, port_draw);
    if (find_port(reply.src_port, range, dice, is_free)) return true;
    reply.src_port.set(range.first);
  }
  const PortRange range = !is_dst && has_ports ? range_of(spec, port_draw) : range_like(orig.src_port.get());
  return find_port(reply.dst_port, range, dice, is_free);
}

}  // namespace pw
