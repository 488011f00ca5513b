// Conntrack under random traffic with a printed seed, and under segments whose answers are OVS's (conntrack_facts.h).
#include <random>

#include "conntrack_facts.h"
#include "conntrack_support.h"

using namespace pw;

TEST("conntrack: random TCP conversations get the states that OVS gave them") {
  static const Bytes kOptions[] = {{}, kScale7, {2, 4, 5, 0xb4, 1, 3, 3, 2}, {3, 3, 14, 1}};
  Lab lab;
  for (const TcpFact& f : kTcpFacts) {
    const End client{kA.ip, f.port};
    const Tcp t{.seq = f.seq, .ack = f.ack, .flags = f.flags, .payload = f.payload, .window = f.window,
                .options = kOptions[f.options]};
    CHECK_STR(lab.send(f.way == '>' ? tcp(client, kB, t) : tcp(kB, client, t)), f.state);
  }
  const auto lines = lab.dump(true);
  for (const TcpEnd& end : kTcpEnds) {
    const std::string port = "port=" + std::to_string(end.port);
    for (const std::string& line : lines)
      if (line.find(port) != std::string::npos)
        CHECK_STR(line.substr(line.find("protoinfo=")), "protoinfo=(" + std::string(end.protoinfo) + ")");
  }
  CHECK_EQ(lines.size(), std::size(kTcpEnds));
}

namespace {

struct Random {
  std::mt19937 engine;
  explicit Random(uint32_t seed) : engine(seed) { printf("    seed %u\n", seed); }
  uint32_t below(uint32_t n) { return static_cast<uint32_t>(engine() % n); }
  bool one_in(uint32_t n) { return below(n) == 0; }
  template <typename T, size_t N>
  const T& of(const T (&choices)[N]) { return choices[below(N)]; }
};

constexpr const char* kHosts[] = {"192.0.2.1", "192.0.2.2", "192.0.2.3", "198.51.100.1"};
constexpr const char* kHosts6[] = {"2001:db8::1", "2001:db8::2", "2001:db8::3", "2001:db8::4"};

Bytes random_frame(Random& r) {
  const bool v6 = r.one_in(4);
  const auto end = [&] {
    return End{v6 ? r.of(kHosts6) : r.of(kHosts), static_cast<uint16_t>(1 + r.below(6))};
  };
  const End from = end(), to = end();
  switch (r.below(8)) {
    case 0: return udp(from, to, r.below(20));
    case 1: {
      const auto type = static_cast<uint8_t>(v6 ? 128 + r.below(2) : r.below(2) * 8);
      return echo(from, to, type, static_cast<uint8_t>(r.below(3)));
    }
    case 2: return ip_frame(from.ip, to.ip, static_cast<uint8_t>(r.below(256)), Bytes(r.below(24)));
    case 3: {
      const Bytes inner = random_frame(r);
      const bool inner6 = inner[12] == 0x86;
      return icmp_error(inner6 ? kRouter6 : kRouter, {inner6 ? r.of(kHosts6) : r.of(kHosts)},
                        static_cast<uint8_t>(inner6 ? 1 + r.below(4) : 3 + r.below(10)), 0, inner, r.below(90));
    }
    default: {
      Tcp t{.seq = r.below(300000), .ack = r.below(300000), .flags = static_cast<uint8_t>(r.below(64)),
            .payload = r.below(100), .window = static_cast<uint16_t>(r.engine())};
      if (r.one_in(3)) t.flags = r.of({kTcpSyn, kSynAck, kTcpAck, kFinAck, kRstAck});
      if (r.one_in(4))
        for (uint32_t n = r.below(11) * 4; n; n--) t.options.push_back(static_cast<uint8_t>(r.below(12)));
      return tcp(from, to, t);
    }
  }
}

CtAction random_action(Random& r) {
  CtAction a = look_in(static_cast<uint16_t>(r.below(3)));
  a.commit = !r.one_in(3);
  a.force = a.commit && r.one_in(8);
  a.mark = a.mark_mask = r.below(3);
  a.label[r.below(16)] = static_cast<uint8_t>(r.engine());
  memset(a.label_mask, static_cast<int>(r.below(2)) * 0xff, 16);
  a.nat.type = static_cast<NatSpec::Type>(r.below(4));
  if (!r.one_in(4)) a.nat.min_addr[0] = a.nat.max_addr[0] = 10;
  a.nat.max_addr[3] = static_cast<uint8_t>(r.below(3));
  if (r.one_in(2)) a.nat.min_port = static_cast<uint16_t>(1 + r.below(9));
  a.nat.max_port = static_cast<uint16_t>(a.nat.min_port + r.below(3));
  a.nat.flags = static_cast<uint8_t>(r.below(8));
  a.nat.ipv6 = r.one_in(4);
  return a;
}

}  // namespace

TEST("conntrack: after any traffic the table, the lists and the connections agree, and a flush frees them all") {
  for (uint32_t seed = 1; seed <= 4; seed++) {
    Random r(seed);
    Lab lab({.max_connections = seed == 4 ? 120u : 1'000'000u});
    for (int i = 0; i < 20000; i++) {
      const std::string state = lab.run(random_frame(r), random_action(r));
      // A packet is exactly one of: new, established, related, invalid.
      const int kinds = (state.find("+new") != std::string::npos) + (state.find("+est") != std::string::npos) +
                        (state.find("+rel") != std::string::npos) + (state.find("+inv") != std::string::npos);
      CHECK_EQ(kinds, 1);
      if (r.one_in(50)) lab.now += r.below(20000) * (kSecond / 1000);
      if (r.one_in(30)) lab.ct.expire(lab.now, r.below(40));
      if (r.one_in(4000)) lab.ct.flush({.zone = static_cast<uint16_t>(r.below(3)), .orig = {}, .reply = {}});
      if (r.one_in(500)) CHECK(lab.ct.consistent());
    }
    CHECK(lab.ct.size() > 10);
    CHECK(lab.ct.size() <= lab.ct.max_connections());
    CHECK(lab.ct.consistent());
    const auto stats = lab.ct.stats();
    CHECK(stats.committed > 500 && stats.expired > 100 && stats.invalid > 100);
    CHECK_EQ(stats.full > 0, seed == 4);
    lab.ct.flush({});
    CHECK_EQ(lab.ct.size(), 0u);
    CHECK_EQ(lab.ct.bytes(), 0u);
  }
}

TEST("conntrack: no bytes, however wrong, make it read beyond the frame") {
  Random r(99);
  Lab lab;
  for (int i = 0; i < 30000; i++) {
    Bytes frame = random_frame(r);
    const auto size = static_cast<uint32_t>(frame.size());
    for (uint32_t n = r.below(4); n; n--) frame[12 + r.below(size - 12)] = static_cast<uint8_t>(r.engine());
    if (r.one_in(3)) frame.resize(r.below(size + 1));
    Owned o(frame);
    o.packet.csum_valid = r.one_in(2);  // else almost everything would end at the checksum
    lab.ct.process(o.packet, random_action(r), lab.now);
    CHECK(o.packet.key.ct_state.get() & kCtTrk);
  }
  CHECK(lab.ct.consistent());
}

TEST("conntrack: the table finds every connection while it grows and shrinks") {
  Random r(7);
  Lab lab;
  for (int i = 0; i < 60000; i++) {
    const auto port = static_cast<uint16_t>(r.below(60000));
    lab.run(udp({kA.ip, port}, kB, 0), commit_in(1));
    if (i % 20000 == 19999) {
      CHECK(lab.ct.consistent());
      lab.now += 61 * kSecond;
      lab.ct.expire(lab.now, 10000);  // some of them
      CHECK(lab.ct.consistent());
    }
  }
  lab.now += 61 * kSecond;
  lab.ct.expire(lab.now, 1'000'000);
  CHECK_EQ(lab.ct.size(), 0u);
  CHECK(lab.ct.consistent());
}
