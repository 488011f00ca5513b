// Frames to keys, on literal bytes and at every truncation. Part of core_test.
#include "check.h"
#include "core_support.h"
#include "protocols.h"

namespace pw {
namespace {

bool is(const uint8_t* field, const Bytes& expected) { return memcmp(field, expected.data(), expected.size()) == 0; }
uint32_t ip(const be32& field) { return field.get(); }
constexpr uint32_t kA = 0xc0000201, kB = 0xc6336402;  // 192.0.2.1, 198.51.100.2
const Bytes kA6 = {0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
const Bytes kB6 = {0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2};
const Bytes kTarget6 = {0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9};
const Bytes kMac1 = {2, 0, 0, 0, 0, 1}, kMac2 = {2, 0, 0, 0, 0, 2}, kNoMac(6), kNoAddress(16);

TEST("extract: an ARP request gives opcode, protocol and hardware addresses") {
  TestPacket p(kArp);
  CHECK_EQ(p->key.dl_type.get(), kEthArp);
  CHECK(is(p->key.dl_dst, kMac2) && is(p->key.dl_src, kMac1));
  CHECK_EQ(p->key.arp_op.get(), 1);
  CHECK_EQ(ip(p->key.nw_src), kA);
  CHECK_EQ(ip(p->key.nw_dst), kB);
  CHECK(is(p->key.arp_sha, kMac1) && is(p->key.arp_tha, kNoMac));
  CHECK_EQ(p->l3_offset, 14);
  CHECK_EQ(p->l4_offset, kNoOffset);
  CHECK_EQ(p->key.in_port.get(), 1u);
}

TEST("extract: an ARP opcode above 255 reads as 0, another hardware type as no ARP at all") {
  Bytes frame = kArp;
  frame[20] = 1;
  CHECK_EQ(TestPacket(frame)->key.arp_op.get(), 0);
  CHECK_EQ(ip(TestPacket(frame)->key.nw_src), kA);
  frame[15] = 6;
  CHECK_EQ(ip(TestPacket(frame)->key.nw_src), 0u);
  CHECK_EQ(TestPacket(frame)->l3_offset, kNoOffset);
}

TEST("extract: TCP over IPv4 gives addresses, ports, flags, TOS and TTL") {
  TestPacket p(kTcp4);
  const FlowKey& k = p->key;
  CHECK_EQ(k.dl_type.get(), kEthIpv4);
  CHECK_EQ(ip(k.nw_src), kA);
  CHECK_EQ(ip(k.nw_dst), kB);
  CHECK_EQ(k.nw_proto, kIpTcp);
  CHECK_EQ(k.nw_tos, 0x28);
  CHECK_EQ(k.nw_ttl, 64);
  CHECK_EQ(k.nw_frag, 0);
  CHECK_EQ(k.tp_src.get(), 43210);
  CHECK_EQ(k.tp_dst.get(), 80);
  CHECK_EQ(k.tcp_flags.get(), 0x18);
  CHECK_EQ(p->l3_offset, 14);
  CHECK_EQ(p->l4_offset, 34);
}

TEST("extract: TCP has twelve flags") {
  Bytes frame = kTcp4;
  frame[46] |= 0x0f;
  frame[47] = 0xff;
  CHECK_EQ(TestPacket(frame)->key.tcp_flags.get(), 0xfff);
}

TEST("extract: UDP, SCTP and ICMP over IPv4 give ports or type and code") {
  CHECK_EQ(TestPacket(kUdp4)->key.tp_src.get(), 5353);
  CHECK_EQ(TestPacket(kUdp4)->key.tp_dst.get(), 53);
  CHECK_EQ(TestPacket(kSctp4)->key.tp_src.get(), 5000);
  CHECK_EQ(TestPacket(kSctp4)->key.tp_dst.get(), 5001);
  CHECK_EQ(TestPacket(kIcmp4)->key.icmp_type, 8);
  CHECK_EQ(TestPacket(kIcmp4)->key.icmp_code, 0);
  CHECK_EQ(TestPacket(kIcmp4)->key.tp_src.get(), 0);
}

TEST("extract: IPv4 options move the L4 header") {
  TestPacket p(kTcp4Options);
  CHECK_EQ(p->l4_offset, 38);
  CHECK_EQ(p->key.tp_dst.get(), 80);
}

TEST("extract: a first fragment has ports, a later one has none") {
  CHECK_EQ(TestPacket(kUdp4First)->key.nw_frag, kFragAny);
  CHECK_EQ(TestPacket(kUdp4First)->key.tp_dst.get(), 53);
  TestPacket later(kUdp4Later);
  CHECK_EQ(later->key.nw_frag, kFragAny | kFragLater);
  CHECK_EQ(later->key.nw_proto, kIpUdp);
  CHECK_EQ(later->key.tp_dst.get(), 0);
  CHECK_EQ(later->l4_offset, kNoOffset);
  TestPacket first6(kUdp6First), later6(kUdp6Later);
  CHECK_EQ(first6->key.nw_frag, kFragAny);
  CHECK_EQ(first6->key.tp_dst.get(), 53);
  CHECK_EQ(later6->key.nw_frag, kFragAny | kFragLater);
  CHECK_EQ(later6->key.nw_proto, kIpFragment);
  CHECK_EQ(later6->l4_offset, kNoOffset);
}

TEST("extract: TCP over IPv6 gives addresses, flow label and traffic class") {
  TestPacket p(kTcp6);
  const FlowKey& k = p->key;
  CHECK_EQ(k.dl_type.get(), kEthIpv6);
  CHECK(is(k.ipv6_src, kA6) && is(k.ipv6_dst, kB6));
  CHECK_EQ(k.ipv6_label.get(), 0xabcdeu);
  CHECK_EQ(k.nw_tos, 0x28);
  CHECK_EQ(k.nw_ttl, 63);
  CHECK_EQ(k.tp_src.get(), 43210);
  CHECK_EQ(k.tcp_flags.get(), 0x18);
  CHECK_EQ(p->l4_offset, 54);
  CHECK_EQ(TestPacket(kUdp6)->key.tp_dst.get(), 53);
  CHECK_EQ(TestPacket(kIcmp6)->key.icmp_type, 128);
}

TEST("extract: IPv6 extension headers are walked to the protocol") {
  TestPacket p(kTcp6Extensions);
  CHECK_EQ(p->key.nw_proto, kIpTcp);
  CHECK_EQ(p->key.tp_dst.get(), 80);
  CHECK_EQ(p->l4_offset, 54 + 8 + 8 + 24);
  CHECK_EQ(TestPacket(kTcp6Routing)->key.tp_dst.get(), 80);
}

TEST("extract: an extension header that runs over the end leaves the addresses only, as OVS does") {
  TestPacket p(kTcp6CutExtension);
  CHECK(is(p->key.ipv6_src, kA6));
  CHECK_EQ(p->key.nw_proto, 0);
  CHECK_EQ(p->key.nw_ttl, 0);
  CHECK_EQ(p->key.ipv6_label.get(), 0u);
  CHECK_EQ(p->l3_offset, 14);
  CHECK_EQ(p->l4_offset, kNoOffset);
}

TEST("extract: neighbour discovery gives target and link-layer addresses") {
  TestPacket solicit(kNdSolicitFrame), advert(kNdAdvertFrame);
  CHECK(is(solicit->key.nd_target, kTarget6));
  CHECK(is(solicit->key.arp_sha, kMac1) && is(solicit->key.arp_tha, kNoMac));
  CHECK(is(advert->key.nd_target, kTarget6));
  CHECK(is(advert->key.arp_tha, kMac1) && is(advert->key.arp_sha, kNoMac));
  CHECK_EQ(advert->key.icmp_type, 136);
}

TEST("extract: the same neighbour discovery option twice voids target and addresses") {
  TestPacket p(kNdTwice);
  CHECK(is(p->key.nd_target, kNoAddress) && is(p->key.arp_sha, kNoMac));
  CHECK_EQ(p->key.icmp_type, 135);
}

TEST("extract: one and two VLAN tags") {
  TestPacket one(kVlanTcp4), two(kQinqTcp4);
  CHECK_EQ(one->key.vlan_tci.get(), 0x7005);
  CHECK_EQ(one->key.vlan_tpid.get(), kEthVlan);
  CHECK_EQ(one->key.vlan2_tci.get(), 0);
  CHECK_EQ(one->key.dl_type.get(), kEthIpv4);
  CHECK_EQ(one->l3_offset, 18);
  CHECK_EQ(two->key.vlan_tci.get(), 0x1007);
  CHECK_EQ(two->key.vlan_tpid.get(), kEthQinq);
  CHECK_EQ(two->key.vlan2_tci.get(), 0x3009);
  CHECK_EQ(two->key.vlan2_tpid.get(), kEthVlan);
  CHECK_EQ(two->key.tp_dst.get(), 80);
}

TEST("extract: 802.3 frames with SNAP have a type, others 0x05ff") {
  CHECK_EQ(TestPacket(kSnapArp)->key.dl_type.get(), kEthArp);
  CHECK_EQ(ip(TestPacket(kSnapArp)->key.nw_src), kA);
  CHECK_EQ(TestPacket(kLlc)->key.dl_type.get(), kEthNone);
}

TEST("extract: padding after the IP packet belongs to nothing") {
  Bytes frame = kTcp4;
  frame.resize(frame.size() + 20);
  CHECK_EQ(TestPacket(frame)->key.tp_dst.get(), 80);
  // An IP packet that ends within the TCP header has no ports, whatever the padding looks like.
  frame[17] = 30;
  CHECK_EQ(TestPacket(frame)->key.nw_proto, kIpTcp);
  CHECK_EQ(TestPacket(frame)->key.tp_dst.get(), 0);
  CHECK_EQ(TestPacket(frame)->l4_offset, kNoOffset);
}

TEST("extract: a TCP header whose own length is too small or runs over the end has no ports") {
  for (const uint8_t words : {0, 4, 6, 15}) {
    Bytes frame = kTcp4;
    frame[46] = static_cast<uint8_t>(words << 4);
    CHECK_EQ(TestPacket(frame)->key.tp_dst.get(), 0);
    CHECK_EQ(TestPacket(frame)->key.tcp_flags.get(), 0);
    CHECK_EQ(TestPacket(frame)->l4_offset, 34);  // where the checksum is known to be
  }
}

TEST("extract: SCTP that is cut short has no ports") {
  Bytes frame = kSctp4;
  frame[17] = 20 + 11;
  CHECK_EQ(TestPacket(frame)->key.tp_dst.get(), 0);
  CHECK_EQ(TestPacket(frame)->l4_offset, 34);
}

TEST("extract: IPv4 headers that lie leave all IP fields zero") {
  const auto nothing = [](size_t at, uint8_t value) {
    Bytes frame = kTcp4;
    frame[at] = value;
    TestPacket p(frame);
    return ip(p->key.nw_src) == 0 && p->key.nw_proto == 0 && p->l3_offset == kNoOffset && p->l4_offset == kNoOffset &&
           p->key.dl_type.get() == kEthIpv4;
  };
  CHECK(nothing(14, 0x44));   // header of 16 bytes
  CHECK(nothing(14, 0x4f));   // header of 60 bytes, longer than the total length
  CHECK(nothing(16, 0xff));   // total length beyond the frame
  CHECK(nothing(17, 19));     // total length shorter than the header
}

TEST("extract: every truncation of every frame stays within its bytes and keeps a prefix of the key's truth") {
  for (const Bytes& frame : all_frames()) {
    const TestPacket whole(frame);
    for (size_t size = 0; size <= frame.size(); size++) {
      TestPacket cut(Bytes(frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(size)));
      CHECK(cut->l3_offset == kNoOffset || cut->l3_offset < size);
      CHECK(cut->l4_offset == kNoOffset || cut->l4_offset <= size);
      // A field that was read from a cut frame is what the whole frame says, or zero.
      const FlowKey &a = cut->key, &b = whole.packet.key;
      CHECK(a.nw_src.raw == 0 || a.nw_src == b.nw_src);
      CHECK(a.tp_dst.raw == 0 || a.tp_dst == b.tp_dst);
      CHECK(a.nw_proto == 0 || a.nw_proto == b.nw_proto);
      CHECK(is(a.ipv6_dst, kNoAddress) || memcmp(a.ipv6_dst, b.ipv6_dst, 16) == 0);
      if (size < 14) CHECK_EQ(a.dl_type.raw, 0);
    }
  }
}

TEST("extract: keeps metadata and tunnel, forgets old headers") {
  TestPacket p(kTcp4);
  p->key.recirc_id.set(7);
  p->key.ct_mark.set(0x20);
  p->key.tun_id.set(0x1234);
  memcpy(p->data, kArp.data(), 14);  // now an ARP type over an IP header: no ARP
  extract(*p);
  CHECK_EQ(p->key.recirc_id.get(), 7u);
  CHECK_EQ(p->key.ct_mark.get(), 0x20u);
  CHECK_EQ(static_cast<int>(p->key.tun_id.get()), 0x1234);
  CHECK_EQ(ip(p->key.nw_src), 0u);
  CHECK_EQ(p->key.tp_dst.get(), 0);
}

}  // namespace
}  // namespace pw
