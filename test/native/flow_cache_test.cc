// The flow cache: masked lookup in both steps, replacement, removal, and agreement with a slow, obvious reference.
// Part of core_test.
#include <map>

#include "check.h"
#include "core_support.h"
#include "flow_cache.h"

namespace pw {
namespace {

FlowKey zero_key() {
  FlowKey key;
  memset(&key, 0, sizeof key);
  return key;
}

Megaflow* lookup(FlowCache& cache, Packet& packet) {
  Packet* burst[1] = {&packet};
  Megaflow* found[1];
  cache.lookup(burst, 1, found);
  return found[0];
}

FlowKey mask_of(std::initializer_list<std::pair<size_t, size_t>> fields) {
  FlowKey mask = zero_key();
  for (const auto& [offset, size] : fields) memset(reinterpret_cast<uint8_t*>(&mask) + offset, 0xff, size);
  return mask;
}
#define FIELD(name) {offsetof(FlowKey, name), sizeof(FlowKey::name)}

TEST("flow cache: an empty cache misses") {
  FlowCache cache;
  TestPacket p(kTcp4);
  CHECK(lookup(cache, *p) == nullptr);
  CHECK_EQ(cache.stats().misses, 1u);
}

TEST("flow cache: a megaflow matches what its mask looks at and nothing else") {
  FlowCache cache;
  TestPacket tcp(kTcp4), udp(kUdp4), arp(kArp);
  const FlowKey mask = mask_of({FIELD(in_port), FIELD(dl_type), FIELD(nw_dst)});
  cache.put(1, tcp->key, mask, {});
  CHECK(lookup(cache, *tcp) != nullptr);
  CHECK(lookup(cache, *udp) != nullptr);
  CHECK(lookup(cache, *arp) == nullptr);
  udp->key.in_port.set(2);
  CHECK(lookup(cache, *udp) == nullptr);
}

TEST("flow cache: an update gives other actions in place: statistics go on, paths through it end") {
  FlowCache cache;
  TestPacket p(kTcp4);
  cache.put(1, p->key, mask_of({FIELD(dl_type)}), {1});
  Megaflow* flow = lookup(cache, *p);
  flow->credit(60, 0, 5);
  const uint32_t serial = flow->serial;
  CHECK(cache.update(1, {2, 3}));
  CHECK(lookup(cache, *p) == flow);
  CHECK_EQ(flow->packets, 1u);
  CHECK_EQ(flow->actions.size(), 2u);
  CHECK(flow->serial != serial && !flow->is_dead());
  CHECK(!cache.update(2, {}));
}

TEST("flow cache: the second packet is an exact hit") {
  FlowCache cache;
  TestPacket p(kTcp4);
  cache.put(1, p->key, mask_of({FIELD(dl_type)}), {});
  lookup(cache, *p);
  CHECK_EQ(cache.stats().megaflow_hits, 1u);
  CHECK_EQ(cache.stats().exact_hits, 0u);
  lookup(cache, *p);
  CHECK_EQ(cache.stats().exact_hits, 1u);
}

TEST("flow cache: an exact entry is not believed when the packet differs in a bit that its hash leaves out") {
  FlowCache cache;
  TestPacket p(kTcp4);
  cache.put(1, p->key, mask_of({FIELD(tcp_flags), FIELD(dl_type)}), {});
  lookup(cache, *p);
  CHECK(lookup(cache, *p) != nullptr);
  p->key.tcp_flags.set(0x02);  // not in the exact hash
  CHECK(lookup(cache, *p) == nullptr);
}

TEST("flow cache: a put with an equal masked key replaces") {
  FlowCache cache;
  TestPacket p(kTcp4);
  const FlowKey mask = mask_of({FIELD(dl_type)});
  cache.put(1, p->key, mask, {1});
  lookup(cache, *p)->credit(p->size, p->key.tcp_flags.get(), 5);
  cache.put(2, p->key, mask, {2});
  CHECK_EQ(cache.size(), 1u);
  CHECK_EQ(lookup(cache, *p)->id, 2u);
  CHECK_EQ(lookup(cache, *p)->packets, 0u);
  CHECK(!cache.remove(1));
}

TEST("flow cache: a put of the same flow changes its actions and keeps its statistics") {
  FlowCache cache;
  TestPacket p(kTcp4);
  const FlowKey mask = mask_of({FIELD(dl_type)});
  cache.put(1, p->key, mask, {1});
  lookup(cache, *p)->credit(p->size, p->key.tcp_flags.get(), 5);
  cache.put(1, p->key, mask, {2});
  CHECK_EQ(lookup(cache, *p)->packets, 1u);
  CHECK_EQ(lookup(cache, *p)->bytes, kTcp4.size());
  CHECK_EQ(lookup(cache, *p)->used_ns, 5u);
  CHECK_EQ(lookup(cache, *p)->tcp_flags, 0x18);
  CHECK_EQ(lookup(cache, *p)->actions[0], 2);
}

TEST("flow cache: a put with a known id and another key moves the flow") {
  FlowCache cache;
  TestPacket tcp(kTcp4), arp(kArp);
  cache.put(1, tcp->key, mask_of({FIELD(dl_type)}), {});
  cache.put(1, arp->key, mask_of({FIELD(dl_type)}), {});
  CHECK_EQ(cache.size(), 1u);
  CHECK(lookup(cache, *tcp) == nullptr);
  CHECK(lookup(cache, *arp) != nullptr);
}

TEST("flow cache: what was removed or flushed is not found, in either step") {
  FlowCache cache;
  TestPacket p(kTcp4);
  for (const bool maintain : {false, true}) {
    cache.put(1, p->key, mask_of({FIELD(dl_type)}), {});
    lookup(cache, *p);
    CHECK(cache.remove(1));
    CHECK(!cache.remove(1));
    if (maintain) cache.maintain();
    CHECK(lookup(cache, *p) == nullptr);
  }
  cache.put(1, p->key, mask_of({FIELD(dl_type)}), {});
  lookup(cache, *p);
  cache.flush();
  CHECK(lookup(cache, *p) == nullptr);
  CHECK_EQ(cache.size(), 0u);
  CHECK_EQ(cache.subtable_count(), 0u);
}

TEST("flow cache: a mask of zeros matches every packet") {
  FlowCache cache;
  TestPacket tcp(kTcp4), arp(kArp);
  cache.put(1, tcp->key, zero_key(), {});
  CHECK(lookup(cache, *tcp) != nullptr);
  CHECK(lookup(cache, *arp) != nullptr);
}

TEST("flow cache: one subtable for each mask, gone when empty") {
  FlowCache cache;
  TestPacket tcp(kTcp4), arp(kArp);
  cache.put(1, tcp->key, mask_of({FIELD(dl_type)}), {});
  cache.put(2, arp->key, mask_of({FIELD(dl_type)}), {});
  cache.put(3, tcp->key, mask_of({FIELD(nw_dst)}), {});
  CHECK_EQ(cache.subtable_count(), 2u);
  cache.remove(3);
  cache.maintain();
  CHECK_EQ(cache.subtable_count(), 1u);
}

// The reference: a list of (key, mask), searched from end to end.
struct Reference {
  struct Flow {
    FlowKey key, mask;
  };
  std::map<uint64_t, Flow> flows;
  static const uint64_t* words(const FlowKey& k) { return reinterpret_cast<const uint64_t*>(&k); }
  static bool equal(const FlowKey& a, const FlowKey& b, const FlowKey& mask) {
    for (size_t i = 0; i < kKeyWords; i++) {
      if ((words(a)[i] ^ words(b)[i]) & words(mask)[i]) return false;
    }
    return true;
  }
  void put(uint64_t id, const FlowKey& key, const FlowKey& mask) {
    std::erase_if(flows, [&](const auto& f) {
      return memcmp(&f.second.mask, &mask, kKeySize) == 0 && equal(f.second.key, key, mask);
    });
    flows[id] = {key, mask};
  }
};

TEST("flow cache: 20,000 random puts, removals and lookups agree with a plain list") {
  Random random{42};
  FlowCache cache;
  Reference reference;
  FlowKey masks[6];
  masks[0] = mask_of({FIELD(in_port), FIELD(dl_type), FIELD(nw_dst), FIELD(tp_dst)});
  masks[1] = mask_of({FIELD(in_port), FIELD(nw_src)});
  masks[2] = mask_of({FIELD(recirc_id), FIELD(ct_state), FIELD(ct_mark)});
  masks[3] = mask_of({FIELD(tun_id), FIELD(tun_dst)});
  masks[4] = mask_of({FIELD(nw_dst)});
  masks[4].nw_dst.set(0xffffff00);
  masks[5] = mask_of({FIELD(ipv6_dst), FIELD(tcp_flags)});
  // Few values for each field, so that flows overlap and lookups hit.
  const auto random_key = [&] {
    FlowKey key = zero_key();
    key.recirc_id.set(random.below(3));
    key.in_port.set(random.below(3));
    key.ct_state.set(random.below(4));
    key.ct_mark.set(random.below(3));
    key.dl_type.set(0x800);
    key.nw_src.set(random.below(5));
    key.nw_dst.set(random.below(4) * 200);
    key.tp_dst.set(static_cast<uint16_t>(random.below(4)));
    key.tcp_flags.set(static_cast<uint16_t>(random.below(2)));
    key.tun_id.set(random.below(3));
    key.ipv6_dst[15] = static_cast<uint8_t>(random.below(3));
    return key;
  };
  for (int step = 0; step < 20000; step++) {
    const uint32_t what = random.below(20);
    if (what < 3) {
      const FlowKey key = random_key(), &mask = masks[random.below(6)];
      const uint64_t id = static_cast<uint64_t>(step) + 1;
      cache.put(id, key, mask, {});
      reference.put(id, key, mask);
    } else if (what < 5 && !reference.flows.empty()) {
      auto at = reference.flows.begin();
      std::advance(at, random.below(static_cast<uint32_t>(reference.flows.size())));
      CHECK(cache.remove(at->first));
      reference.flows.erase(at);
    } else if (what == 5 && random.below(20) == 0) {
      cache.maintain();
    } else {
      Packet packet;
      packet.key = random_key();
      const Megaflow* found = lookup(cache, packet);
      if (found != nullptr) {
        const auto at = reference.flows.find(found->id);
        CHECK(at != reference.flows.end());
        if (at != reference.flows.end()) CHECK(Reference::equal(packet.key, at->second.key, at->second.mask));
      } else {
        for (const auto& [id, flow] : reference.flows) CHECK(!Reference::equal(packet.key, flow.key, flow.mask));
      }
    }
    CHECK_EQ(cache.size(), reference.flows.size());
  }
}

}  // namespace
}  // namespace pw
