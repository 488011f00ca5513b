// The pipeline on memory ports, without a thread: what each action does to frames, who counts what, what waits where.
// Part of core_test.
#include <algorithm>

#include "check.h"
#include "checksum.h"
#include "core_support.h"
#include "offload.h"
#include "pipeline.h"
#include "ports/memory.h"
#include "protocols.h"

namespace pw {
namespace {

// A switch with memory ports 1, 2, 3 (MTU 1500) and one megaflow for everything, unless a test puts others.
struct Bench {
  Pipeline pipeline;
  uint64_t now = 1'000'000'000;

  explicit Bench(PipelineConfig config = {}) : pipeline(config) {
    for (const uint32_t no : {1u, 2u, 3u}) add(no, "memory");
  }
  MemoryPort& add(uint32_t no, const char* kind) {
    auto port = std::make_unique<MemoryPort>(MemorySpec{.no = no, .name = "p", .mtu = 1500, .wire = false});
    MemoryPort& p = *port;
    pipeline.ports.add(std::move(port), kind, "p");
    return p;
  }
  MemoryPort& port(uint32_t no) { return static_cast<MemoryPort&>(*pipeline.ports.find(no)->port); }

  void flow(uint64_t id, const FlowKey& key, const FlowKey& mask, const Actions& actions) {
    CHECK(actions_valid(actions.bytes.data(), actions.bytes.size()));
    pipeline.cache.put(id, key, mask, actions.bytes);
  }
  // For packets of this recirc_id.
  void on_recirc(uint32_t recirc_id, const Actions& actions) {
    FlowKey key, mask;
    memset(&key, 0, sizeof key);
    memset(&mask, 0, sizeof mask);
    key.recirc_id.set(recirc_id);
    mask.recirc_id.raw = 0xffffffff;
    flow(100 + recirc_id, key, mask, actions);
  }
  void all(const Actions& actions) { on_recirc(0, actions); }

  void rx(uint32_t from = 1) {
    PortEntry* entry = pipeline.ports.find(from);
    for (int n; (n = entry->port->rx(entry->received, kBurst)) > 0;) {
      entry->has_received = true;
      pipeline.receive(entry->received, n, now);
      pipeline.end_burst();
    }
  }
  void send(const Bytes& frame, uint32_t from = 1, const InjectedOffload& offload = {}) {
    CHECK(port(from).inject(frame.data(), static_cast<uint32_t>(frame.size()), offload));
    rx(from);
  }
  std::vector<Bytes> got(uint32_t no) { return port(no).collect(); }
  Bytes one(uint32_t no) {
    auto frames = got(no);
    CHECK_EQ(frames.size(), 1u);
    return frames.size() == 1 ? frames[0] : Bytes{};
  }
  void answer(uint32_t slot, const Actions& actions) {
    pipeline.answer(slot, actions.list(), now);
    pipeline.end_burst();
  }
  const UpcallSlot* upcall() { return pipeline.slots.next_published(); }
  uint64_t drops(Drop reason) { return pipeline.counters.drops[static_cast<size_t>(reason)]; }
  bool books_balance() {
    const Counters& c = pipeline.counters;
    uint64_t dropped = 0;
    for (const uint64_t n : c.drops) dropped += n;
    return c.received + c.executed + c.copied == c.delivered + dropped + pipeline.slots.in_use() + pipeline.fragments().held();
  }
};

constexpr uint16_t kNwTtl = offsetof(FlowKey, nw_ttl), kDlDst = offsetof(FlowKey, dl_dst);

TEST("pipeline: output sends the frame as it came") {
  Bench b;
  b.all(Actions().output(2));
  for (const Bytes& frame : all_frames()) {
    b.send(frame);
    CHECK(b.one(2) == frame);
  }
  CHECK_EQ(b.pipeline.counters.delivered, all_frames().size());
  CHECK(b.books_balance());
}

TEST("pipeline: a rewrite after an output does not reach the frame that went out before") {
  Bench b;
  b.all(Actions().output(2).set(kNwTtl, {63}).output(3).set(kNwTtl, {62}).output(2));
  b.send(kTcp4);
  const auto at2 = b.got(2);
  CHECK_EQ(at2.size(), 2u);
  CHECK(at2[0] == kTcp4);
  CHECK_EQ(at2[1][22], 62);
  CHECK_EQ(b.one(3)[22], 63);
  CHECK_EQ(b.pipeline.counters.delivered, 1u);
  CHECK_EQ(b.pipeline.counters.sent, 3u);
  CHECK(b.books_balance());
}

TEST("pipeline: a clone's rewrites stay in the clone") {
  Bench b;
  b.all(Actions().clone(Actions().set(kNwTtl, {1}).push_vlan(0x8100, 5).output(2)).output(3));
  b.send(kTcp4);
  CHECK_EQ(b.one(2).size(), kTcp4.size() + 4);
  CHECK(b.one(3) == kTcp4);
  CHECK(b.books_balance());
}

TEST("pipeline: clones alone use the packet up") {
  Bench b;
  b.all(Actions().clone(Actions().output(2)).clone(Actions().output(3)));
  b.send(kTcp4);
  CHECK(b.one(2) == kTcp4);
  CHECK(b.one(3) == kTcp4);
  CHECK_EQ(b.pipeline.counters.delivered, 2u);
  CHECK_EQ(b.pipeline.counters.copied, 1u);
  CHECK(b.books_balance());
}

TEST("pipeline: trunc cuts the next output only") {
  Bench b;
  b.all(Actions().trunc(40).output(2).output(3));
  b.send(kTcp4);
  CHECK(b.one(2) == Bytes(kTcp4.begin(), kTcp4.begin() + 40));
  CHECK(b.one(3) == kTcp4);
}

TEST("pipeline: a meter that is exceeded drops the packet, and says so") {
  Bench b;
  b.pipeline.meters.put(4, {.is_kbps = false, .bands = {{.rate = 1, .burst = 2}}}, b.now);
  b.all(Actions().meter(4).output(2));
  for (int i = 0; i < 5; i++) b.send(kTcp4);
  CHECK_EQ(b.got(2).size(), 2u);
  CHECK_EQ(b.drops(Drop::meter), 3u);
  CHECK(b.books_balance());
}

TEST("pipeline: a meter behind an output stops what comes after it") {
  Bench b;
  b.pipeline.meters.put(4, {.is_kbps = false, .bands = {{.rate = 1, .burst = 1}}}, b.now);
  b.all(Actions().output(2).meter(4).output(3));
  for (int i = 0; i < 3; i++) b.send(kTcp4);
  CHECK_EQ(b.got(2).size(), 3u);
  CHECK_EQ(b.got(3).size(), 1u);
  CHECK(b.books_balance());
}

TEST("pipeline: check_pkt_len chooses by the frame's size, alone or amid other actions") {
  const auto size = static_cast<uint32_t>(kTcp4.size());
  for (const uint32_t limit : {size - 1, size, size + 1}) {
    const Actions choice = Actions().check_pkt_len(limit, Actions().set(kNwTtl, {9}).output(2), Actions().output(3));
    Bench alone;
    alone.all(choice);
    alone.send(kTcp4);
    CHECK_EQ(alone.got(2).size(), size > limit ? 1u : 0u);
    CHECK_EQ(alone.got(3).size(), size > limit ? 0u : 1u);
    CHECK(alone.books_balance());

    Bench amid;
    Actions list = choice;
    amid.all(list.output(3));
    amid.send(kTcp4);
    CHECK_EQ(amid.got(2).size(), size > limit ? 1u : 0u);
    const auto at3 = amid.got(3);
    CHECK_EQ(at3.size(), size > limit ? 1u : 2u);
    CHECK(at3.back() == kTcp4);  // the branch's rewrite stayed there
    CHECK(amid.books_balance());
  }
}

TEST("pipeline: check_pkt_len of a GSO frame asks for the frames that it will be cut into") {
  Bench b;
  const auto headers = static_cast<uint32_t>(kTcp4.size());
  Bytes frame = kTcp4;
  frame.insert(frame.end(), 4000, 7);
  const uint16_t total = static_cast<uint16_t>(frame.size() - 14);
  frame[16] = static_cast<uint8_t>(total >> 8);
  frame[17] = static_cast<uint8_t>(total);
  b.all(Actions().check_pkt_len(headers + 1448, Actions().output(2), Actions().output(3)));
  b.send(frame, 1, {.gso_type = GsoType::tcp4, .gso_size = 1448});
  CHECK_EQ(b.got(2).size(), 0u);
  CHECK(b.got(3).size() > 0);
}

TEST("pipeline: recirculation looks up again, with the rewritten headers") {
  Bench b;
  b.all(Actions().set(kDlDst, {2, 0, 0, 0, 0, 9}).recirc(7));
  FlowKey key, mask;
  memset(&key, 0, sizeof key);
  memset(&mask, 0, sizeof mask);
  key.recirc_id.set(7);
  mask.recirc_id.raw = 0xffffffff;
  const uint8_t mac[6] = {2, 0, 0, 0, 0, 9};
  memcpy(key.dl_dst, mac, 6);
  memset(mask.dl_dst, 0xff, 6);
  b.flow(1, key, mask, Actions().output(3));
  b.send(kTcp4);
  CHECK_EQ(b.one(3)[5], 9);
  CHECK_EQ(b.pipeline.counters.recirculations, 1u);
  CHECK(b.books_balance());
}

TEST("pipeline: a recirculation amid a list goes on alone") {
  Bench b;
  b.all(Actions().recirc(7).set(kNwTtl, {9}).output(2));
  b.on_recirc(7, Actions().output(3));
  b.send(kTcp4);
  CHECK_EQ(b.one(2)[22], 9);
  CHECK(b.one(3) == kTcp4);
  CHECK_EQ(b.pipeline.counters.copied, 1u);
  CHECK(b.books_balance());
}

TEST("pipeline: endless recirculation is cut off and counted") {
  Bench b({.max_recirculations = 5});
  b.all(Actions().recirc(7));
  b.on_recirc(7, Actions().recirc(7));
  b.send(kTcp4);
  CHECK_EQ(b.drops(Drop::recirc_limit), 1u);
  CHECK_EQ(b.pipeline.counters.recirculations, 5u);
  CHECK(b.books_balance());
}

TEST("pipeline: flows that multiply packets run into a limit, not into the memory's end") {
  Bench b;
  Actions many;
  for (int i = 0; i < 8; i++) many.recirc(7);
  b.all(many);
  b.on_recirc(7, many);
  b.send(kTcp4);
  CHECK(b.drops(Drop::recirc_limit) + b.drops(Drop::copy_limit) > 0);
  CHECK(b.books_balance());
}

TEST("pipeline: drops are counted by reason") {
  Bench b;
  b.send(Bytes(13));
  CHECK_EQ(b.drops(Drop::runt), 1u);
  b.all(Actions());
  b.send(kTcp4);
  CHECK_EQ(b.drops(Drop::flow), 1u);
  b.all(Actions().drop(static_cast<uint32_t>(Drop::ttl)));
  b.send(kTcp4);
  CHECK_EQ(b.drops(Drop::ttl), 1u);
  b.all(Actions().output(9));
  b.send(kTcp4);
  CHECK_EQ(b.drops(Drop::no_port), 1u);
  b.all(Actions().set(kNwTtl, {9}));
  b.send(kTcp4);
  CHECK_EQ(b.drops(Drop::flow), 2u);
  b.all(Actions().drop(static_cast<uint32_t>(Drop::none)));
  b.send(kTcp4);
  CHECK_EQ(b.pipeline.counters.delivered, 1u);
  CHECK(b.books_balance());
}

TEST("pipeline: an output that fails while another succeeds is a lost copy, not a lost packet") {
  Bench b;
  b.all(Actions().output(9).output(2));
  b.send(kTcp4);
  CHECK_EQ(b.got(2).size(), 1u);
  CHECK_EQ(b.drops(Drop::no_port), 0u);
  CHECK_EQ(b.pipeline.counters.copy_drops[static_cast<size_t>(Drop::no_port)], 1u);
  CHECK(b.books_balance());
}

TEST("pipeline: a frame larger than the MTU is dropped, a tag or GSO does not make it larger") {
  Bench b;
  b.all(Actions().output(2));
  Bytes frame = kUdp4;
  frame.resize(14 + 1500);
  b.send(frame);
  CHECK_EQ(b.got(2).size(), 1u);
  frame.resize(14 + 1501);
  b.send(frame);
  CHECK_EQ(b.got(2).size(), 0u);
  CHECK_EQ(b.drops(Drop::oversize), 1u);
  CHECK_EQ(b.port(2).counters.tx_too_big, 1u);
  b.send(frame, 1, {.gso_type = GsoType::tcp4, .gso_size = 1448});
  CHECK_EQ(b.got(2).size(), 1u);
  Bytes tagged = kVlanTcp4;
  tagged.resize(18 + 1500);
  b.send(tagged);
  CHECK_EQ(b.got(2).size(), 1u);
  CHECK(b.books_balance());
}

TEST("pipeline: a tunnel port wants a destination") {
  Bench b;
  b.add(4, "geneve");
  b.all(Actions().output(4));
  b.send(kTcp4);
  CHECK_EQ(b.drops(Drop::no_tunnel_dst), 1u);
  Bytes tunnel(kTunnelSize);
  tunnel[12] = 192;  // tun_dst
  b.all(Actions().set_tunnel(tunnel).output(4));
  b.send(kTcp4);
  CHECK_EQ(b.got(4).size(), 1u);
}

TEST("pipeline: a port that is gone is no port") {
  Bench b;
  b.all(Actions().output(2));
  b.pipeline.ports.find(2)->state = PortState::gone;
  b.send(kTcp4);
  CHECK_EQ(b.drops(Drop::no_port), 1u);
}

TEST("pipeline: a miss waits in a slot with its bytes and its offload state, and goes on when answered") {
  Bench b;
  b.send(kTcp4, 1,
         {.csum_partial = true, .csum_start = 34, .csum_offset = 16, .gso_type = GsoType::tcp4, .gso_size = 2});
  const UpcallSlot* slot = b.upcall();
  CHECK(slot != nullptr);
  CHECK(slot->reason == UpcallReason::miss);
  CHECK_EQ(slot->packet.size, kTcp4.size());
  CHECK(memcmp(slot->packet.data, kTcp4.data(), kTcp4.size()) == 0);
  CHECK_EQ(slot->packet.headroom, kHeadroom);
  CHECK(slot->packet.csum_partial && slot->packet.gso_size == 2);
  CHECK_EQ(slot->packet.key.in_port.get(), 1u);
  CHECK_EQ(b.pipeline.slots.in_use(), 1u);
  CHECK(b.upcall() == nullptr);
  CHECK(b.books_balance());
  b.answer(slot->number, Actions().push_vlan(0x8100, 5).output(2));
  CHECK_EQ(b.one(2).size(), kTcp4.size() + 4);
  CHECK_EQ(b.pipeline.slots.in_use(), 0u);
  CHECK(b.books_balance());
}

TEST("pipeline: a slot is answered once; a second answer and an unknown slot are ignored") {
  Bench b;
  b.send(kTcp4);
  const uint32_t slot = b.upcall()->number;
  b.pipeline.answer(slot, Actions().output(2).list(), 1);
  b.pipeline.answer(slot, Actions().output(2).list(), 1);
  b.pipeline.end_burst();
  b.answer(slot, Actions().output(2));
  b.answer(12345678, Actions().output(2));
  CHECK_EQ(b.got(2).size(), 1u);
  // Nor does the late answer meet the packet that waits in the slot now.
  b.send(kUdp4);
  b.answer(slot, Actions().output(2));
  CHECK_EQ(b.got(2).size(), 0u);
  CHECK_EQ(b.pipeline.slots.in_use(), 1u);
  CHECK(b.books_balance());
}

TEST("pipeline: an answer may recirculate into the cache, and miss there again") {
  Bench b;
  b.send(kTcp4);
  b.on_recirc(7, Actions().recirc(8));
  const uint32_t first = b.upcall()->number;
  b.answer(first, Actions().recirc(7));
  const UpcallSlot* second = b.upcall();
  CHECK(second != nullptr);
  CHECK_EQ(second->packet.key.recirc_id.get(), 8u);
  CHECK_EQ(second->depth, 2u);
  CHECK(b.books_balance());
  b.answer(second->number, Actions().output(2));
  CHECK(b.one(2) == kTcp4);
  CHECK(b.books_balance());
}

TEST("pipeline: an upcall action hands the packet up with its cookie, and the rest of the list goes on") {
  Bench b;
  b.all(Actions().upcall(0x1234).output(2));
  b.send(kTcp4);
  CHECK(b.one(2) == kTcp4);
  const UpcallSlot* slot = b.upcall();
  CHECK(slot != nullptr && slot->reason == UpcallReason::action && slot->cookie == 0x1234);
  CHECK(b.books_balance());
  b.answer(slot->number, Actions().drop(0));
  CHECK(b.books_balance());
  CHECK_EQ(b.pipeline.counters.delivered, 2u);
}

TEST("pipeline: an upcall action tells frames as a wire has them: cut where they are GSO, checksums right") {
  Bench b;
  b.all(Actions().upcall(7).output(2));
  b.send(kTcp4, 1, {.gso_type = GsoType::tcp4, .gso_size = 2});
  for (const uint32_t payload : {2u, 1u}) {
    const UpcallSlot* slot = b.upcall();
    CHECK(slot != nullptr && slot->reason == UpcallReason::action && slot->cookie == 7);
    CHECK_EQ(slot->packet.size, 54 + payload);
    CHECK(slot->packet.gso_size == 0 && !slot->packet.csum_partial && checksums_valid(slot->packet));
    CHECK_EQ(slot->packet.key.tcp_flags.get() & 8, payload == 1 ? 8 : 0);  // PSH with the last
    b.answer(slot->number, Actions().drop(0));
  }
  CHECK(b.upcall() == nullptr);
  CHECK(b.books_balance());
}

TEST("pipeline: upcall actions leave half of the slots to packets that wait to be forwarded, which go on meanwhile") {
  Bench b({.upcall_slots = 16});
  b.all(Actions().upcall(7).output(2));
  for (uint32_t port : {1, 2, 3}) {
    for (int i = 0; i < 20; i++) b.send(kTcp4, port);
  }
  CHECK_EQ(b.got(2).size(), 60u);
  CHECK_EQ(b.pipeline.slots.in_use(), 8u);
  CHECK_EQ(b.pipeline.counters.copy_drops[static_cast<size_t>(Drop::upcall_full)], 52u);
  b.pipeline.cache.remove(100);
  for (int i = 0; i < 20; i++) b.send(kTcp4, 3);
  CHECK_EQ(b.pipeline.slots.in_use(), 12u);  // and port 3 has its share
  CHECK(b.books_balance());
  while (const UpcallSlot* slot = b.upcall()) b.answer(slot->number, Actions().drop(0));
  CHECK_EQ(b.pipeline.slots.in_use(), 0u);
  CHECK(b.books_balance());
}

TEST("pipeline: slots are bounded, and one port cannot take the others' share") {
  Bench b({.upcall_slots = 16});  // a reserve of 4, and 4 for each of three ports
  for (int i = 0; i < 100; i++) b.send(kTcp4, 1);
  CHECK_EQ(b.pipeline.slots.in_use(), 8u);
  CHECK_EQ(b.drops(Drop::upcall_full), 92u);
  for (int i = 0; i < 100; i++) b.send(kTcp4, 2);
  CHECK_EQ(b.pipeline.slots.in_use(), 12u);
  for (int i = 0; i < 100; i++) b.send(kTcp4, 3);
  CHECK_EQ(b.pipeline.slots.in_use(), 16u);
  CHECK(b.books_balance());
  int answered = 0;
  while (const UpcallSlot* slot = b.upcall()) {
    b.answer(slot->number, Actions().output(2));
    answered++;
  }
  CHECK_EQ(answered, 16);
  CHECK_EQ(b.pipeline.slots.in_use(), 0u);
  for (int i = 0; i < 100; i++) b.send(kTcp4, 3);
  CHECK_EQ(b.pipeline.slots.in_use(), 8u);
  CHECK(b.books_balance());
}

TEST("pipeline: a watched packet goes up on every pass under one number, others do not") {
  Bench b;
  b.all(Actions().recirc(7));
  b.on_recirc(7, Actions().output(2));
  FlowKey key = TestPacket(kTcp4)->key, mask;
  memset(&mask, 0, sizeof mask);
  mask.tp_dst.raw = 0xffff;
  b.pipeline.watch(key, mask);
  b.send(kUdp4);
  CHECK_EQ(b.got(2).size(), 1u);
  b.send(kTcp4);
  const UpcallSlot* first = b.upcall();
  CHECK(first != nullptr && first->reason == UpcallReason::trace);
  const uint32_t trace_id = first->packet.trace_id;
  CHECK(trace_id != 0);
  b.answer(first->number, Actions().recirc(7));
  const UpcallSlot* second = b.upcall();
  CHECK(second != nullptr && second->reason == UpcallReason::trace);
  CHECK_EQ(second->packet.trace_id, trace_id);
  CHECK_EQ(second->packet.key.recirc_id.get(), 7u);
  b.answer(second->number, Actions().output(2));
  CHECK(b.one(2) == kTcp4);
  b.pipeline.unwatch();
  b.send(kTcp4);
  CHECK_EQ(b.got(2).size(), 1u);
  CHECK(b.books_balance());
}

TEST("pipeline: a packet-out runs actions as if it had come from a port") {
  Bench b;
  b.pipeline.execute(kTcp4.data(), kTcp4.size(), key_from(0xfffd), Actions().push_vlan(0x8100, 5).output(2).list(), 1);
  b.pipeline.end_burst();
  CHECK_EQ(b.one(2).size(), kTcp4.size() + 4);
  b.pipeline.execute(kTcp4.data(), kTcp4.size(), key_from(0xfffd), Actions().recirc(7).list(), 1);
  b.pipeline.end_burst();
  CHECK_EQ(b.upcall()->packet.key.in_port.get(), 0xfffdu);
  b.pipeline.execute(kTcp4.data(), 3, key_from(0xfffd), Actions().output(2).list(), 1);
  CHECK_EQ(b.drops(Drop::runt), 1u);
  CHECK(b.books_balance());
}

// The TCP segment over IPv4 with these flags (SYN 2, ACK 16), and the checksum that goes with them.
Bytes with_flags(const Bytes& segment, uint8_t flags) {
  TestPacket p(segment);
  p->data[47] = flags;
  store16(p->data + 50, 0);
  uint8_t pseudo[12];
  memcpy(pseudo, p->data + 26, 8);
  pseudo[8] = 0;
  pseudo[9] = kIpTcp;
  store16(pseudo + 10, static_cast<uint16_t>(segment.size() - 34));
  const uint16_t sum = csum_finish(csum_add(csum_add(0, pseudo, 12), p->data + 34, segment.size() - 34));
  memcpy(p->data + 50, &sum, 2);
  return p.bytes();
}

// From whom it went to, to whom it came from.
Bytes turned(Bytes segment) {
  std::swap_ranges(&segment[26], &segment[30], &segment[30]);
  std::swap_ranges(&segment[34], &segment[36], &segment[36]);
  return segment;
}

TEST("pipeline: ct writes the connection's state for the next pass, commit makes the reply +est+rpl") {
  Bench b;
  b.all(Actions().ct(5, 0).recirc(1));
  b.on_recirc(1, Actions().ct(5, kCtCommit).output(2));
  const Bytes request = with_flags(kTcp4, 0x02);
  CHECK(checksums_valid(*TestPacket(request)));
  b.pipeline.unwatch();
  b.send(request);
  CHECK(b.one(2) == request);
  CHECK_EQ(b.pipeline.conntrack->size(), 1u);
  // Without a flow for the second pass, the key comes up with the state.
  b.pipeline.cache.remove(101);
  b.send(request);
  const UpcallSlot* slot = b.upcall();
  CHECK(slot != nullptr);
  CHECK_EQ(slot->packet.key.recirc_id.get(), 1u);
  CHECK_EQ(slot->packet.key.ct_zone.get(), 5);
  CHECK(slot->packet.key.ct_state.get() & kCtTrk);
  CHECK_EQ(slot->packet.key.ct_tp_dst.get(), 80);
  CHECK(b.books_balance());
}

TEST("pipeline: a commit in the reply's direction leaves the connection as it is, with force it turns it round") {
  for (const uint16_t force : {uint16_t{0}, kCtForce}) {
    Bench b;
    b.all(Actions().ct(5, static_cast<uint16_t>(kCtCommit | force)).output(2));
    b.pipeline.unwatch();
    b.send(kUdp4);
    b.send(turned(kUdp4));
    CHECK_EQ(b.pipeline.conntrack->stats().committed, force ? 2u : 1u);
    CHECK_EQ(b.pipeline.conntrack->size(), 1u);
  }
}

TEST("pipeline: statistics of a megaflow count its packets, bytes, time and TCP flags") {
  Bench b;
  b.all(Actions().output(2));
  b.send(kTcp4);
  b.now = 77;
  b.send(kTcp4);
  b.pipeline.cache.for_each([&](const Megaflow& f) {
    CHECK_EQ(f.packets, 2u);
    CHECK_EQ(f.bytes, 2 * kTcp4.size());
    CHECK_EQ(f.used_ns, 77u);
    CHECK_EQ(f.tcp_flags, 0x18);
  });
}

TEST("pipeline: what waits when the switch stops is counted as stopping") {
  Bench b;
  b.send(kTcp4);
  b.pipeline.stop();
  CHECK_EQ(b.drops(Drop::stopping), 1u);
  CHECK(b.upcall() == nullptr);
  CHECK(b.books_balance());
}

TEST("pipeline: a burst of packets of many flows keeps their order on the port") {
  Bench b;
  b.all(Actions().recirc(7));
  b.on_recirc(7, Actions().output(2));
  std::vector<Bytes> sent;
  for (int i = 0; i < 200; i++) {
    Bytes frame = kUdp4NoCsum;
    frame[34] = static_cast<uint8_t>(i);
    sent.push_back(frame);
    b.port(1).inject(frame.data(), static_cast<uint32_t>(frame.size()));
  }
  b.rx();
  CHECK(b.got(2) == sent);
}

TEST("pipeline: malformed action bytes are refused") {
  const auto valid = [](const Bytes& b) { return actions_valid(b.data(), b.size()); };
  CHECK(valid({}));
  CHECK(!valid({1, 0, 8}));                          // half a header
  CHECK(!valid({1, 0, 8, 0, 1, 0}));                 // record beyond the end
  CHECK(!valid({1, 0, 0, 0}));                       // size of nothing
  CHECK(!valid({99, 0, 4, 0}));                      // unknown type
  CHECK(!valid({13, 0, 4, 0}));                      // a meter without a number
  CHECK(!valid({14, 0, 8, 0, 1, 0, 0, 0}));          // half of check_pkt_len's numbers
  CHECK(!valid({14, 0, 12, 0, 1, 0, 0, 0, 4, 0, 0, 0}));  // its first list is beyond the end
  CHECK(!valid({14, 0, 16, 0, 1, 0, 0, 0, 2, 0, 0, 0, 8, 0, 4, 0}));  // or ends amid a record
  CHECK(!valid({9, 0, 8, 0, 255, 0, 0, 0}));         // no such reason
  CHECK(valid(Actions().ct(1, 1, NatSpec::dst, {192, 0, 2, 1}).bytes));
  CHECK(!valid(Actions().ct(1, 1, static_cast<NatSpec::Type>(4)).bytes));
  CHECK(!valid(Actions().set(0, {1, 2, 3, 4}).bytes));  // recirc_id is not settable
  CHECK(!valid(Actions().set(kNwTtl, {1, 2}).bytes));   // of another size
  Actions deep;
  for (int i = 0; i < 8; i++) deep = Actions().clone(deep);
  CHECK(valid(deep.bytes));
  CHECK(!valid(Actions().clone(deep).bytes));
}

}  // namespace
}  // namespace pw
