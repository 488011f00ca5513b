// The connection cache against the long way: two pipelines, one with paths and one without, get the same packets, the
// same changes of flows, connections and marks, and must send the same frames and end with the same books. A packet
// that was treated by a path that no longer holds would show here.
#include <algorithm>

#include "check.h"
#include "checksum.h"
#include "conntrack_support.h"
#include "core_support.h"
#include "pipeline.h"
#include "ports/memory.h"

namespace pw {
namespace {

constexpr uint64_t kSecondNs = 1'000'000'000;
constexpr uint16_t kZone = 5, kOtherZone = 6;
constexpr const char* kTranslated = "203.0.113.77";
#define FIELD_AT(name) static_cast<uint16_t>(offsetof(FlowKey, name))

struct Frame {
  Bytes bytes;
  InjectedOffload offload;
};

// A switch with ports 1, 2 and 3.
struct Side {
  Pipeline pipeline;
  explicit Side(uint32_t max_paths) : pipeline({.max_paths = max_paths}) {
    for (const uint32_t no : {1u, 2u, 3u}) {
      auto port = std::make_unique<MemoryPort>(MemorySpec{.no = no, .name = "p", .mtu = 1500, .wire = false});
      pipeline.ports.add(std::move(port), "memory", "p");
    }
  }
  MemoryPort& port(uint32_t no) { return static_cast<MemoryPort&>(*pipeline.ports.find(no)->port); }

  void burst(uint32_t from, const std::vector<Frame>& frames, uint64_t now) {
    for (const Frame& f : frames) CHECK(port(from).inject(f.bytes.data(), static_cast<uint32_t>(f.bytes.size()), f.offload));
    PortEntry* entry = pipeline.ports.find(from);
    for (int n; (n = entry->port->rx(entry->received, kBurst)) > 0;) {
      entry->has_received = true;
      pipeline.receive(entry->received, n, now);
      pipeline.end_burst();
    }
    // Nobody translates here: what missed is dropped.
    while (const UpcallSlot* slot = pipeline.slots.next_published()) {
      pipeline.answer(slot->number, Actions().drop(static_cast<uint32_t>(Drop::flow)).list(), now);
    }
    pipeline.end_burst();
  }
  // Frames sent, by port. Not in order: packets that take more passes come later, with paths or without.
  std::vector<std::vector<Bytes>> sent() {
    std::vector<std::vector<Bytes>> all;
    for (const uint32_t no : {1u, 2u, 3u}) {
      all.push_back(port(no).collect());
      std::sort(all.back().begin(), all.back().end());
    }
    return all;
  }
  std::vector<std::string> connections(uint64_t now) {
    std::vector<std::string> lines;
    pipeline.conntrack->dump({}, {.more = true, .stats = true}, now, [&](const std::string& line) {
      lines.push_back(line.substr(0, line.find(",id=")) + line.substr(std::min(line.size(), line.find(",zone="))));
    });
    std::sort(lines.begin(), lines.end());
    return lines;
  }
  std::vector<std::array<uint64_t, 5>> flows() {
    std::vector<std::array<uint64_t, 5>> list;
    pipeline.cache.for_each([&](const Megaflow& f) { list.push_back({f.id, f.packets, f.bytes, f.used_ns, f.tcp_flags}); });
    std::sort(list.begin(), list.end());
    return list;
  }
};

void print_bytes(const char* side, size_t port, const Bytes& frame) {
  printf("    only %s paths, at port %zu:", side, port);
  for (size_t i = 0; i < std::min<size_t>(frame.size(), 60); i++) printf(" %02x", frame[i]);
  printf("\n");
}

// A conversation as its two ends see it; how it is translated on the way is the switch's business.
struct Talk {
  End a, b;
  bool is_tcp;
  int step = 0;
  uint32_t seq[2];
};

class World {
 public:
  explicit World(uint64_t seed) : random_{seed * 0x9e3779b97f4a7c15ull + 1} {
    for (int i = 0; i < 14; i++) {
      // Port pairs are nobody else's, so that a translation never has to choose one.
      const auto port = static_cast<uint16_t>(1000 + i);
      talks_.push_back({{"192.0.2.1", port}, {i % 3 ? "198.51.100.2" : "203.0.113.9", static_cast<uint16_t>(2000 + i)},
                        i % 3 != 2, 0, {random32(), random32()}});
    }
    for (uint32_t i = 0; i < 30; i++) put_some(i % 3);
  }

  bool run(int rounds) {
    for (int i = 0; i < rounds; i++) {
      round();
      if (!same(i)) return false;
    }
    return true;
  }
  uint64_t followed() const { return with_.pipeline.counters.followed; }
  uint64_t received() const { return with_.pipeline.counters.received; }

 private:
  uint32_t below(uint32_t n) { return random_.below(n); }
  uint32_t random32() { return static_cast<uint32_t>(random_.next() >> 32); }
  template <typename F>
  void both(F&& f) {
    f(with_);
    f(without_);
  }

  void round() {
    now_ += below(3) * kSecondNs / 4;
    switch (below(24)) {
      case 0: put_some(below(3)); break;
      case 1: {
        const uint64_t id = 1 + below(3 * 16);
        both([&](Side& s) { s.pipeline.cache.remove(id); });
        break;
      }
      case 2: {
        const uint16_t zone = below(2) ? kZone : kOtherZone;
        CtFilter filter;
        filter.zone = zone;
        both([&](Side& s) { s.pipeline.conntrack->flush(filter); });
        break;
      }
      case 3: now_ += below(40) * kSecondNs; break;
      case 4: both([&](Side& s) { s.pipeline.conntrack->expire(now_, 1000); }); break;
      case 5: both([&](Side& s) { s.pipeline.cache.maintain(); }); break;
      case 6:
        if (below(8) == 0) both([&](Side& s) { s.pipeline.cache.flush(); });
        break;
      default: break;
    }
    for (int bursts = 0; bursts < 25; bursts++) {
      const uint32_t from = 1 + below(2);
      std::vector<Frame> frames;
      for (uint32_t n = 1 + below(20); n > 0; n--) frames.push_back(frame_from(from));
      both([&](Side& s) { s.burst(from, frames, now_); });
      if (below(4) == 0) now_ += below(1000);
    }
  }

  // ends[0] sits at port 1, ends[1] at port 2.
  Frame frame_from(uint32_t port) {
    Talk& t = talks_[below(static_cast<uint32_t>(talks_.size()))];
    const int me = port == 1 ? 0 : 1;
    End from = me == 0 ? t.a : t.b, to = me == 0 ? t.b : t.a;
    if (me == 1 && below(2)) from.ip = kTranslated;
    Frame f;
    if (t.is_tcp) {
      Tcp segment{.seq = t.seq[me], .ack = t.seq[1 - me]};
      if (t.step == 0 && me == 0) {
        segment.flags = kTcpSyn;
        segment.options = below(2) ? kScale7 : Bytes{};
        t.step = 1;
      } else if (t.step == 1 && me == 1) {
        segment.flags = kSynAck;
        segment.ack++;
        t.step = 2;
        t.seq[0]++;
      } else {
        segment.payload = below(3) ? below(200) : 0;
        switch (below(60)) {
          case 0: segment.flags = kFinAck; break;
          case 1:
            segment.flags = kRstAck;
            t.step = 0;
            break;
          case 2: segment.flags = kTcpSyn; break;
          case 3: segment.seq += 5'000'000; break;
          case 4: segment.ack -= 300'000; break;
          case 5: segment.flags = kTcpAck | kTcpPsh; break;
          case 6: segment.window = static_cast<uint16_t>(below(65536)); break;
          default: break;
        }
        if (below(10)) t.seq[me] += segment.payload;
      }
      f.bytes = tcp(from, to, segment);
    } else {
      f.bytes = udp(from, to, below(64));
    }
    spoil(f, t.is_tcp);
    return f;
  }

  void spoil(Frame& f, bool is_tcp) {
    Bytes& b = f.bytes;
    const auto ip_changed = [&] {
      b[24] = b[25] = 0;
      const uint16_t csum = csum_finish(csum_add(0, b.data() + kL3, 20));
      memcpy(b.data() + 24, &csum, 2);
    };
    const size_t csum_at = kL4 + (is_tcp ? kTcpCsum : kUdpCsum);
    switch (below(40)) {
      case 0: b[csum_at] ^= 1; break;
      case 1: b[24] ^= 0x80; break;
      case 2:
        b[22] = static_cast<uint8_t>(1 + below(3));  // TTL
        ip_changed();
        break;
      case 3:
        b[15] = static_cast<uint8_t>(below(4));  // ECN
        ip_changed();
        break;
      case 4: b.resize(b.size() + below(20)); break;  // padding
      case 5: b.resize(b.size() - below(20)); break;  // cut short
      case 6:
        if (!is_tcp) b[csum_at] = b[csum_at + 1] = 0;
        break;
      case 7: b[20] = 0x40; ip_changed(); break;  // don't fragment
      case 8: b[18] = static_cast<uint8_t>(below(256)); ip_changed(); break;
      default:
        if (below(6) != 0) break;
        // An unfinished checksum: the field holds the sum of the pseudo-header.
        uint64_t sum = csum_add(to_be16(b[23]).raw, b.data() + 26, 8);
        sum += to_be32(static_cast<uint32_t>(load16(&b[16]) - 20)).raw;
        const uint16_t partial = csum_fold(sum);
        memcpy(b.data() + csum_at, &partial, 2);
        f.offload = {.csum_partial = true, .csum_start = kL4, .csum_offset = static_cast<uint16_t>(csum_at - kL4)};
        if (is_tcp && below(2)) {
          f.offload.gso_type = GsoType::tcp4;
          f.offload.gso_size = 64;
        }
    }
  }

  // Sixteen megaflows for each recirculation: by input port, ct_state, and sometimes more.
  void put_some(uint32_t recirc) {
    for (uint32_t n = recirc == 0 ? 3 : 8; n > 0; n--) {
      FlowKey key, mask;
      memset(&key, 0, sizeof key);
      memset(&mask, 0, sizeof mask);
      key.recirc_id.set(recirc);
      mask.recirc_id.raw = 0xffffffff;
      key.in_port.set(1 + below(2));
      mask.in_port.raw = 0xffffffff;
      uint32_t which = 2 * recirc * 16 + key.in_port.get();
      if (recirc > 0) {
        static constexpr uint32_t kStates[] = {kCtTrk | kCtNew, kCtTrk | kCtEst, kCtTrk | kCtEst | kCtRpl, kCtTrk | kCtInv};
        const uint32_t state = below(4);
        key.ct_state.set(kStates[state]);
        mask.ct_state.set(kCtTrk | kCtNew | kCtEst | kCtRpl | kCtInv);
        which += 3 * state;
        // Never a second megaflow for the same packets: one in this zone looks at the protocol too.
        key.nw_proto = below(2) ? kIpTcp : kIpUdp;
        mask.nw_proto = 0xff;
        if (key.nw_proto == kIpUdp) which += 100;
        if (state == 1 && key.nw_proto == kIpTcp && key.in_port.get() == 1) {
          const bool is_push = below(2);
          key.tcp_flags.set(is_push ? kTcpPsh : 0);
          mask.tcp_flags.set(kTcpPsh);
          which += is_push ? 200 : 300;
        }
      }
      const Actions actions = some_actions(recirc, key);
      both([&](Side& s) { s.pipeline.cache.put(which, key, mask, actions.bytes); });
    }
  }

  Actions some_actions(uint32_t recirc, const FlowKey& key) {
    Actions a;
    const uint32_t out = 4 - 2 * 1 - key.in_port.get() + 1;  // 1 <-> 2
    if (below(4) == 0) a.set(FIELD_AT(nw_ttl), {static_cast<uint8_t>(below(3) + 60)});
    if (below(6) == 0) a.set(FIELD_AT(dl_dst), {2, 0, 0, 0, 0, static_cast<uint8_t>(below(9))});
    if (below(9) == 0) a.set(FIELD_AT(nw_tos), {0x20}, {0xfc});
    if (below(12) == 0) a.set(FIELD_AT(tp_dst), {7, 7});
    if (recirc == 0) {
      if (below(8) == 0) return below(2) ? a.output(out) : Actions();
      const bool translates = below(2);
      return a.ct(kZone, 0, translates ? NatSpec::restore : NatSpec::none).recirc(1);
    }
    const uint32_t state = key.ct_state.get();
    const uint16_t zone = recirc == 1 ? kZone : kOtherZone;
    if (state & kCtInv) return a.drop(static_cast<uint32_t>(Drop::flow));
    if (state & kCtNew) {
      // Only those from port 1 are remembered, and translated in one zone only: else two connections could go by one
      // tuple, and which one answers is a matter of luck.
      if (key.in_port.get() == 2) return a.output(out);
      const uint16_t flags = static_cast<uint16_t>(kCtCommit | (below(2) ? kCtMark : 0));
      const bool translates = zone == kZone && below(2);
      a.ct(zone, flags, translates ? NatSpec::dst : NatSpec::none, translates ? address(kTranslated) : Bytes{});
    } else if (below(6) == 0) {
      // A mark for what is established: the paths of all its packets end.
      CtPayload p{};
      p.zone = zone;
      p.flags = kCtCommit | kCtMark;
      p.mark = below(3);
      p.mark_mask = 0xffffffff;
      a.raw(ActionType::ct, p);
    }
    if (recirc == 1 && below(3) == 0) return a.ct(kOtherZone, 0).recirc(2);
    switch (below(8)) {
      case 0: return a.drop(static_cast<uint32_t>(Drop::flow));
      case 1: return a.output(out).output(3);
      case 2: return a.push_vlan(0x8100, 7).output(out);
      case 3: return Actions(a).clone(Actions().output(3)).output(out);
      case 4: return a.ct_clear().output(out);
      default: return a.output(out);
    }
  }

  bool same(int round) {
    const auto a = with_.sent(), b = without_.sent();
    CHECK(a == b);
    Counters& x = with_.pipeline.counters;
    Counters& y = without_.pipeline.counters;
    CHECK(x.drops == y.drops);
    CHECK(x.copy_drops == y.copy_drops);
    CHECK_EQ(x.sent, y.sent);
    CHECK_EQ(x.delivered, y.delivered);
    CHECK_EQ(x.upcalls, y.upcalls);
    CHECK_EQ(x.recirculations, y.recirculations);
    CHECK(with_.flows() == without_.flows());
    const auto c = with_.connections(now_), d = without_.connections(now_);
    CHECK(c == d);
    if (check_failures() == 0) return true;
    printf("    in round %d\n", round);
    for (size_t i = 0; i < a.size(); i++) {
      for (const Bytes& frame : a[i]) if (!std::count(b[i].begin(), b[i].end(), frame)) print_bytes("with", i + 1, frame);
      for (const Bytes& frame : b[i]) if (!std::count(a[i].begin(), a[i].end(), frame)) print_bytes("without", i + 1, frame);
    }
    for (const std::string& line : c) if (!std::count(d.begin(), d.end(), line)) printf("    only with paths:    %s\n", line.c_str());
    for (const std::string& line : d) if (!std::count(c.begin(), c.end(), line)) printf("    only without paths: %s\n", line.c_str());
    return false;
  }

  Random random_;
  Side with_{1024}, without_{0};
  std::vector<Talk> talks_;
  uint64_t now_ = 1000 * kSecondNs;
};

TEST("fuzz: with paths and without, the same packets and changes end the same, 80 seeds") {
  uint64_t followed = 0, received = 0;
  for (uint64_t seed = 1; seed <= 80; seed++) {
    World world(seed);
    if (!world.run(40)) {
      printf("    seed %llu\n", static_cast<unsigned long long>(seed));
      break;
    }
    followed += world.followed();
    received += world.received();
  }
  printf("    %.0f %% of %.1f million packets followed a path\n", 100.0 * static_cast<double>(followed) / static_cast<double>(received),
         static_cast<double>(received) / 1e6);
  CHECK(followed > received / 8);  // else nothing was shown
}

// A connection from port 1 to port 2 through ct, established, and all that is +est goes out.
struct Established {
  Side side{1024};
  uint64_t now = 1000 * kSecondNs;

  Established() {
    for (const uint32_t in_port : {1u, 2u}) {
      put(0, in_port, 0, Actions().ct(kZone, 0).recirc(1));
      put(1, in_port, kCtEst, Actions().output(3 - in_port));
      put(1, in_port, kCtNew, Actions().ct(kZone, kCtCommit).output(3 - in_port));
    }
    send(1, tcp(kA, kB, {.seq = 100, .flags = kTcpSyn}));
    send(2, tcp(kB, kA, {.seq = 500, .ack = 101, .flags = kSynAck}));
    ack();
    ack();  // the first was not yet +est when it came to the second pass
  }
  void put(uint32_t recirc, uint32_t in_port, uint32_t state, const Actions& actions) {
    FlowKey key, mask;
    memset(&key, 0, sizeof key);
    memset(&mask, 0, sizeof mask);
    key.recirc_id.set(recirc);
    mask.recirc_id.set(0xffffffff);
    key.in_port.set(in_port);
    mask.in_port.set(0xffffffff);
    key.ct_state.set(state);
    mask.ct_state.set(state ? uint32_t{kCtEst | kCtNew} : 0);
    side.pipeline.cache.put(recirc * 100 + in_port * 10 + state, key, mask, actions.bytes);
  }
  void send(uint32_t from, const Bytes& frame) { side.burst(from, {{frame, {}}}, now); }
  Bytes data(uint32_t seq, uint8_t flags = kTcpAck) { return tcp(kA, kB, {.seq = seq, .ack = 501, .flags = flags, .payload = 1}); }
  void ack() { send(1, tcp(kA, kB, {.seq = 101, .ack = 501})); }
  uint64_t followed() { return side.pipeline.counters.followed; }
  // How many packets of ours take the path out of `n`.
  uint64_t follow(int n) {
    const uint64_t before = followed();
    for (int i = 0; i < n; i++) ack();
    return followed() - before;
  }
};

TEST("paths: a live connection's packets need no lookup, and are credited to both megaflows") {
  Established e;
  const uint64_t lookups = e.side.pipeline.cache.stats().lookups;
  const uint64_t credited = e.side.pipeline.cache.find(110 + kCtEst)->packets;
  CHECK_EQ(e.follow(5), 5u);
  CHECK_EQ(e.side.pipeline.cache.stats().lookups, lookups);
  CHECK_EQ(e.side.pipeline.cache.find(110 + kCtEst)->packets, credited + 5);
}

TEST("paths: packets of a connection stay in order when some of a burst go the long way") {
  Established e;
  e.side.port(2).collect();
  std::vector<Frame> burst;
  for (uint32_t i = 0; i < 40; i++) burst.push_back({e.data(101 + i, i % 7 == 3 ? kFinAck : kTcpAck), {}});
  e.side.burst(1, burst, e.now);
  const auto sent = e.side.port(2).collect();
  CHECK_EQ(sent.size(), 40u);
  for (size_t i = 0; i < sent.size(); i++) CHECK_EQ(load32(&sent[i][kL4 + 4]), 101 + i);
}

TEST("paths: a path ends with its megaflow, its connection, its mark, its output port") {
  Established e;
  CHECK_EQ(e.follow(2), 2u);
  e.put(1, 1, kCtEst, Actions().output(2));  // the same, but put anew
  CHECK_EQ(e.follow(2), 1u);
  e.side.pipeline.conntrack->flush({});
  CHECK_EQ(e.follow(1), 0u);
  Established marked;
  CtAction action = commit_in(kZone);
  action.mark = action.mark_mask = 7;
  Owned packet(marked.data(101));
  marked.side.pipeline.conntrack->process(packet.packet, action, marked.now);
  CHECK_EQ(marked.follow(2), 1u);
  marked.side.pipeline.ports.find(2)->state = PortState::gone;
  CHECK_EQ(marked.follow(2), 0u);
}

TEST("paths: datagrams that nobody has answered take one as +new, and the first answer ends it") {
  Established e;
  const auto followed = [&](int n) {
    const uint64_t before = e.followed();
    for (int i = 0; i < n; i++) e.send(1, udp(kA, kB));
    return e.followed() - before;
  };
  const uint32_t as_new = 110 + kCtNew, as_est = 110 + kCtEst;
  const auto credited = [&](uint32_t id) { return e.side.pipeline.cache.find(id)->packets; };
  CHECK_EQ(followed(2), 0u);  // opened, then seen to be more than one
  const uint64_t before_new = credited(as_new), before_est = credited(as_est);
  CHECK_EQ(followed(5), 5u);
  CHECK_EQ(credited(as_new), before_new + 5);
  e.send(2, udp(kB, kA));
  CHECK_EQ(followed(3), 2u);
  CHECK_EQ(credited(as_new), before_new + 5);
  CHECK_EQ(credited(as_est), before_est + 3);
}

TEST("paths: no watched packet takes one, and the others still do") {
  Established e;
  FlowKey key, mask;
  memset(&key, 0, sizeof key);
  memset(&mask, 0, sizeof mask);
  mask.tp_src.raw = 0xffff;
  key.tp_src.set(1);
  e.side.pipeline.watch(key, mask);
  CHECK_EQ(e.follow(3), 2u);
  key.tp_src.set(kA.port);
  e.side.pipeline.watch(key, mask);
  CHECK_EQ(e.follow(3), 0u);
  key.tcp_flags.set(kTcpFin);
  mask.tcp_flags.raw = 0xffff;
  e.side.pipeline.watch(key, mask);
  CHECK_EQ(e.follow(3), 0u);  // all go the long way, where flags are known
  e.side.pipeline.unwatch();
  CHECK_EQ(e.follow(3), 2u);
}

TEST("paths: with more connections than places the table grows, then keeps some") {
  PathCache cache(4096);
  uint32_t kept = 0;
  const auto live = [](const Path&) { return false; };
  for (uint64_t i = 0; i < 20000; i++) {
    const PathKey key{{i, 0, 0, 0}};
    if (Path* path = cache.place(key, cache.hash(key), live)) {
      path->key = key;
      path->flow_count = 1;
      CHECK(cache.find(key, cache.hash(key)) == path);
    }
  }
  for (uint64_t i = 0; i < 20000; i++) {
    const PathKey key{{i, 0, 0, 0}};
    const uint32_t hash = cache.hash(key);
    const Path* path = cache.find(key, hash);
    CHECK(path == nullptr || path->key == key);
    CHECK(cache.find(key, hash, cache.candidate(hash)) == path);
    kept += path != nullptr;
  }
  CHECK(kept > 3000);
  CHECK(kept < 4200);
  CHECK(cache.bytes() < 4700 * sizeof(Path));  // with the index; none of them has more to say
}

}  // namespace
}  // namespace pw

TEST_MAIN()
