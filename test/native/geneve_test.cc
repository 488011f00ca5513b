// Geneve: the header byte by byte, and two nodes over a real underlay, watched by tshark.
#include "ports/geneve.h"

#include <algorithm>
#include <map>
#include <memory>
#include <random>
#include <set>

#include "check.h"
#include "frames.h"
#include "geneve_lab.h"
#include "offload.h"
#include "ports/geneve_tx.h"

using namespace pw;

namespace {

// Three options as a controller would map them: 4 bytes, 8 bytes, and a critical one of 16.
const std::vector<TlvOption> kMap = {
    {.opt_class = 0x0104, .type = 0x00, .size = 4, .index = 0, .offset = 0},
    {.opt_class = 0x0104, .type = 0x01, .size = 8, .index = 1, .offset = 4},
    {.opt_class = 0xffff, .type = 0x80, .size = 16, .index = 2, .offset = 12},
};

// OAM, VNI 0xabcdef, the first and the third option; what ovs and tshark show for it.
const Bytes kHeader = {0x07, 0xc0, 0x65, 0x58, 0xab, 0xcd, 0xef, 0x00,
                       0x01, 0x04, 0x00, 0x01, 0xde, 0xad, 0xbe, 0xef,
                       0xff, 0xff, 0x80, 0x04, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

using Result = TlvMap::Result;

Result parse(const TlvMap& map, const Bytes& bytes, FlowKey& key, uint32_t* size) {
  std::unique_ptr<uint8_t[]> exact(new uint8_t[bytes.size() + 1]);
  std::copy(bytes.begin(), bytes.end(), exact.get());
  memset(static_cast<void*>(&key), 0, sizeof key);
  return map.parse(exact.get(), static_cast<uint32_t>(bytes.size()), key, size);
}

// Everything received on UDP 6081 within a moment, through the port, a few packets at a time.
struct Received {
  Bytes frame;
  FlowKey key;
};
std::vector<Received> receive(Port& port, size_t want, int max = 5) {
  std::vector<Received> all;
  std::array<Packet, kBurst> storage;
  std::array<Packet*, kBurst> burst;
  for (int i = 0; i < kBurst; i++) burst[i] = &storage[i];
  for (int tries = 0; tries < 100 && all.size() < want; tries++) {
    const int n = port.rx(burst.data(), max);
    for (int i = 0; i < n; i++) {
      all.push_back({Bytes(burst[i]->data, burst[i]->data + burst[i]->size), burst[i]->key});
      memset(burst[i]->data - 8, 0xee, 8);  // the headroom that is promised is writable and nobody else's
      CHECK(burst[i]->headroom >= 8);
    }
    port.release();
    if (n == 0) usleep(2000);
  }
  return all;
}

Packet packet_of(Bytes& frame) {
  Packet packet;
  memset(static_cast<void*>(&packet.key), 0, sizeof packet.key);
  packet.data = frame.data();
  packet.size = static_cast<uint32_t>(frame.size());
  return packet;
}

}  // namespace

TEST("a Geneve header is read into the key, options where the TLV map says") {
  TlvMap map;
  map.set(kMap);
  FlowKey key;
  uint32_t size = 0;
  CHECK(parse(map, kHeader, key, &size) == Result::ok);
  CHECK_EQ(size, kHeader.size());
  CHECK_EQ(key.tun_id.get(), 0xabcdefu);
  CHECK_EQ(key.tun_flags.get(), 1);
  CHECK_EQ(key.tun_metadata_present.get(), 0b101u);
  CHECK_EQ(load32(key.tun_metadata), 0xdeadbeefu);
  CHECK_EQ(load64(key.tun_metadata + 4), 0u);
  CHECK_EQ(load64(key.tun_metadata + 12), 0x0102030405060708u);
}

TEST("a Geneve header built from a key is the one that was read") {
  TlvMap map;
  map.set(kMap);
  FlowKey key;
  uint32_t size = 0;
  parse(map, kHeader, key, &size);
  Bytes built(kGeneveMaxHeader);
  built.resize(map.build(key, built.data()));
  CHECK(built == kHeader);
  memset(static_cast<void*>(&key), 0, sizeof key);
  CHECK_EQ(map.build(key, built.data()), 8u);
  CHECK(Bytes(built.begin(), built.begin() + 8) == Bytes({0, 0, 0x65, 0x58, 0, 0, 0, 0}));
}

TEST("an option that nobody knows is passed over, and refused when it is critical") {
  TlvMap map;
  FlowKey key;
  uint32_t size = 0;
  CHECK(parse(map, kHeader, key, &size) == Result::unknown_option);
  Bytes header(kHeader.begin(), kHeader.begin() + 16);
  header[0] = 2;
  CHECK(parse(map, header, key, &size) == Result::ok);
  CHECK(size == 16 && key.tun_metadata_present.raw == 0);
  map.set({{.opt_class = 0x0104, .type = 0, .size = 8, .index = 0, .offset = 0}});  // known, but of another size
  CHECK(parse(map, header, key, &size) == Result::ok);
  CHECK_EQ(key.tun_metadata_present.raw, 0u);
}

TEST("a Geneve header of another version or protocol, or one that is cut short anywhere, is malformed") {
  TlvMap map;
  map.set(kMap);
  FlowKey key;
  uint32_t size = 0;
  for (size_t cut = 0; cut < kHeader.size(); cut++) {
    const Bytes part(kHeader.begin(), kHeader.begin() + static_cast<long>(cut));
    CHECK(parse(map, part, key, &size) == Result::malformed);
  }
  auto changed = [&](size_t at, uint8_t value) {
    Bytes header = kHeader;
    header[at] = value;
    return parse(map, header, key, &size);
  };
  CHECK(changed(0, 0x47) == Result::malformed);   // version 1
  CHECK(changed(2, 0x08) == Result::malformed);   // an IP packet, not a frame
  CHECK(changed(11, 0x1f) == Result::malformed);  // an option longer than the options
  CHECK(changed(0, 0x08) == Result::malformed);   // options longer than the datagram
}

TEST("random Geneve headers are never read beyond their end") {
  TlvMap map;
  map.set(kMap);
  std::mt19937 random(4711);
  std::map<Result, int> seen;
  for (int round = 0; round < 40000; round++) {
    Bytes bytes = kHeader;
    for (int flips = 1 + static_cast<int>(random() % 4); flips > 0; flips--) bytes[random() % bytes.size()] = random();
    if (random() % 3 == 0) bytes.resize(random() % (bytes.size() + 1));
    FlowKey key;
    uint32_t size = 0;
    const Result result = parse(map, bytes, key, &size);
    CHECK(result != Result::ok || size <= bytes.size());
    seen[result]++;
  }
  CHECK(seen[Result::ok] > 100 && seen[Result::malformed] > 100 && seen[Result::unknown_option] > 100);
}

TEST("a TLV map entry that does not fit tun_metadata is left out") {
  TlvMap map;
  map.set({{.opt_class = 1, .type = 1, .size = 8, .index = 0, .offset = 236},
           {.opt_class = 1, .type = 2, .size = 4, .index = 64, .offset = 0}});
  FlowKey key;
  memset(static_cast<void*>(&key), 0xff, sizeof key);
  uint8_t header[kGeneveMaxHeader];
  CHECK_EQ(map.build(key, header), 8u);
}

TEST("the hash of an inner flow is stable, and tells flows but not fragments apart") {
  std::set<uint32_t> hashes;
  for (uint16_t port = 1000; port < 1100; port++) {
    Frame frame = build_frame({.version = 4, .proto = 17}, true);
    put16(&frame.bytes[frame.l4], port);
    const uint32_t hash = inner_flow_hash(frame.bytes.data(), frame.bytes.size());
    CHECK_EQ(hash, inner_flow_hash(frame.bytes.data(), frame.bytes.size()));
    hashes.insert(hash % 64);
  }
  CHECK(hashes.size() > 40);
  Frame first = build_frame({.version = 4, .proto = 17}, true), later = first;
  put16(&first.bytes[first.l3 + 6], 0x2000);
  put16(&later.bytes[later.l3 + 6], 0x0010);
  put16(&later.bytes[later.l4], 7);
  CHECK_EQ(inner_flow_hash(first.bytes.data(), first.bytes.size()),
           inner_flow_hash(later.bytes.data(), later.bytes.size()));
}

TEST("pods on two nodes talk through Geneve: GSO frames in, coalesced reads out, not a byte damaged") {
  NEEDS_LAB();
  Nodes nodes;
  Namespace pod1("pod1"), pod2("pod2");
  auto tap1 = pod_tap(pod1, "192.0.2.1", 1450), tap2 = pod_tap(pod2, "192.0.2.2", 1450);
  auto tun1 = geneve(nodes.one), tun2 = geneve(nodes.two);
  if (!tap1 || !tap2 || !tun1 || !tun2) return;
  std::atomic<int> gso_in{0}, coalesced{0}, wrong{0};
  auto to = [&](Port& tap, const std::string& local, const std::string& remote) {
    return [&, local, remote](Packet& p, Port& from) {
      if (&from == &tap) {
        gso_in += p.gso_type != GsoType::none;
        set_tunnel(p, remote, 5);
      } else {
        coalesced += p.headroom < kHeadroom;
        wrong += p.key.tun_src.raw != address_of(remote).s_addr || p.key.tun_dst.raw != address_of(local).s_addr ||
                 p.key.tun_id.get() != 5 || p.key.tun_ttl != 64 || p.key.tun_tp_dst.get() != 6081;
      }
      return true;
    };
  };
  Forwarder node1(*tap1, *tun1, to(*tap1, nodes.first, nodes.second));
  Forwarder node2(*tap2, *tun2, to(*tap2, nodes.second, nodes.first));
  CHECK_EQ(ping(pod1, "192.0.2.2"), 3);
  CHECK_EQ(ping(pod1, "192.0.2.2", 1, 1450 - 28), 1);
  const Stream stream = tcp_stream(pod1, pod2, "192.0.2.2", 32 << 20);
  CHECK_EQ(stream.bytes, size_t{32 << 20});
  CHECK_EQ(udp_segments(pod1, pod2, "192.0.2.2", 14000, 1400), 10);
  CHECK(gso_in > 50 && coalesced > 1000 && wrong == 0);
  printf("(%.1f Gbit/s with sanitizers) ", stream.gbits());
  for (const Port* p : {static_cast<Port*>(tun1.get()), static_cast<Port*>(tun2.get())}) {
    CHECK_EQ(p->counters.rx_errors + p->counters.tx_errors + p->counters.tx_too_big + p->counters.tx_dropped, 0u);
  }
  // Every datagram is counted at both ends, when the last one has arrived.
  auto all_there = [&] {
    return tun2->counters.rx_packets == tun1->counters.tx_packets && tun2->counters.rx_bytes == tun1->counters.tx_bytes;
  };
  for (int i = 0; i < 100 && !all_there(); i++) usleep(20000);
  CHECK(all_there() && tun1->counters.tx_packets > (32 << 20) / 1500);
}

TEST("frames cross as sent: whole, partial, segmented, with options, and with each tunnel field") {
  NEEDS_LAB();
  Nodes nodes;
  auto tun1 = geneve(nodes.one), tun2 = geneve(nodes.two);
  if (!tun1 || !tun2) return;
  tun1->set_tlv_map(kMap);
  tun2->set_tlv_map(kMap);
  Bytes whole = build_frame({.version = 6, .proto = 17, .payload = 200}, true).bytes;
  Bytes partial = build_frame({.version = 4, .proto = 6, .tags = 1, .payload = 300}, false).bytes;
  Bytes gso = build_frame({.version = 4, .proto = 6, .payload = 10000}, false).bytes;
  Packet packets[3] = {packet_of(whole), packet_of(partial), packet_of(gso)};
  Packet* burst[3] = {&packets[0], &packets[1], &packets[2]};
  for (Packet& p : packets) {
    set_tunnel(p, nodes.second, 0x123456);
    p.key.tun_tos = 0xb8;
    p.key.tun_ttl = 9;
    p.key.tun_flags = to_be16(1);
    p.key.tun_metadata_present = to_be64(0b011);
    store32(p.key.tun_metadata, 0xc0ffee00);
    store64(p.key.tun_metadata + 4, 0x1122334455667788);
  }
  packets[1].key.tun_src.raw = address_of(nodes.first).s_addr;
  packets[1].csum_partial = packets[2].csum_partial = true;
  packets[1].csum_start = 38;
  packets[2].csum_start = 34;
  packets[1].csum_offset = packets[2].csum_offset = 16;
  packets[2].gso_type = GsoType::tcp4;
  packets[2].gso_size = 1000;
  const Bytes before = gso;
  tun1->tx(burst, 3);
  CHECK(gso == before);  // another port may hold the same bytes
  tun1->flush();
  const std::vector<Received> got = receive(*tun2, 12);
  CHECK_EQ(got.size(), 12u);
  std::set<Bytes> frames;
  for (const Received& r : got) {
    frames.insert(r.frame);
    CHECK_EQ(r.key.tun_id.get(), 0x123456u);
    CHECK_EQ(r.key.tun_tos, 0xb8);
    CHECK_EQ(r.key.tun_ttl, 9);
    CHECK_EQ(r.key.tun_flags.get(), 1);
    CHECK_EQ(r.key.in_port.get(), 10u);
    CHECK_EQ(r.key.tun_metadata_present.get(), 0b011u);
    CHECK(load32(r.key.tun_metadata) == 0xc0ffee00 && load64(r.key.tun_metadata + 4) == 0x1122334455667788);
    CHECK(r.key.tun_tp_src.get() >= 32768 && r.key.tun_tp_src.get() <= 60999);
    Bytes copy = r.frame;
    CHECK(checksums_valid(packet_of(copy)));
  }
  CHECK(frames.count(whole) == 1);
  CHECK(frames.count(build_frame({.version = 4, .proto = 6, .tags = 1, .payload = 300}, true).bytes) == 1);
  CHECK_EQ(tun1->counters.tx_packets, 12u);
}

TEST("frames cross over IPv6 and IPv4 by one port: whole and segmented, with each tunnel field") {
  NEEDS_LAB();
  Nodes nodes;
  for (const auto& [node, address] : {std::pair{&nodes.one, "fd00:6::1"}, std::pair{&nodes.two, "fd00:6::2"}}) {
    node->exec("sysctl -qw net.ipv6.conf.eth0.disable_ipv6=0");
    CHECK(node->ip_ok(std::string("addr add ") + address + "/64 dev eth0 nodad"));
  }
  auto tun1 = geneve(nodes.one, true, true), tun2 = geneve(nodes.two, true, true);
  if (!tun1 || !tun2) return;
  OuterAddress one, two;
  CHECK(one.parse("fd00:6::1") && two.parse("fd00:6::2") && !one.is_ipv4() && !OuterAddress().parse("fd00:6"));
  Bytes whole = build_frame({.version = 6, .proto = 17, .payload = 200}, true).bytes;
  Bytes gso = build_frame({.version = 4, .proto = 6, .payload = 10000}, false).bytes;
  Bytes over4 = build_frame({.version = 4, .proto = 17, .payload = 200}, true).bytes;
  Packet packets[3] = {packet_of(whole), packet_of(gso), packet_of(over4)};
  Packet* burst[3] = {&packets[0], &packets[1], &packets[2]};
  for (Packet& p : packets) {
    set_tunnel(p, nodes.second, 0x123456);
    p.key.tun_tos = 0xb8;
    p.key.tun_ttl = 9;
  }
  for (Packet* p : {burst[0], burst[1]}) {
    p->key.tun_dst = be32{};
    memcpy(p->key.tun_ipv6_dst, &two.in6, 16);
  }
  memcpy(packets[0].key.tun_ipv6_src, &one.in6, 16);
  packets[1].csum_partial = true;
  packets[1].csum_start = 34;
  packets[1].csum_offset = 16;
  packets[1].gso_type = GsoType::tcp4;
  packets[1].gso_size = 1000;
  tun1->tx(burst, 3);
  tun1->flush();
  CHECK_EQ(tun1->counters.tx_packets, 12u);
  const std::vector<Received> got = receive(*tun2, 12);
  CHECK_EQ(got.size(), 12u);
  int by_ipv4 = 0;
  for (const Received& r : got) {
    const bool ipv4 = r.frame == over4;
    by_ipv4 += ipv4;
    CHECK_EQ(r.key.tun_id.get(), 0x123456u);
    CHECK_EQ(r.key.tun_tos, 0xb8);
    CHECK_EQ(r.key.tun_ttl, 9);
    CHECK_EQ(r.key.tun_src.raw, ipv4 ? address_of(nodes.first).s_addr : 0);
    CHECK_EQ(r.key.tun_dst.raw, ipv4 ? address_of(nodes.second).s_addr : 0);
    CHECK(OuterAddress(be32{}, r.key.tun_ipv6_src) == (ipv4 ? OuterAddress(be32{}, in6addr_any.s6_addr) : one));
    CHECK(OuterAddress(be32{}, r.key.tun_ipv6_dst) == (ipv4 ? OuterAddress(be32{}, in6addr_any.s6_addr) : two));
    Bytes copy = r.frame;
    CHECK(checksums_valid(packet_of(copy)));
  }
  CHECK_EQ(by_ipv4, 1);
}

TEST("what cannot be sent is counted: no destination, too big for the underlay, no route, a foreign source address") {
  NEEDS_LAB();
  Nodes nodes;
  auto tun = geneve(nodes.one);
  if (!tun) return;
  Bytes frame = build_frame({.version = 4, .proto = 17, .payload = 2000}, true).bytes;
  Packet packet = packet_of(frame);
  Packet* burst[1] = {&packet};
  auto send = [&] {
    tun->tx(burst, 1);
    tun->flush();
  };
  send();
  CHECK_EQ(tun->counters.tx_errors, 1u);
  set_tunnel(packet, nodes.second);
  send();
  CHECK_EQ(tun->counters.tx_too_big, 1u);
  packet.size = 60;
  set_tunnel(packet, "203.0.113.1");
  send();
  CHECK_EQ(tun->counters.tx_dropped, 1u);
  set_tunnel(packet, nodes.second);
  packet.key.tun_src.raw = address_of("203.0.113.1").s_addr;
  send();
  CHECK_EQ(tun->counters.tx_errors + tun->counters.tx_dropped, 3u);  // EINVAL or ENETUNREACH, as the kernel is old or new
  packet.gso_type = GsoType::tcp6;
  packet.gso_size = 100;
  packet.key.tun_src.raw = 0;
  send();
  CHECK_EQ(tun->counters.tx_errors + tun->counters.tx_dropped, 4u);
  CHECK(tun->counters.tx_errors >= 2 && tun->counters.tx_packets == 0);
}

TEST("random frames with random offloads never break the sender, and each is counted") {
  NEEDS_LAB();
  Nodes nodes;
  auto tun = geneve(nodes.one);
  if (!tun) return;
  tun->set_tlv_map(kMap);
  std::mt19937 random(99);
  uint64_t sent = 0;
  for (int round = 0; round < 400; round++) {
    std::vector<std::unique_ptr<uint8_t[]>> boxes;  // exact sizes: ASan sees a read too far
    std::array<Packet, 16> packets;
    std::array<Packet*, 16> burst;
    for (size_t i = 0; i < packets.size(); i++) {
      FrameSpec spec{.version = random() % 2 ? 4 : 6, .proto = static_cast<uint8_t>(random() % 2 ? 6 : 17)};
      spec.tags = static_cast<int>(random() % 3);
      spec.payload = static_cast<uint32_t>(random() % 3000);
      Bytes frame = build_frame(spec, false).bytes;
      for (int flips = static_cast<int>(random() % 3); flips > 0; flips--) {
        frame[random() % std::min<size_t>(60, frame.size())] = static_cast<uint8_t>(random());
      }
      boxes.emplace_back(new uint8_t[frame.size()]);
      std::copy(frame.begin(), frame.end(), boxes.back().get());
      Packet& p = packets[i] = packet_of(frame);
      p.data = boxes.back().get();
      set_tunnel(p, random() % 8 ? nodes.second : "198.51.100.9");
      p.key.tun_metadata_present = to_be64(random() % 8);
      p.csum_partial = random() % 2;
      p.csum_start = static_cast<uint16_t>(random() % 4 ? 34 + 20 * (random() % 2) : random());
      p.csum_offset = static_cast<uint16_t>(random() % 4 ? (random() % 2 ? 16 : 6) : random());
      p.gso_type = static_cast<GsoType>(random() % 4);
      p.gso_size = static_cast<uint16_t>(random() % 1400);
      burst[i] = &p;
    }
    tun->tx(burst.data(), static_cast<int>(burst.size()));
    tun->flush();
    sent += burst.size();
  }
  const PortCounters& c = tun->counters;
  CHECK(c.tx_packets + c.tx_errors + c.tx_dropped + c.tx_too_big >= sent);  // a GSO frame counts for each datagram
  CHECK(c.tx_packets > 1000 && c.tx_errors > 1000 && c.tx_too_big > 100);
}

TEST("datagrams that are no Geneve are counted, and good ones between them arrive") {
  NEEDS_LAB();
  Nodes nodes;
  auto tun = geneve(nodes.two);
  if (!tun) return;
  Fd sender = socket_in(nodes.one, SOCK_DGRAM);
  const sockaddr_in where = ipv4(nodes.second, 6081);
  auto send = [&](const Bytes& b) {
    sendto(sender.get(), b.data(), b.size(), 0, reinterpret_cast<const sockaddr*>(&where), sizeof where);
  };
  const Bytes frame = build_frame({.version = 4, .proto = 17, .payload = 20}, true).bytes;
  Bytes good = {0, 0, 0x65, 0x58, 0, 0, 1, 0}, version = good, critical(kHeader);
  version[0] = 0x40;
  for (Bytes* b : {&good, &version, &critical}) b->insert(b->end(), frame.begin(), frame.end());
  send(good);
  send({});
  send({1, 2, 3});
  send(version);
  send(critical);
  send(good);
  const std::vector<Received> got = receive(*tun, 2);
  CHECK(got.size() == 2 && got[0].frame == frame && got[1].frame == frame);
  CHECK_EQ(tun->counters.rx_errors, 4u);
  CHECK(tun->counters.bad_tunnel == 3 && tun->counters.unknown_option == 1);
}

TEST("tshark finds the tunnel well-formed: VNI, options, and every checksum good, outer and inner") {
  NEEDS_LAB();
  NEEDS_PROGRAM("tshark");
  NEEDS_PROGRAM("ethtool");
  Nodes nodes;
  // Otherwise the kernel leaves the outer checksums to a card that is not there.
  for (const Namespace* node : {&nodes.one, &nodes.two}) node->exec("ethtool -K eth0 tx off gso off tso off gro off");
  auto tun = geneve(nodes.one), sink = geneve(nodes.two);
  if (!tun || !sink) return;
  tun->set_tlv_map(kMap);
  const std::string pcap = "/tmp/" + nodes.two.name + ".pcap";
  Fd wire = raw_socket(nodes.two, false);
  for (int version : {4, 6}) {
    for (int proto : {6, 17}) {
      FrameSpec spec{.version = version, .proto = static_cast<uint8_t>(proto), .payload = 9001};
      spec.tcp_options = proto == 6 ? 12 : 0;
      Bytes frame = build_frame(spec, false).bytes;
      Packet packet = packet_of(frame);
      Packet* burst[1] = {&packet};
      set_tunnel(packet, nodes.second, 77);
      packet.key.tun_metadata_present = to_be64(0b111);
      packet.csum_partial = true;
      packet.csum_start = version == 4 ? 34 : 54;
      packet.csum_offset = proto == 6 ? 16 : 6;
      packet.gso_type = proto == 17 ? GsoType::udp4 : version == 4 ? GsoType::tcp4 : GsoType::tcp6;
      packet.gso_size = 1300;
      tun->tx(burst, 1);
      tun->flush();
    }
  }
  CHECK_EQ(capture(wire, 28, pcap), 28);
  const std::string fields = run(
      "tshark -r " + pcap + " -o udp.check_checksum:TRUE -o ip.check_checksum:TRUE -o tcp.check_checksum:TRUE "
      "-T fields -e geneve.vni -e udp.checksum.status -e tcp.checksum.status -e ip.checksum.status "
      "-e geneve.option.class -e ip.flags.df -e _ws.malformed 2>/dev/null");
  run("rm -f " + pcap);
  // Checksum status 1 is good. A UDP segment has an outer and an inner UDP checksum; IPv6 has no header checksum.
  std::map<std::string, int> lines;
  for (size_t at = 0, end; (end = fields.find('\n', at)) != std::string::npos; at = end + 1) {
    lines[fields.substr(at, end - at)]++;
  }
  const std::string vni = "0x00004d\t", options = "\t0x0104,0x0104,0xffff\t";
  const std::map<std::string, int> want = {
      {vni + "1\t1\t1,1" + options + "1,1\t", 7},  // TCP over IPv4
      {vni + "1,1\t\t1,1" + options + "1,1\t", 7}, // UDP over IPv4
      {vni + "1\t1\t1" + options + "1\t", 7},
      {vni + "1,1\t\t1" + options + "1\t", 7},
  };
  if (lines != want) printf("    tshark:\n%s", fields.c_str());
  CHECK(lines == want);
  CHECK_EQ(tun->counters.tx_packets, 28u);
}

TEST("without checksum the outer UDP checksum is zero and segments go one by one") {
  NEEDS_LAB();
  Nodes nodes;
  auto tun = geneve(nodes.one, false), sink = geneve(nodes.two);
  if (!tun || !sink) return;
  Bytes frame = build_frame({.version = 4, .proto = 6, .payload = 5000}, false).bytes;
  Packet packet = packet_of(frame);
  Packet* burst[1] = {&packet};
  set_tunnel(packet, nodes.second);
  packet.csum_partial = true;
  packet.csum_start = 34;
  packet.csum_offset = 16;
  packet.gso_type = GsoType::tcp4;
  packet.gso_size = 1000;
  tun->tx(burst, 1);
  tun->flush();
  CHECK_EQ(receive(*sink, 5).size(), 5u);
  CHECK_EQ(tun->counters.tx_packets, 5u);
}

TEST("a geneve port whose namespace is deleted lets it go, and comes back with it") {
  NEEDS_LAB();
  auto node = std::make_unique<Namespace>("brief");
  auto tun = geneve(*node);
  if (!tun) return;
  CHECK(tun->poll_state() == PortState::up);
  node->remove();
  CHECK(tun->poll_state() == PortState::gone && tun->fd() == -1 && !tun->reattach());
  Bytes frame(60);
  Packet packet = packet_of(frame);
  Packet* burst[1] = {&packet};
  set_tunnel(packet, "198.51.100.2");
  tun->tx(burst, 1);
  tun->flush();
  CHECK_EQ(tun->counters.tx_dropped, 1u);
  CHECK_EQ(tun->rx(burst, 1), 0);
  node = nullptr;
  Namespace again("brief");
  CHECK(tun->reattach() && tun->poll_state() == PortState::up);
}

TEST("a UDP port that is taken is refused by number") {
  NEEDS_LAB();
  Namespace node("node");
  auto tun = geneve(node);
  GeneveSpec spec;
  spec.no = 11;
  spec.name = "second";
  spec.netns = node.name;
  SysError error;
  CHECK(open_geneve(spec, &error) == nullptr);
  CHECK(error.syscall == "bind" && error.object == "UDP port 6081" && error.err == EADDRINUSE);
}

TEST_MAIN()
