// Header rewrites: key and frame stay one, and every checksum stays right. The checksums are verified by computing them
// anew (offload.h), which shares no code with the incremental update. Part of core_test.
#include "check.h"
#include "checksum.h"
#include "core_support.h"
#include "l4_checksum.h"
#include "offload.h"
#include "protocols.h"
#include "rewrite.h"

namespace pw {
namespace {

struct Settable {
  const char* name;
  uint16_t offset, size;
};
const Settable kSettable[] = {
#define F(name) {#name, offsetof(FlowKey, name), sizeof(FlowKey::name)}
    F(dl_dst), F(dl_src), F(vlan_tci), F(nw_tos), F(nw_ttl), F(arp_op), F(nw_src), F(nw_dst), F(icmp_type),
    F(icmp_code), F(tp_src), F(tp_dst), F(ipv6_label), F(ipv6_src), F(ipv6_dst), F(nd_target), F(arp_sha), F(arp_tha), F(pkt_mark),
#undef F
};

// checksums_valid() with SCTP's, which has no offload.
bool sums_right(const Packet& packet) {
  const bool is_sctp = packet.key.nw_proto == kIpSctp && packet.l4_offset != kNoOffset;
  if (!is_sctp) return checksums_valid(packet);
  uint32_t stored;
  memcpy(&stored, packet.data + packet.l4_offset + kSctpCsum, 4);
  return stored == sctp_crc(packet);
}

// The key is what extract() would read from the frame now.
bool key_is_true(TestPacket& p) {
  const FlowKey said = p->key;
  extract(*p);
  return memcmp(&said, &p->key, kKeySize) == 0;
}

TEST("rewrite: every literal frame has right checksums to begin with") {
  for (const Bytes& frame : all_frames()) {
    TestPacket p(frame);
    if (p->key.nw_frag == 0 && p->l4_offset != kNoOffset) CHECK(sums_right(*p));
  }
}

TEST("rewrite: any field of any frame: checksums stay right, the key stays true") {
  Random random{20240607};
  for (const Bytes& frame : all_frames()) {
    for (const Settable& field : kSettable) {
      for (int round = 0; round < 20; round++) {
        TestPacket p(frame);
        const bool had_l4 = p->key.nw_frag == 0 && p->l4_offset != kNoOffset;
        Bytes value(16), mask(16, 0xff);
        for (uint8_t& b : value) b = static_cast<uint8_t>(random.next() >> 40);
        if (round % 4 == 1) std::fill(value.begin(), value.end(), 0);
        if (round % 4 == 2) std::fill(value.begin(), value.end(), 0xff);
        if (round % 2) for (uint8_t& b : mask) b = static_cast<uint8_t>(random.next() >> 40);
        // Values that make the frame another protocol's, or that the key cannot tell from "absent", are not rewrites.
        if (field.offset == offsetof(FlowKey, arp_op)) value[0] = mask[0] = 0;
        if (field.offset == offsetof(FlowKey, icmp_type) || field.offset == offsetof(FlowKey, icmp_code)) {
          if (p->key.icmp_type == kNdSolicit || p->key.icmp_type == kNdAdvert || value[0] == kNdSolicit) continue;
        }
        set_field(*p, field.offset, value.data(), mask.data());
        if (had_l4) CHECK(sums_right(*p));
        // Malformed ones have fields in the frame that the key does not know.
        if (frame != kTcp6CutExtension && frame != kNdTwice) CHECK(key_is_true(p));
        if (check_failures()) {
          printf("    field %s, round %d, frame of %zu bytes\n", field.name, round, frame.size());
          return;
        }
      }
    }
  }
}

TEST("rewrite: a full mask writes exactly the value, a zero mask nothing") {
  TestPacket p(kTcp4);
  const uint8_t address[4] = {203, 0, 113, 9}, full[4] = {255, 255, 255, 255}, none[4] = {};
  set_field(*p, offsetof(FlowKey, nw_dst), address, full);
  CHECK(memcmp(p->data + 30, address, 4) == 0);
  const Bytes before = p.bytes();
  const uint8_t other[4] = {1, 2, 3, 4};
  set_field(*p, offsetof(FlowKey, nw_dst), other, none);
  CHECK(p.bytes() == before);
}

TEST("rewrite: a UDP checksum of zero stays zero") {
  TestPacket p(kUdp4NoCsum);
  const uint8_t address[4] = {203, 0, 113, 9}, port[2] = {1, 2}, full[4] = {255, 255, 255, 255};
  set_field(*p, offsetof(FlowKey, nw_src), address, full);
  set_field(*p, offsetof(FlowKey, tp_src), port, full);
  CHECK_EQ(load16(p->data + 34 + kUdpCsum), 0);
  CHECK(checksums_valid(*p));
}

TEST("rewrite: a UDP checksum that becomes zero is stored as 0xffff") {
  // Search the port that makes the sum zero: the checksum runs through all values as the port does.
  bool seen = false;
  for (uint32_t port = 0; port <= 0xffff; port++) {
    TestPacket p(kUdp4);
    const uint8_t value[2] = {static_cast<uint8_t>(port >> 8), static_cast<uint8_t>(port)}, full[2] = {255, 255};
    set_field(*p, offsetof(FlowKey, tp_src), value, full);
    const uint16_t sum = load16(p->data + 34 + kUdpCsum);
    CHECK(sum != 0);
    seen |= sum == 0xffff;
  }
  CHECK(seen);
}

// Leaves the L4 checksum to the hardware, as a Linux sender does: the field holds the pseudo-header's sum.
void make_partial(Packet& p, uint16_t offset) {
  uint8_t pseudo[40] = {};
  const uint32_t l4 = l4_size(p);
  uint64_t sum;
  if (p.key.dl_type == to_be16(kEthIpv4)) {
    memcpy(pseudo, p.data + p.l3_offset + 12, 8);
    pseudo[9] = p.key.nw_proto;
    store16(pseudo + 10, static_cast<uint16_t>(l4));
    sum = csum_add(0, pseudo, 12);
  } else {
    memcpy(pseudo, p.data + p.l3_offset + 8, 32);
    store32(pseudo + 32, l4);
    pseudo[39] = p.key.nw_proto;
    sum = csum_add(0, pseudo, 40);
  }
  const uint16_t folded = csum_fold(sum);
  memcpy(p.data + p.l4_offset + offset, &folded, 2);
  p.csum_partial = true;
  p.csum_start = p.l4_offset;
  p.csum_offset = offset;
}

TEST("rewrite: an unfinished checksum comes out right when it is finished after the rewrites") {
  Random random{7};
  const struct { const Bytes& frame; uint16_t offset; } cases[] = {
      {kTcp4, 16}, {kUdp4, 6}, {kTcp4Options, 16}, {kTcp6, 16}, {kUdp6, 6}, {kVlanTcp4, 16}, {kTcp6Extensions, 16}};
  for (const auto& c : cases) {
    for (int round = 0; round < 50; round++) {
      TestPacket p(c.frame);
      make_partial(*p, c.offset);
      const Bytes full(16, 0xff);
      for (const Settable& field : kSettable) {
        Bytes value(16);
        for (uint8_t& b : value) b = static_cast<uint8_t>(random.next() >> 40);
        if (random.below(2)) set_field(*p, field.offset, value.data(), full.data());
      }
      if (round % 3 == 0) CHECK(push_vlan(*p, kEthVlan, 5));
      if (round % 3 == 1) pop_vlan(*p);
      CHECK(p->csum_partial);
      CHECK_EQ(p->csum_start, p->l4_offset);
      CHECK(finish_checksum(*p));
      CHECK(checksums_valid(*p));
    }
  }
}

TEST("rewrite: push and pop VLAN move the MACs and give back the very frame") {
  for (const Bytes& frame : all_frames()) {
    TestPacket p(frame);
    const FlowKey before = p->key;
    CHECK(push_vlan(*p, kEthVlan, 0x5123));
    CHECK_EQ(p->size, frame.size() + 4);
    CHECK_EQ(p->key.vlan_tci.get(), 0x5123);
    CHECK_EQ(load16(p->data + 14), 0x4123);
    CHECK(p->key.vlan2_tci == before.vlan_tci);
    CHECK(memcmp(p->data, frame.data(), 12) == 0);
    pop_vlan(*p);
    CHECK(p.bytes() == frame);
    CHECK(memcmp(&before, &p->key, kKeySize) == 0);
  }
}

TEST("rewrite: push VLAN without headroom says so") {
  TestPacket p(kTcp4);
  p->headroom = 3;
  CHECK(!push_vlan(*p, kEthVlan, 5));
  CHECK(p.bytes() == kTcp4);
}

TEST("rewrite: the destination of a packet with routing segments left is not in its checksum") {
  TestPacket p(kTcp6Routing);
  const uint16_t before = load16(p->data + p->l4_offset + kTcpCsum);
  const Bytes value(16, 0x42), full(16, 0xff);
  set_field(*p, offsetof(FlowKey, ipv6_dst), value.data(), full.data());
  CHECK_EQ(load16(p->data + p->l4_offset + kTcpCsum), before);
  set_field(*p, offsetof(FlowKey, ipv6_src), value.data(), full.data());
  CHECK(load16(p->data + p->l4_offset + kTcpCsum) != before);
}

TEST("rewrite: headers that are not whole lose no byte to a port, and TCP's checksum follows the address all the same") {
  const uint8_t port[] = {0x12, 0x34}, ones[] = {0xff, 0xff, 0xff, 0xff}, address[] = {192, 0, 2, 9};
  Bytes tcp = kTcp4, sctp = kSctp4;
  tcp[46] = 4 << 4;
  sctp[17] = 20 + 11;
  for (const Bytes& frame : {tcp, sctp}) {
    TestPacket p(frame);
    set_field(*p, offsetof(FlowKey, tp_dst), port, ones);
    CHECK(memcmp(p->data, frame.data(), frame.size()) == 0);
  }
  TestPacket p(tcp);
  set_field(*p, offsetof(FlowKey, nw_src), address, ones);
  CHECK(memcmp(p->data + 34 + kTcpCsum, &tcp[34 + kTcpCsum], 2) != 0);
  TestPacket again(kTcp4);
  set_field(*again, offsetof(FlowKey, nw_src), address, ones);
  CHECK(memcmp(p->data + 34 + kTcpCsum, again->data + 34 + kTcpCsum, 2) == 0);
}

TEST("rewrite: SCTP's CRC follows the ports and not the addresses") {
  TestPacket p(kSctp4);
  const uint8_t full[4] = {255, 255, 255, 255}, port[2] = {0x12, 0x34}, address[4] = {203, 0, 113, 9};
  set_field(*p, offsetof(FlowKey, tp_dst), port, full);
  set_field(*p, offsetof(FlowKey, nw_dst), address, full);
  CHECK(sums_right(*p));
  CHECK_EQ(load16(p->data + 36), 0x1234);
}

TEST("rewrite: a later fragment's payload is never taken for a header") {
  TestPacket p(kUdp4Later);
  const Bytes before = p.bytes();
  const uint8_t port[2] = {0x12, 0x34}, address[4] = {203, 0, 113, 9}, full[4] = {255, 255, 255, 255};
  set_field(*p, offsetof(FlowKey, tp_dst), port, full);
  CHECK(p.bytes() == before);
  set_field(*p, offsetof(FlowKey, nw_src), address, full);
  CHECK(memcmp(p->data + 34, before.data() + 34, before.size() - 34) == 0);
}

TEST("rewrite: a wrong checksum stays wrong") {
  TestPacket p(kTcp4);
  p->data[34 + kTcpCsum] ^= 0x55;
  const uint8_t address[4] = {203, 0, 113, 9}, full[4] = {255, 255, 255, 255};
  set_field(*p, offsetof(FlowKey, nw_src), address, full);
  CHECK(!checksums_valid(*p));
}

}  // namespace
}  // namespace pw
