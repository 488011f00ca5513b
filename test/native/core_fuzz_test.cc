// Random frames through random actions, under the sanitizers: nothing may be read or written outside a packet, and the
// books must balance. Seeds are fixed, and printed when something fails. Part of core_test.
#include <chrono>

#include "check.h"
#include "core_support.h"
#include "pipeline.h"
#include "ports/memory.h"

namespace pw {
namespace {

uint8_t random_byte(Random& r) { return static_cast<uint8_t>(r.next() >> 40); }

// A real frame with some bytes changed, cut or grown; now and then pure noise.
Bytes random_frame(Random& r) {
  if (r.below(20) == 0) {
    Bytes noise(r.below(200));
    for (uint8_t& b : noise) b = random_byte(r);
    return noise;
  }
  Bytes frame = all_frames()[r.below(static_cast<uint32_t>(all_frames().size()))];
  const auto size = static_cast<uint32_t>(frame.size());
  for (uint32_t n = r.below(4); n > 0; n--) frame[12 + r.below(size - 12)] = random_byte(r);
  if (r.below(4) == 0) frame.resize(r.below(static_cast<uint32_t>(frame.size()) + 1));
  if (r.below(8) == 0) frame.resize(frame.size() + r.below(100));
  return frame;
}

InjectedOffload random_offload(Random& r, size_t size) {
  InjectedOffload offload;
  const auto n = static_cast<uint32_t>(size);
  if (r.below(3) == 0 && n >= 4) {
    offload.csum_partial = true;
    offload.csum_start = static_cast<uint16_t>(r.below(n - 2));
    offload.csum_offset = static_cast<uint16_t>(r.below(n - 1 - offload.csum_start));
    if (r.below(2) == 0 && n > 60) {
      offload.csum_start = 34;
      offload.csum_offset = r.below(2) ? 16 : 6;
    }
  }
  if (r.below(4) == 0) {
    offload.gso_type = static_cast<GsoType>(1 + r.below(3));
    offload.gso_size = static_cast<uint16_t>(1 + r.below(20));
  }
  return offload;
}

const struct { uint16_t offset, size; } kFields[] = {
#define F(name) {offsetof(FlowKey, name), sizeof(FlowKey::name)}
    F(dl_dst), F(dl_src), F(vlan_tci), F(nw_tos), F(nw_ttl), F(arp_op), F(nw_src), F(nw_dst), F(icmp_type),
    F(icmp_code), F(tp_src), F(tp_dst), F(ipv6_label), F(ipv6_src), F(ipv6_dst), F(nd_target), F(arp_sha), F(arp_tha), F(pkt_mark),
#undef F
};

Actions random_actions(Random& r, int depth = 0) {
  Actions a;
  for (uint32_t n = r.below(6); n > 0; n--) {
    switch (r.below(depth < 3 ? 14 : 13)) {
      case 0:
      case 1: a.output(1 + r.below(4)); break;
      case 2:
      case 3:
      case 4: {
        const auto& field = kFields[r.below(sizeof kFields / sizeof kFields[0])];
        Bytes value(field.size), mask(field.size, 0xff);
        for (uint8_t& b : value) b = random_byte(r);
        if (r.below(2)) for (uint8_t& b : mask) b = random_byte(r);
        a.set(field.offset, value, mask);
        break;
      }
      case 5: a.push_vlan(r.below(2) ? 0x8100 : 0x88a8, static_cast<uint16_t>(r.next())); break;
      case 6: a.pop_vlan(); break;
      case 7: {
        Bytes address(r.below(2) ? 4 : 16);
        for (uint8_t& b : address) b = random_byte(r);
        const auto nat = static_cast<NatSpec::Type>(r.below(4));
        a.ct(static_cast<uint16_t>(r.below(3)), static_cast<uint16_t>(r.below(4)), nat, address);
        break;
      }
      case 8: a.recirc(r.below(4)); break;
      case 9: a.upcall(r.below(100)); break;
      case 10: a.trunc(r.below(100)); break;
      case 11: a.drop(r.below(kDropCount)); break;
      case 12: {
        Bytes part(kTunnelSize);
        for (int i = 0; i < 20; i++) part[r.below(kTunnelSize)] = random_byte(r);
        a.set_tunnel(part);
        break;
      }
      default: a.clone(random_actions(r, depth + 1)); break;
    }
  }
  return a;
}

void put_random_flow(Pipeline& pipeline, Random& r, uint64_t id) {
  FlowKey key, mask;
  memset(&key, 0, sizeof key);
  memset(&mask, 0, sizeof mask);
  key.recirc_id.set(r.below(4));
  mask.recirc_id.raw = 0xffffffff;
  if (r.below(2)) {
    key.nw_proto = static_cast<uint8_t>(r.below(2) ? 6 : 17);
    mask.nw_proto = 0xff;
  }
  pipeline.cache.put(id, key, mask, random_actions(r).bytes);
}

void fuzz(uint64_t seed, int rounds) {
  Random r{seed};
  Pipeline pipeline({.upcall_slots = 32, .max_recirculations = 4});
  for (uint32_t no = 1; no <= 3; no++) {
    pipeline.ports.add(
        std::make_unique<MemoryPort>(MemorySpec{.no = no, .name = "p", .mtu = 100 * no, .wire = no != 3}),
        no == 2 ? "geneve" : "memory", "p");
  }
  uint64_t id = 0;
  for (int round = 0; round < rounds; round++) {
    if (round % 8 == 0) put_random_flow(pipeline, r, ++id);
    if (round % 64 == 0) pipeline.cache.remove(1 + r.below(static_cast<uint32_t>(id)));
    if (round % 256 == 0) pipeline.cache.maintain();
    if (round % 100 == 0) {
      FlowKey key = TestPacket(kTcp4)->key, mask;
      memset(&mask, 0, sizeof mask);
      mask.nw_proto = 0xff;
      if (r.below(2)) pipeline.watch(key, mask);
      else pipeline.unwatch();
    }
    PortEntry* from = pipeline.ports.find(1 + r.below(3));
    auto& port = static_cast<MemoryPort&>(*from->port);
    for (uint32_t n = 1 + r.below(8); n > 0; n--) {
      const Bytes frame = random_frame(r);
      port.inject(frame.data(), static_cast<uint32_t>(frame.size()), random_offload(r, frame.size()));
    }
    const int n = port.rx(from->received, kBurst);
    from->has_received = true;
    const uint64_t now = 1'000'000'000ull * static_cast<uint64_t>(round);
    pipeline.receive(from->received, n, now);
    pipeline.end_burst();
    while (const UpcallSlot* slot = pipeline.slots.next_published()) {
      if (r.below(10) == 0) put_random_flow(pipeline, r, ++id);
      const Actions answer = random_actions(r);
      pipeline.answer(slot->number, answer.list(), now);
    }
    if (r.below(4) == 0) {
      const Bytes frame = random_frame(r);
      const Actions actions = random_actions(r);
      pipeline.execute(frame.data(), static_cast<uint32_t>(frame.size()), key_from(r.below(4)), actions.list(), now);
    }
    pipeline.end_burst();
    for (uint32_t no = 1; no <= 3; no++) static_cast<MemoryPort&>(*pipeline.ports.find(no)->port).collect();
    const Counters& c = pipeline.counters;
    uint64_t dropped = 0;
    for (const uint64_t d : c.drops) dropped += d;
    CHECK_EQ(c.received + c.executed + c.copied, c.delivered + dropped + pipeline.slots.in_use() + pipeline.fragments().held());
    CHECK(pipeline.fragments().consistent());
    if (check_failures()) {
      printf("    seed %llu, round %d\n", static_cast<unsigned long long>(seed), round);
      return;
    }
  }
  CHECK(pipeline.counters.sent > 0);
  CHECK(pipeline.counters.upcalls > 0);
  CHECK(pipeline.counters.recirculations > 0);
}

TEST("fuzz: random frames through random actions, 12 seeds") {
  for (uint64_t seed = 1; seed <= 12; seed++) fuzz(seed, 400);
}

TEST("fuzz: action bytes that are valid by chance are executed, others refused, none read beyond their end") {
  Random r{99};
  Pipeline pipeline({.upcall_slots = 8});
  pipeline.ports.add(std::make_unique<MemoryPort>(MemorySpec{.no = 1, .name = "p"}), "memory", "p");
  int accepted = 0;
  for (int round = 0; round < 20000; round++) {
    Bytes bytes = random_actions(r).bytes;
    for (uint32_t n = r.below(3); n > 0 && !bytes.empty(); n--) {
      bytes[r.below(static_cast<uint32_t>(bytes.size()))] = random_byte(r);
    }
    if (r.below(4) == 0) bytes.resize(r.below(static_cast<uint32_t>(bytes.size()) + 1));
    // Exactly as much memory as there are bytes, for the sanitizer.
    const std::unique_ptr<uint8_t[]> exact(new uint8_t[bytes.size()]);
    std::copy(bytes.begin(), bytes.end(), exact.get());
    if (!actions_valid(exact.get(), bytes.size())) continue;
    accepted++;
    const ActionList list{exact.get(), static_cast<uint32_t>(bytes.size())};
    pipeline.execute(kTcp4.data(), static_cast<uint32_t>(kTcp4.size()), key_from(1), list, 1);
    pipeline.end_burst();
    while (const UpcallSlot* slot = pipeline.slots.next_published()) {
      pipeline.answer(slot->number, {nullptr, 0}, 1);
      pipeline.end_burst();
    }
    static_cast<MemoryPort&>(*pipeline.ports.find(1)->port).collect();
  }
  CHECK(accepted > 5000);
  CHECK(accepted < 20000);
}

}  // namespace
}  // namespace pw
