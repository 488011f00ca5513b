// Fragments through ct: who waits, who leaves with what, in which order, and what never leaks. On the pipeline with
// memory ports, as real frames come and go; the frames are built in conntrack_support.h and cut here.
#include <algorithm>
#include <set>

#include "conntrack_support.h"
#include "core_support.h"
#include "offload.h"
#include "pipeline.h"
#include "ports/memory.h"

namespace pw {
namespace {

constexpr size_t kFragmentHeader6 = 8;

// The checksum of an IPv4 header without options, made anew.
void sum_header(Bytes& f, size_t link = kL3) {
  put16(f, link + 10, 0);
  const uint16_t csum = csum_finish(csum_add(0, f.data() + link, 20));
  memcpy(f.data() + link + 10, &csum, 2);
}

// Cuts an IP frame into fragments of `size` bytes of payload (a multiple of 8). IPv6 gets fragment headers; `link` is
// where the IP header begins, `header` its size with extensions.
std::vector<Bytes> cut(const Bytes& frame, size_t size, uint32_t id = 1, size_t link = kL3, size_t header = 0) {
  const bool v6 = frame[link] >> 4 == 6;
  if (header == 0) header = v6 ? 40 : (frame[link] & 15) * 4u;
  const Bytes payload(frame.begin() + static_cast<long>(link + header), frame.end());
  std::vector<Bytes> out;
  for (size_t at = 0; at < payload.size(); at += size) {
    const size_t n = std::min(size, payload.size() - at);
    const bool more = at + n < payload.size();
    Bytes f(frame.begin(), frame.begin() + static_cast<long>(link + header));
    if (v6) {
      const size_t next = link + (header == 40 ? 6 : 40);  // of the last header before the payload
      append(f, {f[next], 0, 0, 0, 0, 0, 0, 0});
      put16(f, link + header + 2, static_cast<uint32_t>(at | more));
      put32(f, link + header + 4, id);
      f[next] = kIpFragment;
      put16(f, link + 4, static_cast<uint32_t>(header - 40 + kFragmentHeader6 + n));
    } else {
      put16(f, link + 2, static_cast<uint32_t>(header + n));
      put16(f, link + 4, id);
      put16(f, link + 6, static_cast<uint32_t>(at / 8 | (more ? 0x2000 : 0)));
    }
    f.insert(f.end(), payload.begin() + static_cast<long>(at), payload.begin() + static_cast<long>(at + n));
    if (!v6) sum_header(f, link);
    out.push_back(f);
  }
  return out;
}

// The datagram that fragments of cut() make, IPv6 without fragment headers.
Bytes glue(const std::vector<Bytes>& fragments, size_t link = kL3) {
  Bytes whole = fragments[0];
  const bool v6 = whole[link] >> 4 == 6;
  if (v6) {
    whole[link + 6] = whole[link + 40];
    whole.erase(whole.begin() + static_cast<long>(link + 40), whole.begin() + static_cast<long>(link + 48));
  }
  for (size_t i = 1; i < fragments.size(); i++)
    whole.insert(whole.end(), fragments[i].begin() + static_cast<long>(link + (v6 ? 48 : 20)), fragments[i].end());
  const size_t size = whole.size() - link;
  if (v6) {
    put16(whole, link + 4, static_cast<uint32_t>(size - 40));
  } else {
    put16(whole, link + 2, static_cast<uint32_t>(size));
    put16(whole, link + 6, 0);
    sum_header(whole, link);
  }
  return whole;
}

// Ports 1, 2 and 3. What comes in goes through ct, and what ct said is read where the packet misses in recirc_id 1.
struct Bench {
  Pipeline pipeline;
  uint64_t now = 1000 * kSecond;
  struct Seen {
    FlowKey key;
    Bytes frame;
    uint32_t slot;
  };

  explicit Bench(const FragmentConfig& config = {}, const Actions& actions = Actions().ct(5, kCtCommit).recirc(1))
      : pipeline({.fragments = config}) {
    for (const uint32_t no : {1u, 2u, 3u}) {
      pipeline.ports.add(
          std::make_unique<MemoryPort>(MemorySpec{.no = no, .name = "p", .mtu = 9000, .wire = false}), "memory", "p");
    }
    flow(0, actions);
  }

  void flow(uint32_t recirc_id, const Actions& actions) {
    FlowKey key, mask;
    memset(&key, 0, sizeof key);
    memset(&mask, 0, sizeof mask);
    key.recirc_id.set(recirc_id);
    mask.recirc_id.raw = 0xffffffff;
    CHECK(actions_valid(actions.bytes.data(), actions.bytes.size()));
    pipeline.cache.put(100 + recirc_id, key, mask, actions.bytes);
  }
  MemoryPort& port(uint32_t no) { return static_cast<MemoryPort&>(*pipeline.ports.find(no)->port); }

  // The frames, one burst for each; what left ct.
  std::vector<Seen> send(const std::vector<Bytes>& frames, uint32_t from = 1) {
    std::vector<Seen> all;
    for (const Bytes& frame : frames)
      for (Seen& s : send(frame, from)) all.push_back(std::move(s));
    return all;
  }
  std::vector<Seen> send(const Bytes& frame, uint32_t from = 1) {
    inject(frame, from);
    rx(from);
    return seen();
  }
  void inject(const Bytes& frame, uint32_t from) {
    CHECK(port(from).inject(frame.data(), static_cast<uint32_t>(frame.size())));
  }
  void rx(uint32_t from) {
    PortEntry* entry = pipeline.ports.find(from);
    const int n = entry->port->rx(entry->received, kBurst);
    entry->has_received = true;
    pipeline.receive(entry->received, n, now);
    pipeline.end_burst();
    CHECK(pipeline.fragments().consistent());
    CHECK(books_balance());
  }
  // Packets in slots: read, and ended.
  std::vector<Seen> seen() {
    std::vector<Seen> list;
    while (const UpcallSlot* slot = pipeline.slots.next_published()) {
      const Packet& p = slot->packet;
      list.push_back({p.key, {p.data, p.data + p.size}, slot->number});
      pipeline.answer(slot->number, Actions().drop(0).list(), now);
      pipeline.end_burst();
    }
    return list;
  }
  void wait(uint64_t ns) {
    now += ns;
    pipeline.expire_fragments(now);
  }
  bool books_balance() const {
    const Counters& c = pipeline.counters;
    uint64_t dropped = 0;
    for (const uint64_t n : c.drops) dropped += n;
    return c.received + c.executed + c.copied ==
           c.delivered + dropped + pipeline.slots.in_use() + pipeline.fragments().held();
  }
  uint64_t drops(Drop reason) const { return pipeline.counters.drops[static_cast<size_t>(reason)]; }
  uint32_t held() const { return pipeline.fragments().held(); }
  const Fragments::Stats& stats(FragmentFamily family = kFragmentsV4) const {
    return pipeline.fragments().stats(family);
  }
  std::vector<std::string> dump() const {
    std::vector<std::string> lines;
    pipeline.conntrack->dump({}, {}, now, [&](const std::string& line) { lines.push_back(line); });
    return lines;
  }
};

std::string states(const std::vector<Bench::Seen>& list) {
  std::string text;
  for (const auto& s : list) text += (text.empty() ? "" : " ") + state_text(s.key);
  return text;
}
std::vector<Bytes> frames_of(const std::vector<Bench::Seen>& list) {
  std::vector<Bytes> frames;
  for (const auto& s : list) frames.push_back(s.frame);
  return frames;
}
bool checksum_right(const Bytes& frame) { return checksums_valid(Owned(frame).packet); }

TEST("fragments: all wait for the last, then leave in order, as they came and with one state") {
  for (const bool v6 : {false, true}) {
    const Bytes whole = v6 ? udp(kA6, kB6, 6000) : udp(kA, kB, 6000);
    const auto fragments = cut(whole, 1400);
    CHECK_EQ(fragments.size(), 5u);
    CHECK(glue(fragments) == whole);
    std::vector<size_t> order = {0, 1, 2, 3, 4};
    Bench b;
    b.send(udp(v6 ? kA6 : kA, v6 ? kB6 : kB));  // so that the state is the same for all orders
    do {
      for (size_t i = 0; i < order.size(); i++) {
        const auto left = b.send(fragments[order[i]]);
        if (i + 1 < order.size()) {
          CHECK(left.empty());
          CHECK_EQ(b.held(), i + 1);
        } else {
          CHECK_STR(states(left), "+new +new +new +new +new");
          CHECK(frames_of(left) == fragments);
        }
      }
      CHECK_EQ(b.held(), 0u);
    } while (std::next_permutation(order.begin(), order.end()));
    CHECK_EQ(b.stats(v6 ? kFragmentsV6 : kFragmentsV4).completed, 600u);
    CHECK_EQ(b.dump().size(), 1u);
  }
}

TEST("fragments: only the first has ports for the tables, all have the connection's tuple") {
  Bench b;
  for (const auto& [whole, proto] : {std::pair{udp(kA, kB, 3000), kIpUdp}, {udp(kA6, kB6, 3000), kIpFragment}}) {
    const auto left = b.send(cut(whole, 1400));
    CHECK_EQ(left.size(), 3u);
    for (size_t i = 0; i < left.size(); i++) {
      const FlowKey& key = left[i].key;
      CHECK_EQ(key.nw_frag, i == 0 ? kFragAny : kFragAny | kFragLater);
      CHECK_EQ(key.tp_dst.get(), i == 0 ? 80 : 0);
      CHECK_EQ(key.nw_proto, i == 0 ? kIpUdp : proto);
      CHECK_EQ(key.ct_tp_dst.get(), 80);
      CHECK_EQ(key.ct_nw_proto, kIpUdp);
      CHECK_EQ(key.ct_zone.get(), 5);
      CHECK_EQ(key.in_port.get(), 1u);
    }
  }
}

TEST("fragments: a connection is one for datagrams that are cut and those that are not, and answers are +est+rpl") {
  Bench b;
  CHECK_STR(states(b.send(cut(udp(kA, kB, 3000), 1400))), "+new +new +new");
  CHECK_STR(states(b.send(udp(kA, kB))), "+new");
  CHECK_STR(states(b.send(cut(udp(kB, kA, 3000), 1400))), "+est+rpl +est+rpl +est+rpl");
  CHECK_STR(states(b.send(udp(kA, kB))), "+est");
  CHECK_EQ(b.dump().size(), 1u);
}

TEST("fragments: a wrong checksum of the whole makes all +inv, none leaves a connection") {
  Bench b;
  for (Bytes whole : {udp(kA, kB, 3000), udp(kA6, kB6, 3000), icmp(kA, kB, 8, 0, Bytes(3000, 'e'))}) {
    whole.back() ^= 1;
    CHECK_STR(states(b.send(cut(whole, 1400))), "+inv +inv +inv");
  }
  CHECK_EQ(b.dump().size(), 0u);
}

TEST("fragments: an echo of 8,000 bytes and its answer") {
  Bench b;
  for (const auto& [from, to, request, reply] : {std::tuple{kA, kB, 8, 0}, {kA6, kB6, 128, 129}}) {
    Bytes rest = {0, 9, 0, 1};
    append(rest, Bytes(8000, 'e'));
    const auto asked = cut(icmp(from, to, static_cast<uint8_t>(request), 0, rest), 1448);
    CHECK_EQ(asked.size(), 6u);
    CHECK_STR(states(b.send(asked)), "+new +new +new +new +new +new");
    const auto answered = b.send(cut(icmp(to, from, static_cast<uint8_t>(reply), 0, rest), 1448));
    CHECK_STR(states(answered), "+est+rpl +est+rpl +est+rpl +est+rpl +est+rpl +est+rpl");
  }
}

TEST("fragments: those that are too small, but for the last, are +inv at once") {
  Bench b;
  const auto at = [&](bool v6, size_t payload) {
    const Bytes whole = v6 ? udp(kA6, kB6, 3000) : udp(kA, kB, 3000);
    return states(b.send(cut(whole, payload, static_cast<uint32_t>(payload))[0]));
  };
  CHECK_STR(at(false, 1176), "+inv");  // 1196 bytes of IP
  CHECK_STR(at(false, 1184), "");
  CHECK_STR(at(true, 1224), "+inv");   // 1272
  CHECK_STR(at(true, 1232), "");
  CHECK_EQ(b.stats().too_small, 1u);
  CHECK_EQ(b.stats(kFragmentsV6).too_small, 1u);
  Bytes padded = cut(udp(kA, kB, 3000), 1176)[0];
  append(padded, Bytes(100));  // the frame's size does not count
  CHECK_STR(states(b.send(padded)), "+inv");
}

TEST("fragments: another one for the same bytes is +inv, those that were here first stay") {
  Bench b;
  const auto good = cut(udp(kA, kB, 6000), 1400);
  auto bad = cut(udp({kA.ip, 666}, kB, 6000), 1600);
  b.send(good[0]);
  b.send(good[2]);
  CHECK_STR(states(b.send(good[0])), "+inv");
  CHECK_STR(states(b.send(bad[0])), "+inv");   // more than the first
  CHECK_STR(states(b.send(bad[1])), "+inv");   // the end of where the second belongs, and of the third
  CHECK_STR(states(b.send(cut(udp({kA.ip, 666}, kB, 6000), 4400)[0])), "+inv");  // round both
  CHECK_EQ(b.stats().overlapped, 4u);
  const auto left = b.send({good[1], good[3], good[4]});
  CHECK_STR(states(left), "+new +new +new +new +new");
  CHECK(frames_of(left) == good);
}

TEST("fragments: nothing may lie behind the end, and there is one end") {
  Bench b;
  const auto fragments = cut(udp(kA, kB, 6000), 1400);
  const auto shorter = cut(udp(kA, kB, 4000), 1400);
  const auto longer = cut(udp(kA, kB, 8000), 1400);
  CHECK_STR(states(b.send(shorter[2])), "");
  CHECK_STR(states(b.send(fragments[3])), "+inv");
  CHECK_STR(states(b.send(fragments[4])), "+inv");
  CHECK_STR(states(b.send(longer[5])), "+inv");
  CHECK_STR(states(b.send({shorter[0], shorter[1]})), "+new +new +new");
  b.send(fragments[3]);
  CHECK_STR(states(b.send(shorter[2])), "+inv");  // an end in front of what is here
  CHECK_EQ(b.held(), 1u);
}

TEST("fragments: what is no fragment worth holding is +inv: broken headers, no bytes, too many bytes") {
  Bench b;
  const auto fragments = cut(udp(kA, kB, 3000), 1400);
  Bytes f = fragments[1];
  f[24] ^= 1;
  CHECK_STR(states(b.send(f)), "+inv");
  const auto empty = [](bool more, uint32_t offset) {
    Bytes e = ip_frame(kA.ip, kB.ip, kIpUdp, {});
    put16(e, 20, offset / 8 | (more ? 0x2000 : 0));
    sum_header(e);
    return e;
  };
  CHECK_STR(states(b.send(empty(false, 1400))), "+inv");
  CHECK_STR(states(b.send(empty(true, 0))), "+inv");
  f = fragments[2];
  put16(f, 20, 0x1fff);  // 65,528 and on
  sum_header(f);
  CHECK_STR(states(b.send(f)), "+inv");
  CHECK_EQ(b.held(), 0u);
  CHECK_EQ(b.stats().accepted, 0u);
}

TEST("fragments: one with an unfinished checksum or to be cut further is +inv") {
  Bench b;
  const Bytes f = cut(udp(kA, kB, 3000), 1400)[0];
  const auto size = static_cast<uint32_t>(f.size());
  b.port(1).inject(f.data(), size, {.csum_partial = true, .csum_start = 34, .csum_offset = 6});
  b.port(1).inject(f.data(), size, {.gso_type = GsoType::udp4, .gso_size = 500});
  b.rx(1);
  CHECK_STR(states(b.seen()), "+inv +inv");
}

TEST("fragments: after 15 s the rest is no longer waited for, and each that waited is counted") {
  Bench b;
  const auto fragments = cut(udp(kA, kB, 6000), 1400);
  b.send({fragments[0], fragments[1]});
  b.wait(14 * kSecond);
  b.send(fragments[3]);
  CHECK_EQ(b.held(), 3u);
  b.wait(kSecond - 1);
  CHECK_EQ(b.held(), 3u);
  b.wait(1);
  CHECK_EQ(b.held(), 0u);
  CHECK_EQ(b.drops(Drop::frag_incomplete), 3u);
  CHECK_EQ(b.stats().expired, 3u);
  CHECK(b.send({fragments[2], fragments[4]}).empty());
  b.now += 15 * kSecond;  // nobody came to look
  CHECK(b.send({fragments[0], fragments[1], fragments[3]}).empty());
  CHECK_EQ(b.drops(Drop::frag_incomplete), 5u);
  CHECK_STR(states(b.send({fragments[4], fragments[2]})), "+new +new +new +new +new");
}

TEST("fragments: a datagram that would be longer than IP allows is dropped, the longest is not") {
  Bench b;
  // In IPv4 the header counts, in IPv6 only what lies between the headers.
  const auto too_long = cut(udp(kA, kB, 65507 + 8), 8192);
  CHECK(b.send(too_long).empty());
  CHECK_EQ(b.drops(Drop::frag_overlong), too_long.size());
  CHECK_EQ(b.held(), 0u);
  CHECK_STR(states(b.send(cut(udp(kA, kB, 65507), 8192))), "+new +new +new +new +new +new +new +new");

  const auto with_options = [](uint32_t payload) {
    Bytes whole = udp(kA6, kB6, payload);
    whole[20] = kIpHopopts;
    whole.insert(whole.begin() + 54, {kIpUdp, 0, 1, 4, 0, 0, 0, 0});
    return cut(whole, 8192, 1, kL3, 48);
  };
  CHECK(b.send(with_options(65535 - 8 - 8 - 8 + 1)).empty());
  CHECK_EQ(b.drops(Drop::frag_overlong), 16u);
  CHECK_EQ(b.held(), 0u);
  CHECK_EQ(b.send(with_options(65535 - 8 - 8 - 8)).size(), 8u);
}

TEST("fragments: ports, zones, numbers and protocols do not mix") {
  Bench b;
  b.flow(0, Actions().ct(5, 0).recirc(1));
  const auto fragments = cut(udp(kA, kB, 3000), 1400);
  const auto other_id = cut(udp(kA, kB, 3000), 1400, 8);
  b.send(fragments[0]);
  CHECK(b.send(fragments[1], 2).empty());
  CHECK(b.send(other_id[1]).empty());
  Bytes other_proto = fragments[1];
  other_proto[23] = kIpTcp;
  sum_header(other_proto);
  CHECK(b.send(other_proto).empty());
  b.flow(0, Actions().ct(6, 0).recirc(1));
  CHECK(b.send(fragments[1]).empty());
  CHECK(b.send(fragments[2]).empty());
  CHECK_EQ(b.held(), 6u);
  b.flow(0, Actions().ct(5, 0).recirc(1));
  CHECK_STR(states(b.send({fragments[1], fragments[2]})), "+new +new +new");
}

TEST("fragments: the actions of the one that came last are everyone's") {
  Bench b;
  const auto fragments = cut(udp(kA, kB, 3000), 1400);
  b.send({fragments[0], fragments[2]});
  b.flow(0, Actions().ct(5, 0).output(2));
  CHECK(b.send(fragments[1]).empty());
  CHECK(b.port(2).collect() == fragments);
  CHECK_EQ(b.pipeline.counters.delivered, 3u);
}

TEST("fragments: two zones in one list, in two passes, and in a clone, each wait and go on") {
  const auto fragments = cut(udp(kA, kB, 3000), 1400);
  Bench list({}, Actions().ct(5, kCtCommit).ct(6, kCtCommit).recirc(1));
  CHECK_STR(states(list.send(fragments)), "+new +new +new");
  CHECK_EQ(list.dump().size(), 2u);
  CHECK_EQ(list.stats().completed, 6u);

  Bench passes({}, Actions().ct(5, 0).recirc(2));
  passes.flow(2, Actions().ct(5, kCtCommit).recirc(3));
  passes.flow(3, Actions().ct(6, kCtCommit).recirc(1));
  const auto left = passes.send(fragments);
  CHECK_STR(states(left), "+new +new +new");
  CHECK(frames_of(left) == fragments);
  CHECK_EQ(passes.dump().size(), 2u);
  CHECK_STR(states(passes.send(cut(udp(kB, kA, 3000), 1400))), "+est+rpl +est+rpl +est+rpl");

  Bench clone({}, Actions().clone(Actions().ct(5, kCtCommit).output(2)).output(3));
  CHECK(clone.send(fragments).empty());
  CHECK(clone.port(2).collect() == fragments);
  CHECK(clone.port(3).collect() == fragments);
  CHECK_EQ(clone.pipeline.counters.delivered, 6u);
}

TEST("fragments: an output before ct sends each as it comes") {
  Bench b({}, Actions().output(3).ct(5, 0).output(2));
  const auto fragments = cut(udp(kA, kB, 3000), 1400);
  b.send({fragments[2], fragments[0]});
  CHECK_EQ(b.port(3).collect().size(), 2u);
  CHECK_EQ(b.port(2).collect().size(), 0u);
  b.send(fragments[1]);
  CHECK(b.port(2).collect() == fragments);
}

TEST("fragments: tags stay, and what pads a frame is no part of the datagram") {
  Bench b({}, Actions().ct(5, 0).output(2));
  Bytes whole = udp(kA, kB, 2900);
  whole.insert(whole.begin() + 12, {0x88, 0xa8, 0, 5, 0x81, 0, 0, 6});
  auto fragments = cut(whole, 1448, 1, kL3 + 8);
  CHECK_EQ(fragments.size(), 3u);
  append(fragments[2], Bytes(40, 'p'));
  b.send({fragments[2], fragments[1], fragments[0]});
  CHECK(b.port(2).collect() == fragments);
  Bench state;
  CHECK_STR(states(state.send(fragments)), "+new +new +new");
}

TEST("fragments: IPv6 options in front of the fragment header stay in front of each") {
  Bytes whole = udp(kA6, kB6, 3000);
  whole[20] = kIpHopopts;
  whole.insert(whole.begin() + 54, {kIpUdp, 0, 1, 4, 0, 0, 0, 0});
  const auto fragments = cut(whole, 1400, 1, kL3, 48);
  Bench b;
  const auto left = b.send({fragments[1], fragments[2], fragments[0]});
  CHECK_STR(states(left), "+new +new +new");
  CHECK(frames_of(left) == fragments);
  CHECK_EQ(left[0].key.ct_tp_dst.get(), 80);
}

TEST("fragments: NAT translates the addresses of all and the ports of the first, the checksum of the whole is right") {
  for (const bool v6 : {false, true}) {
    const End client = v6 ? kA6 : kA, server = v6 ? kB6 : kB;
    const End mapped = v6 ? End{"2001:db8::5", 40000} : End{"203.0.113.5", 40000};
    Bench b({}, Actions().ct(5, kCtCommit, NatSpec::src, address(mapped.ip)).recirc(1));
    const auto left = b.send(cut(udp(client, server, 5000), 1400));
    CHECK_STR(states(left), "+new+snat +new+snat +new+snat +new+snat");
    const Bytes whole = glue(frames_of(left));
    CHECK(checksum_right(whole));
    CHECK(whole == udp(mapped, server, 5000));
    CHECK_EQ(left[0].key.tp_src.get(), 40000);
    for (const auto& s : left) {
      if (v6) CHECK(memcmp(s.key.ipv6_src, address(mapped.ip).data(), 16) == 0);
      else CHECK(memcmp(&s.key.nw_src, address(mapped.ip).data(), 4) == 0);
    }
    const auto back = b.send(cut(udp(server, mapped, 5000), 1400));
    CHECK_STR(states(back), "+est+rpl+dnat +est+rpl+dnat +est+rpl+dnat +est+rpl+dnat");
    CHECK(glue(frames_of(back)) == udp(server, client, 5000));
  }
}

TEST("fragments: NAT moves ports in the first, too") {
  Bench b({}, Actions().ct(5, kCtCommit, NatSpec::src, address("203.0.113.5")).recirc(1));
  b.send(udp({kA.ip, 4000}, kB));
  const auto left = b.send(cut(udp({"192.0.2.77", 4000}, kB, 5000), 1400));
  CHECK_EQ(left.size(), 4u);
  const uint16_t port = left[0].key.tp_src.get();
  CHECK(port != 4000);
  CHECK(glue(frames_of(left)) == udp({"203.0.113.5", port}, kB, 5000));
}

TEST("fragments: of each family, holding can be switched off; what waits then is dropped") {
  Bench b;
  const auto v4 = cut(udp(kA, kB, 3000), 1400), v6 = cut(udp(kA6, kB6, 3000), 1400);
  b.send({v4[0], v6[0]});
  FragmentConfig config;
  config.enabled[kFragmentsV4] = false;
  b.pipeline.configure_fragments(config);
  CHECK_EQ(b.held(), 1u);
  CHECK_EQ(b.stats().purged, 1u);
  CHECK_EQ(b.drops(Drop::frag_incomplete), 1u);
  CHECK_STR(states(b.send({v4[1], v4[2]})), "+inv +inv");
  CHECK_STR(states(b.send({v6[1], v6[2]})), "+new +new +new");
}

TEST("fragments: at the limit no more are held, and memory is bounded and given back") {
  FragmentConfig config;
  config.max_held = 500;
  Bench b(config);
  for (uint32_t id = 0; id < 2000; id++) {
    const auto fragments = cut(udp(kA, kB, 3000), 1400, id);
    const auto left = b.send(fragments[id % 3]);
    CHECK_STR(states(left), id < 500 ? "" : "+inv");
  }
  CHECK_EQ(b.held(), 500u);
  CHECK(b.pipeline.fragments().bytes() < 500 * 4096);
  b.wait(15 * kSecond);
  CHECK_EQ(b.held(), 0u);
  CHECK_EQ(b.drops(Drop::frag_incomplete), 500u);
  CHECK(b.pipeline.fragments().bytes() < 300 * 4096);
  CHECK_STR(states(b.send(cut(udp(kA, kB, 3000), 1400))), "+new +new +new");
}

TEST("fragments: a list that asks for ct very often ends, with what is too much +inv") {
  Actions actions;
  for (uint16_t zone = 1; zone <= 3000; zone++) actions.ct(zone, 0);
  Bench b({}, actions.recirc(1));
  const auto left = b.send(cut(udp(kA, kB, 6000), 1400));
  CHECK_EQ(left.size(), 5u);
  CHECK_EQ(b.held(), 0u);
  CHECK(b.pipeline.fragments().bytes() < 300 * 4096);
}

TEST("fragments: watched ones wait for TypeScript and for each other") {
  Bench b({}, Actions().output(3));
  FlowKey any;
  memset(&any, 0, sizeof any);
  b.pipeline.watch(any, any);
  const auto fragments = cut(udp(kA, kB, 3000), 1400);
  for (const Bytes& f : fragments) {
    b.inject(f, 1);
    b.rx(1);
    const UpcallSlot* slot = b.pipeline.slots.next_published();
    CHECK(slot && slot->reason == UpcallReason::trace && slot->packet.key.ct_state.raw == 0);
    b.pipeline.answer(slot->number, Actions().ct(5, kCtCommit).recirc(1).list(), b.now);
    b.pipeline.end_burst();
    CHECK(b.books_balance());
  }
  const auto left = b.seen();
  CHECK_STR(states(left), "+new +new +new");
  CHECK(frames_of(left) == fragments);
}

TEST("fragments: those that wait when the switch stops are counted") {
  Bench b;
  b.send(cut(udp(kA, kB, 3000), 1400)[0]);
  b.pipeline.stop();
  CHECK_EQ(b.drops(Drop::stopping), 1u);
  CHECK(b.books_balance());
}

TEST("fragments: the list of those that wait reads as Open vSwitch's") {
  Bench b;
  const auto line = [&] {
    std::vector<std::string> lines;
    b.pipeline.fragments().dump([&](const std::string& l) { lines.push_back(l); });
    return lines.empty() ? "" : lines.back();
  };
  const auto v4 = cut(udp(kA, kB, 6000), 1400, 3), v6 = cut(udp(kA6, kB6, 3000), 1400, 8);
  const std::string head = "(src=192.0.2.1,dst=198.51.100.2,recirc_id=0,ip_id=3,dl_type=0x800,zone=5,nw_proto=17,";
  b.send(v4[1]);
  CHECK_STR(line(), head + "num_fragments=1,state=other frag)");
  b.send(v4[4]);
  CHECK_STR(line(), head + "num_fragments=2,state=last frag)");
  b.send(v4[0]);
  CHECK_STR(line(), head + "num_fragments=3,state=first/last frag)");
  b.send(v6[0]);
  CHECK_STR(line(), "(src=2001:db8::1,dst=2001:db8::2,recirc_id=0,ip_id=8,dl_type=0x86dd,zone=5,nw_proto=0,"
                    "num_fragments=1,state=first frag)");
}

// Many datagrams at once, their fragments mixed, some lost, doubled or damaged.
void fuzz(uint64_t seed) {
  Random r{seed};
  FragmentConfig config;
  config.max_held = 60;
  config.min_size[kFragmentsV4] = config.min_size[kFragmentsV6] = 60;
  Bench b(config);
  std::set<Bytes> sent;
  uint32_t completed = 0;
  const auto read = [&] {
    for (const auto& s : b.seen()) {
      CHECK(sent.count(s.frame));  // nothing is made up or changed
      completed += !(s.key.ct_state.get() & kCtInv);
    }
  };
  for (int round = 0; round < 60; round++) {
    std::vector<Bytes> frames;
    for (uint32_t n = 1 + r.below(6); n > 0; n--) {
      const bool v6 = r.below(2);
      const uint32_t payload = r.below(600);
      const Bytes whole = v6 ? udp(kA6, kB6, payload) : udp(kA, kB, payload);
      for (Bytes& f : cut(whole, 8 * (1 + r.below(20)), r.below(4))) frames.push_back(std::move(f));
    }
    for (size_t i = frames.size(); i > 1; i--) std::swap(frames[i - 1], frames[r.below(static_cast<uint32_t>(i))]);
    for (Bytes& f : frames) {
      if (r.below(12) == 0) f[r.below(static_cast<uint32_t>(f.size()))] ^= static_cast<uint8_t>(1u << r.below(8));
      if (r.below(20) == 0) f.resize(r.below(static_cast<uint32_t>(f.size())) + 1);
      if (r.below(15) == 0) continue;
      const uint32_t from = 1 + (r.below(8) == 0);
      b.inject(f, from);
      sent.insert(f);
      if (r.below(3) == 0) b.rx(from);
      read();
    }
    b.rx(1);
    b.rx(2);
    read();
    if (r.below(4) == 0) b.wait(r.below(16) * kSecond);
    CHECK(b.held() <= 60);
    if (check_failures()) {
      printf("    seed %llu, round %d\n", static_cast<unsigned long long>(seed), round);
      return;
    }
  }
  CHECK(completed > 0);
}

TEST("fuzz: fragments of many datagrams, mixed, lost and damaged, 60 seeds") {
  for (uint64_t seed = 1; seed <= 60 && check_failures() == 0; seed++) fuzz(seed);
}

}  // namespace
}  // namespace pw

TEST_MAIN()
