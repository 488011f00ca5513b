// What the conntrack tests share: frames between two ends, built with valid checksums, and a tracker with a clock of
// its own that answers in the words of ofproto: "+est+rpl". The family of a frame is that of its addresses.
#pragma once
#include <arpa/inet.h>

#include <memory>
#include <string>
#include <vector>

#include "check.h"
#include "checksum.h"
#include "conntrack/tcp.h"
#include "conntrack/tracker.h"
#include "extract.h"

namespace pw {

using Bytes = std::vector<uint8_t>;
using std::operator""s;

struct End {
  const char* ip;
  uint16_t port = 0;
};
constexpr End kA{"192.0.2.1", 40000}, kB{"198.51.100.2", 80}, kRouter{"203.0.113.1"};
constexpr End kA6{"2001:db8::1", 40000}, kB6{"2001:db8::2", 80}, kRouter6{"2001:db8::ff"};

inline bool is_v6(const char* ip) { return strchr(ip, ':') != nullptr; }
inline Bytes address(const char* ip) {
  Bytes a(is_v6(ip) ? 16 : 4);
  inet_pton(is_v6(ip) ? AF_INET6 : AF_INET, ip, a.data());
  return a;
}
inline void put16(Bytes& b, size_t at, uint32_t v) { store16(b.data() + at, static_cast<uint16_t>(v)); }
inline void put32(Bytes& b, size_t at, uint32_t v) { store32(b.data() + at, v); }
inline void append(Bytes& b, const Bytes& more) { b.insert(b.end(), more.begin(), more.end()); }

constexpr size_t kL3 = 14, kL4 = 34, kL46 = 54;  // offsets in the frames below

// Ethernet and IP around an L4 part whose checksum field, if it has one, lies at `csum_at`.
inline Bytes ip_frame(const char* src, const char* dst, uint8_t proto, Bytes l4, int csum_at = -1) {
  const bool v6 = is_v6(src);
  const Bytes s = address(src), d = address(dst);
  if (csum_at >= 0) {
    put16(l4, static_cast<size_t>(csum_at), 0);
    uint64_t sum = csum_add(0, l4.data(), l4.size());
    if (proto != kIpIcmp) {
      sum = csum_add(csum_add(sum, s.data(), s.size()), d.data(), d.size());
      sum += to_be16(proto).raw;
      sum += to_be32(static_cast<uint32_t>(l4.size())).raw;
    }
    const uint16_t csum = csum_finish(sum);
    memcpy(l4.data() + csum_at, &csum, 2);
  }
  Bytes f = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1};
  append(f, v6 ? Bytes{0x86, 0xdd, 0x60, 0, 0, 0, 0, 0, proto, 64}
               : Bytes{8, 0, 0x45, 0, 0, 0, 0, 1, 0, 0, 64, proto, 0, 0});
  append(f, s);
  append(f, d);
  if (v6) {
    put16(f, 18, static_cast<uint32_t>(l4.size()));
  } else {
    put16(f, 16, static_cast<uint32_t>(20 + l4.size()));
    const uint16_t csum = csum_finish(csum_add(0, f.data() + kL3, 20));
    memcpy(f.data() + 24, &csum, 2);
  }
  append(f, l4);
  return f;
}

struct Tcp {
  uint32_t seq = 0, ack = 0;
  uint8_t flags = kTcpAck;
  uint32_t payload = 0;
  uint16_t window = 65535;
  Bytes options = {};  // a multiple of 4
};
inline Bytes tcp(End from, End to, const Tcp& t) {
  Bytes l4(20);
  put16(l4, 0, from.port);
  put16(l4, 2, to.port);
  put32(l4, 4, t.seq);
  put32(l4, 8, t.ack);
  l4[12] = static_cast<uint8_t>((5 + t.options.size() / 4) << 4);
  l4[13] = t.flags;
  put16(l4, 14, t.window);
  append(l4, t.options);
  append(l4, Bytes(t.payload, 'x'));
  return ip_frame(from.ip, to.ip, kIpTcp, l4, kTcpCsum);
}
constexpr uint8_t kSynAck = kTcpSyn | kTcpAck, kFinAck = kTcpFin | kTcpAck, kRstAck = kTcpRst | kTcpAck;
inline const Bytes kScale7 = {3, 3, 7, 0};

inline Bytes udp(End from, End to, uint32_t payload = 8) {
  Bytes l4(8);
  put16(l4, 0, from.port);
  put16(l4, 2, to.port);
  put16(l4, 4, 8 + payload);
  append(l4, Bytes(payload, 'u'));
  return ip_frame(from.ip, to.ip, kIpUdp, l4, kUdpCsum);
}

inline Bytes icmp(End from, End to, uint8_t type, uint8_t code, const Bytes& rest) {
  Bytes l4 = {type, code, 0, 0};
  append(l4, rest);
  return ip_frame(from.ip, to.ip, is_v6(from.ip) ? kIpIcmpv6 : kIpIcmp, l4, kIcmpCsum);
}
inline Bytes echo(End from, End to, uint8_t type, uint8_t id) {
  return icmp(from, to, type, 0, {0, id, 0, 1, 'h', 'i'});
}

// An error about `frame`, of which it carries `size` bytes from the IP header on.
inline Bytes icmp_error(End from, End to, uint8_t type, uint8_t code, const Bytes& frame, size_t size = 1000) {
  Bytes rest(4);
  rest.insert(rest.end(), frame.begin() + kL3, frame.begin() + static_cast<long>(std::min(kL3 + size, frame.size())));
  return icmp(from, to, type, code, rest);
}

// A packet that owns its bytes: exactly as many as the frame has, so that the sanitizer sees one too many.
struct Owned {
  explicit Owned(const Bytes& frame) : bytes(new uint8_t[frame.size()]) {
    if (!frame.empty()) memcpy(bytes.get(), frame.data(), frame.size());
    packet.data = bytes.get();
    packet.size = static_cast<uint32_t>(frame.size());
    memset(&packet.key, 0, sizeof packet.key);
    extract(packet);
  }
  std::unique_ptr<uint8_t[]> bytes;
  Packet packet;
};

// "+new", "+est+rpl": ct_state without trk, which is always there after ct. "untracked" without it.
inline std::string state_text(const FlowKey& key) {
  static constexpr const char* kNames[] = {"new", "est", "rel", "rpl", "inv", nullptr, "snat", "dnat"};
  const uint32_t state = key.ct_state.get();
  if (!(state & kCtTrk)) return "untracked";
  std::string text;
  for (int i = 0; i < 8; i++)
    if (kNames[i] && (state >> i & 1)) text += "+"s + kNames[i];
  return text;
}

inline CtAction look_in(uint16_t zone) {
  CtAction a;
  a.zone = zone;
  return a;
}
inline CtAction commit_in(uint16_t zone) {
  CtAction a = look_in(zone);
  a.commit = true;
  return a;
}

// A tracker, a clock, and zone 1.
struct Lab {
  explicit Lab(const ConntrackConfig& config = {}) : ct(config) {}

  // ct() and, if the packet may open a connection, ct(commit): what a pipeline that lets everything pass does.
  std::string send(const Bytes& frame, uint16_t zone = 1) {
    Owned o(frame);
    ct.process(o.packet, look_in(zone), now);
    const std::string first = state_text(o.packet.key);
    if (first == "+new") ct.process(o.packet, commit_in(zone), now);
    key = o.packet.key;
    return first;
  }
  // ct() alone.
  std::string look(const Bytes& frame, uint16_t zone = 1) { return run(frame, look_in(zone)); }
  std::string run(const Bytes& frame, const CtAction& action) {
    Owned o(frame);
    ct.process(o.packet, action, now);
    key = o.packet.key;
    return state_text(key);
  }
  void handshake(End client, End server) {
    send(tcp(client, server, {.seq = 100, .flags = kTcpSyn}));
    send(tcp(server, client, {.seq = 500, .ack = 101, .flags = kSynAck}));
    send(tcp(client, server, {.seq = 101, .ack = 501}));
  }
  void wait(uint64_t seconds) { now += seconds * kSecond; }
  std::vector<std::string> dump(bool more = false, bool stats = false, std::optional<uint16_t> zone = {}) const {
    std::vector<std::string> lines;
    CtFilter filter;
    filter.zone = zone;
    ct.dump(filter, {more, stats}, now, [&](const std::string& line) { lines.push_back(line); });
    return lines;
  }
  // The only line of the dump.
  std::string line(bool more = false, bool stats = false) const {
    const auto lines = dump(more, stats);
    return lines.size() == 1 ? lines[0] : std::to_string(lines.size()) + " lines";
  }

  Tracker ct;
  uint64_t now = 5'000 * kSecond;
  FlowKey key{};  // of the last packet
};

}  // namespace pw

#define CHECK_STR(a, b)                                                                                      \
  do {                                                                                                       \
    const std::string text_a = (a), text_b = (b);                                                            \
    if (text_a != text_b) {                                                                                  \
      printf("    %s:%d: %s is \"%s\", not \"%s\"\n", __FILE__, __LINE__, #a, text_a.c_str(), text_b.c_str()); \
      check_failures()++;                                                                                    \
    }                                                                                                        \
  } while (0)
