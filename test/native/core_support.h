// What the core's tests share: a packet with headroom made from literal bytes, and action lists written record by
// record.
#pragma once
#include <algorithm>
#include <memory>
#include <string>

#include "action.h"
#include "conntrack.h"
#include "extract.h"
#include "literal_frames.h"
#include "packet.h"

namespace pw {

// A packet that owns its bytes, extracted. in_port 1.
struct TestPacket {
  explicit TestPacket(const Bytes& frame, uint32_t in_port = 1)
      // Exactly as much memory as the packet says, so that the sanitizer sees one byte too many.
      : memory(new uint8_t[kHeadroom + frame.size()]) {
    if (!frame.empty()) memcpy(memory.get() + kHeadroom, frame.data(), frame.size());
    packet.data = memory.get() + kHeadroom;
    packet.size = static_cast<uint32_t>(frame.size());
    packet.headroom = kHeadroom;
    memset(&packet.key, 0, sizeof packet.key);
    packet.key.in_port.set(in_port);
    extract(packet);
  }
  Packet* operator->() { return &packet; }
  Packet& operator*() { return packet; }
  Bytes bytes() const { return {packet.data, packet.data + packet.size}; }

  std::unique_ptr<uint8_t[]> memory;
  Packet packet;
};

// What is known of a packet that came in there, before its headers are read.
inline FlowKey key_from(uint32_t in_port) {
  FlowKey key{};
  key.in_port.set(in_port);
  return key;
}

// Writes action records as docs/boundary.md has them.
class Actions {
 public:
  Bytes bytes;
  Actions& number(ActionType type, uint32_t v) { return record(type, {u8(v), u8(v >> 8), u8(v >> 16), u8(v >> 24)}); }
  Actions& output(uint32_t port) { return number(ActionType::output, port); }
  Actions& recirc(uint32_t id) { return number(ActionType::recirc, id); }
  Actions& upcall(uint32_t cookie) { return number(ActionType::upcall, cookie); }
  Actions& drop(uint32_t reason) { return number(ActionType::drop, reason); }
  Actions& trunc(uint32_t size) { return number(ActionType::trunc, size); }
  Actions& push_vlan(uint16_t tpid, uint16_t tci) { return number(ActionType::push_vlan, tpid | uint32_t{tci} << 16); }
  Actions& ct_clear() { return record(ActionType::ct_clear, {}); }
  Actions& pop_vlan() { return record(ActionType::pop_vlan, {}); }
  Actions& clone(const Actions& inner) { return record(ActionType::clone, inner.bytes); }
  Actions& meter(uint32_t id) { return number(ActionType::meter, id); }
  Actions& check_pkt_len(uint32_t length, const Actions& greater, const Actions& less_equal) {
    CheckPktLenPayload p{};
    p.length = length;
    p.greater_size = static_cast<uint32_t>(greater.bytes.size());
    const auto* b = reinterpret_cast<const uint8_t*>(&p);
    Bytes payload(b, b + sizeof p);
    payload.insert(payload.end(), greater.bytes.begin(), greater.bytes.end());
    payload.insert(payload.end(), less_equal.bytes.begin(), less_equal.bytes.end());
    return record(ActionType::check_pkt_len, payload);
  }
  Actions& ct(uint16_t zone, uint16_t flags, NatSpec::Type nat = NatSpec::none, Bytes address = {}) {
    CtPayload p{};
    p.zone = zone;
    p.flags = flags;
    p.nat_type = nat;
    p.nat_ipv6 = address.size() == 16;
    std::copy(address.begin(), address.end(), p.nat_min_addr);
    std::copy(address.begin(), address.end(), p.nat_max_addr);
    return raw(ActionType::ct, p);
  }
  Actions& set(uint16_t offset, const Bytes& value, Bytes mask = {}) {
    if (mask.empty()) mask = Bytes(value.size(), 0xff);
    Bytes p = {u8(offset), u8(offset >> 8), u8(value.size()), u8(value.size() >> 8)};
    p.insert(p.end(), value.begin(), value.end());
    p.insert(p.end(), mask.begin(), mask.end());
    p.resize((p.size() + 3) / 4 * 4);
    return record(ActionType::set, p);
  }
  Actions& set_tunnel(const Bytes& part) { return record(ActionType::set_tunnel, part); }
  template <typename T>
  Actions& raw(ActionType type, const T& payload) {
    const auto* b = reinterpret_cast<const uint8_t*>(&payload);
    return record(type, {b, b + sizeof payload});
  }
  ActionList list() const { return {bytes.data(), static_cast<uint32_t>(bytes.size())}; }

 private:
  static uint8_t u8(size_t v) { return static_cast<uint8_t>(v); }
  Actions& record(ActionType type, const Bytes& payload) {
    const size_t size = payload.size() + kActionHeader;
    bytes.insert(bytes.end(), {u8(static_cast<size_t>(type)), 0, u8(size), u8(size >> 8)});
    bytes.insert(bytes.end(), payload.begin(), payload.end());
    return *this;
  }
};

// All frames of literal_frames.h.
inline const std::vector<Bytes>& all_frames() {
  static const std::vector<Bytes> frames = {
      kArp,   kTcp4,   kUdp4,    kUdp4NoCsum,     kSctp4,         kIcmp4,   kTcp4Options,    kUdp4First,
      kTcp6,  kUdp6,   kIcmp6,   kNdSolicitFrame, kNdAdvertFrame, kNdTwice, kTcp6Extensions, kUdp4Later,
      kUdp6First, kUdp6Later, kTcp6CutExtension,  kTcp6Routing,   kVlanTcp4, kQinqTcp4,      kSnapArp, kLlc,
  };
  return frames;
}

// A small generator with a seed that failures print (xorshift64*).
struct Random {
  uint64_t state;
  uint64_t next() {
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return state * 0x2545f4914f6cdd1dull;
  }
  uint32_t below(uint32_t n) { return static_cast<uint32_t>((next() >> 32) % n); }
};

}  // namespace pw
