// NAT through conntrack: what becomes of packets, answers and errors. The expected tuples, states and port choices are
// those of OVS 3.1's userspace datapath for the same frames.
#include "conntrack_support.h"

using namespace pw;

namespace {

constexpr End kNat{"203.0.113.5", 40000}, kNat6{"2001:db8:f::5", 40000};
constexpr End kBackend{"203.0.113.80", 8080}, kBackend6{"2001:db8:f::80", 8080};

NatSpec nat_to(NatSpec::Type type, const char* ip, uint16_t port = 0, const char* max_ip = nullptr,
               uint16_t max_port = 0) {
  NatSpec n;
  n.type = type;
  n.ipv6 = is_v6(ip);
  const Bytes min = address(ip), max = address(max_ip ? max_ip : ip);
  memcpy(n.min_addr, min.data(), min.size());
  memcpy(n.max_addr, max.data(), max.size());
  n.min_port = port;
  n.max_port = max_port ? max_port : port;
  return n;
}
NatSpec snat(const char* ip, uint16_t port = 0) { return nat_to(NatSpec::src, ip, port); }
NatSpec dnat(const char* ip, uint16_t port = 0) { return nat_to(NatSpec::dst, ip, port); }

CtAction with_nat(CtAction a, const NatSpec& n) {
  a.nat = n;
  return a;
}
NatSpec restore() {
  NatSpec n;
  n.type = NatSpec::restore;
  return n;
}

// The packet's tuple as the frame has it: "192.0.2.1:5 > 198.51.100.2:6"; of ICMP without ports.
std::string tuple_text(const uint8_t* l3, bool v6) {
  char src[64], dst[64];
  inet_ntop(v6 ? AF_INET6 : AF_INET, l3 + (v6 ? 8 : 12), src, sizeof src);
  inet_ntop(v6 ? AF_INET6 : AF_INET, l3 + (v6 ? 24 : 16), dst, sizeof dst);
  const uint8_t proto = l3[v6 ? 6 : 9];
  const uint8_t* l4 = l3 + (v6 ? 40 : 20);
  if (proto != kIpTcp && proto != kIpUdp) return src + " > "s + dst;
  return src + ":"s + std::to_string(load16(l4)) + " > " + dst + ":" + std::to_string(load16(l4 + 2));
}

bool checksums_hold(const Bytes& frame) {
  Owned o(frame);
  Subject s;
  return read_tuple(o.packet, 0, s) && o.packet.csum_valid;
}

// A lab whose packets may be looked at afterwards. After every step the frame's checksums must be right, and the key be
// what the frame says.
struct NatLab : Lab {
  // ct(nat) and, when +new, ct(commit,nat(...)): the pipeline of a NAT gateway.
  std::string pass(const Bytes& frame, const NatSpec& spec, uint16_t zone = 1) {
    Owned o(frame);
    step(o, with_nat(look_in(zone), restore()));
    if (state_text(o.packet.key) == "+new") step(o, with_nat(commit_in(zone), spec));
    return keep(o);
  }
  std::string back(const Bytes& frame, uint16_t zone = 1) {
    Owned o(frame);
    step(o, with_nat(look_in(zone), restore()));
    return keep(o);
  }
  void step(Owned& o, const CtAction& action) {
    ct.process(o.packet, action, now);
    const Bytes bytes(o.packet.data, o.packet.data + o.packet.size);
    CHECK(checksums_hold(bytes));
    const Owned again(bytes);
    FlowKey said = o.packet.key;
    memset(static_cast<void*>(&said), 0, offsetof(FlowKey, dl_dst));
    CHECK(memcmp(&said, &again.packet.key, sizeof said) == 0);
  }
  std::string keep(Owned& o) {
    key = o.packet.key;
    frame.assign(o.packet.data, o.packet.data + o.packet.size);
    return state_text(key);
  }
  std::string text() const { return tuple_text(frame.data() + kL3, frame[12] == 0x86); }
  // The packet inside an ICMP error.
  std::string inner() const {
    const bool v6 = frame[12] == 0x86;
    return tuple_text(frame.data() + (v6 ? kL46 : kL4) + 8, v6);
  }
  Bytes frame;
};

}  // namespace

TEST("conntrack: nat(src) replaces the client's address, and answers find their way back") {
  NatLab lab;
  CHECK_STR(lab.pass(udp(kA, kB), snat(kNat.ip)), "+new+snat");
  CHECK_STR(lab.text(), "203.0.113.5:40000 > 198.51.100.2:80");
  CHECK_STR(lab.back(udp(kB, kNat)), "+est+rpl+dnat");
  CHECK_STR(lab.text(), "198.51.100.2:80 > 192.0.2.1:40000");
  CHECK_EQ(lab.key.ct_nw_src.get(), 0xc0000201u);  // the original tuple is the one before NAT
  CHECK_EQ(lab.key.ct_tp_dst.get(), 80);
  CHECK_STR(lab.pass(udp(kA, kB), snat(kNat.ip)), "+est+snat");
  CHECK_STR(lab.text(), "203.0.113.5:40000 > 198.51.100.2:80");
  CHECK_STR(lab.line(), "udp,orig=(src=192.0.2.1,dst=198.51.100.2,sport=40000,dport=80),reply=(src=198.51.100.2,"
                        "dst=203.0.113.5,sport=80,dport=40000),zone=1");
}

TEST("conntrack: nat(dst) replaces server and port, a TCP connection lives through it") {
  NatLab lab;
  const NatSpec spec = dnat(kBackend.ip, kBackend.port);
  CHECK_STR(lab.pass(tcp(kA, kB, {.seq = 100, .flags = kTcpSyn}), spec), "+new+dnat");
  CHECK_STR(lab.text(), "192.0.2.1:40000 > 203.0.113.80:8080");
  CHECK_STR(lab.back(tcp(kBackend, kA, {.seq = 500, .ack = 101, .flags = kSynAck})), "+est+rpl+snat");
  CHECK_STR(lab.text(), "198.51.100.2:80 > 192.0.2.1:40000");
  CHECK_STR(lab.pass(tcp(kA, kB, {.seq = 101, .ack = 501, .payload = 33}), spec), "+est+dnat");
  CHECK_STR(lab.text(), "192.0.2.1:40000 > 203.0.113.80:8080");
}

TEST("conntrack: IPv6 NAT both ways") {
  NatLab lab;
  CHECK_STR(lab.pass(udp(kA6, kB6), snat(kNat6.ip)), "+new+snat");
  CHECK_STR(lab.text(), "2001:db8:f::5:40000 > 2001:db8::2:80");
  CHECK_STR(lab.back(udp(kB6, kNat6)), "+est+rpl+dnat");
  CHECK_STR(lab.text(), "2001:db8::2:80 > 2001:db8::1:40000");
  CHECK_STR(lab.pass(udp({kA6.ip, 7}, kB6), dnat(kBackend6.ip, 8080)), "+new+dnat");
  CHECK_STR(lab.text(), "2001:db8::1:7 > 2001:db8:f::80:8080");
}

TEST("conntrack: without nat in the action a packet of a NAT connection is told its state and left alone") {
  NatLab lab;
  lab.pass(udp(kA, kB), snat(kNat.ip));
  CHECK_STR(lab.look(udp(kB, kNat)), "+est+rpl");
  CHECK_EQ(lab.key.nw_dst.get(), 0xcb007105u);
}

TEST("conntrack: nat on a packet whose connection is known already translates it, once") {
  NatLab lab;
  lab.pass(udp(kA, kB), snat(kNat.ip));
  Owned o(udp(kB, kNat));
  lab.step(o, look_in(1));
  lab.step(o, with_nat(look_in(1), restore()));
  CHECK_STR(lab.keep(o), "+est+rpl+dnat");
  CHECK_STR(lab.text(), "198.51.100.2:80 > 192.0.2.1:40000");
  lab.step(o, with_nat(look_in(1), restore()));
  CHECK_STR(lab.keep(o), "+est+rpl+dnat");
  CHECK_STR(lab.text(), "198.51.100.2:80 > 192.0.2.1:40000");
}

TEST("conntrack: DNAT in one zone and SNAT in the next undo themselves in the other order") {
  NatLab lab;
  Owned o(udp(kA, kB));
  lab.step(o, with_nat(commit_in(1), dnat(kBackend.ip, 8080)));
  lab.step(o, with_nat(commit_in(2), snat(kNat.ip)));
  CHECK_STR(lab.keep(o), "+new+snat");
  CHECK_STR(lab.text(), "203.0.113.5:40000 > 203.0.113.80:8080");
  Owned r(udp(kBackend, kNat));
  lab.step(r, with_nat(look_in(2), restore()));
  lab.step(r, with_nat(look_in(1), restore()));
  CHECK_STR(lab.keep(r), "+est+rpl+snat");
  CHECK_STR(lab.text(), "198.51.100.2:80 > 192.0.2.1:40000");
}

TEST("conntrack: a source port that is taken gives way to the next of its kind") {
  struct { uint16_t port; uint16_t second, third; } cases[] = {
      {2000, 2001, 2002}, {65535, 1024, 1025}, {1, 2, 3}, {511, 1, 2}, {512, 600, 601}, {1023, 600, 601}};
  for (const auto& c : cases) {
    NatLab lab;
    const char* hosts[] = {"192.0.2.1", "192.0.2.2", "192.0.2.3"};
    const uint16_t expected[] = {c.port, c.second, c.third};
    for (int i = 0; i < 3; i++) {
      CHECK_STR(lab.pass(udp({hosts[i], c.port}, kB), snat(kNat.ip)), "+new+snat");
      CHECK_EQ(lab.key.tp_src.get(), expected[i]);
    }
    CHECK_STR(lab.back(udp(kB, {kNat.ip, c.third})), "+est+rpl+dnat");
    CHECK_STR(lab.text(), "198.51.100.2:80 > 192.0.2.3:" + std::to_string(c.port));
  }
}

TEST("conntrack: when a port range is used up the packet stays +new, untranslated and without a connection") {
  NatLab lab;
  const NatSpec spec = nat_to(NatSpec::src, kNat.ip, 2000, nullptr, 2003);
  uint32_t seen = 0;
  for (uint16_t i = 0; i < 6; i++) {
    const std::string state = lab.pass(udp({kA.ip, static_cast<uint16_t>(100 + i)}, kB), spec);
    CHECK_STR(state, i < 4 ? "+new+snat" : "+new");
    if (i < 4) seen |= 1u << (lab.key.tp_src.get() - 2000);
    else CHECK_EQ(lab.key.nw_src.get(), 0xc0000201u);
  }
  CHECK_EQ(seen, 0xfu);
  CHECK_EQ(lab.ct.size(), 4u);
  CHECK_EQ(lab.ct.stats().nat_exhausted, 2u);
  CHECK_STR(lab.pass(udp({kA.ip, 7}, {kB.ip, 81}), spec), "+new+snat");  // to another server all are free again
  lab.wait(61);
  CHECK_STR(lab.pass(udp({kA.ip, 8}, kB), spec), "+new+snat");  // and so they are when the old ones have died
}

TEST("conntrack: wherever the search begins in a port range, it finds every port") {
  NatLab lab;
  const NatSpec spec = nat_to(NatSpec::src, kNat.ip, 2000, nullptr, 2002);
  for (uint16_t server = 80; server < 112; server++) {
    for (uint16_t i = 0; i < 3; i++) {
      CHECK_STR(lab.pass(udp({kA.ip, static_cast<uint16_t>(100 + i)}, {kB.ip, server}), spec), "+new+snat");
    }
  }
}

TEST("conntrack: two Services with one backend and one client port differ by the source port") {
  NatLab lab;
  const char* services[] = {"198.51.100.10", "198.51.100.11", "198.51.100.12"};
  for (uint16_t i = 0; i < 3; i++) {
    CHECK_STR(lab.pass(udp({kA.ip, 5}, {services[i], 80}), dnat(kBackend.ip, 8080)), "+new+dnat");
    CHECK_STR(lab.text(), "192.0.2.1:" + std::to_string(5 + i) + " > 203.0.113.80:8080");
  }
  CHECK_STR(lab.back(udp(kBackend, {kA.ip, 6})), "+est+rpl+snat");
  CHECK_STR(lab.text(), "198.51.100.11:80 > 192.0.2.1:5");
}

TEST("conntrack: addresses and destination ports are spread over their ranges, and stay with their connection") {
  NatLab lab;
  const NatSpec spec = nat_to(NatSpec::dst, "203.0.113.80", 8080, "203.0.113.83", 8081);
  uint32_t addresses = 0, ports = 0;
  for (uint16_t i = 1; i <= 64; i++) {
    lab.pass(udp({kA.ip, i}, kB), spec);
    const std::string first = lab.text();
    addresses |= 1u << (lab.key.nw_dst.get() - 0xcb007150u);
    ports |= 1u << (lab.key.tp_dst.get() - 8080);
    lab.pass(udp({kA.ip, i}, kB), spec);
    CHECK_STR(lab.text(), first);
  }
  CHECK_EQ(addresses, 0xfu);
  CHECK_EQ(ports, 3u);
}

TEST("conntrack: a persistent mapping is the same in another tracker") {
  NatSpec spec = nat_to(NatSpec::src, "203.0.113.1", 0, "203.0.113.200");
  spec.flags = 4;
  NatLab one, two;
  for (uint16_t i = 2000; i < 2020; i++) {
    one.pass(udp({kA.ip, i}, kB), spec);
    two.pass(udp({kA.ip, i}, kB), spec);
    CHECK_STR(one.text(), two.text());
  }
}

TEST("conntrack: nat(src=0.0.0.0) keeps the address and makes the port unique") {
  NatLab lab;
  CHECK_STR(lab.pass(udp({"192.0.2.9", 9}, kB), snat(kNat.ip)), "+new+snat");
  CHECK_STR(lab.pass(udp({kNat.ip, 9}, kB), snat("0.0.0.0")), "+new+snat");
  CHECK_STR(lab.text(), "203.0.113.5:10 > 198.51.100.2:80");
}

TEST("conntrack: an IPv6 packet gets no IPv4 address: it stays +new without a connection") {
  NatLab lab;
  CHECK_STR(lab.pass(udp(kA6, kB6), snat(kNat.ip)), "+new");
  CHECK_STR(lab.text(), "2001:db8::1:40000 > 2001:db8::2:80");
  CHECK_STR(lab.pass(udp(kA, kB), snat(kNat6.ip)), "+new");
  CHECK_EQ(lab.ct.size(), 0u);
}

TEST("conntrack: echoes are translated by address, and two with one id cannot share it") {
  NatLab lab;
  CHECK_STR(lab.pass(echo(kA, kB, 8, 7), snat(kNat.ip)), "+new+snat");
  CHECK_STR(lab.text(), "203.0.113.5 > 198.51.100.2");
  CHECK_STR(lab.back(echo(kB, kNat, 0, 7)), "+est+rpl+dnat");
  CHECK_STR(lab.text(), "198.51.100.2 > 192.0.2.1");
  CHECK_STR(lab.pass(echo({"192.0.2.2"}, kB, 8, 7), snat(kNat.ip)), "+new");
  CHECK_STR(lab.pass(echo(kA6, kB6, 128, 7), snat(kNat6.ip)), "+new+snat");
}

TEST("conntrack: an error about a translated packet reaches its sender, with the packet inside as it was sent") {
  NatLab lab;
  lab.pass(udp(kA, kB), snat(kNat.ip));
  CHECK_STR(lab.back(icmp_error(kRouter, kNat, 3, 1, udp(kNat, kB))), "+rel+rpl+dnat");
  CHECK_STR(lab.text(), "203.0.113.1 > 192.0.2.1");
  CHECK_STR(lab.inner(), "192.0.2.1:40000 > 198.51.100.2:80");
  // Every byte of the packet inside is the client's again, its checksums too.
  const Bytes sent = udp(kA, kB);
  CHECK(Bytes(lab.frame.begin() + kL4 + 8, lab.frame.end()) == Bytes(sent.begin() + kL3, sent.end()));
  // From the client's side: about the answer that it got.
  CHECK_STR(lab.back(icmp_error(kA, kB, 3, 3, udp(kB, kA))), "+rel+snat");
  CHECK_STR(lab.text(), "203.0.113.5 > 198.51.100.2");
  CHECK_STR(lab.inner(), "198.51.100.2:80 > 203.0.113.5:40000");
  const Bytes answered = udp(kB, kNat);
  CHECK(Bytes(lab.frame.begin() + kL4 + 8, lab.frame.end()) == Bytes(answered.begin() + kL3, answered.end()));
}

TEST("conntrack: an error about a DNATed packet seems to come from the Service") {
  for (bool v6 : {false, true}) {
    NatLab lab;
    const End a = v6 ? kA6 : kA, b = v6 ? kB6 : kB, backend = v6 ? kBackend6 : kBackend;
    const End router = v6 ? kRouter6 : kRouter;
    const Bytes sent = tcp(a, b, {.seq = 1, .flags = kTcpSyn}), there = tcp(a, backend, {.seq = 1, .flags = kTcpSyn});
    lab.pass(sent, dnat(backend.ip, backend.port));
    CHECK_STR(lab.back(icmp_error(router, a, v6 ? 1 : 3, 1, there)), "+rel+rpl+snat");
    CHECK_STR(lab.text(), b.ip + " > "s + a.ip);
    CHECK_STR(lab.inner(), a.ip + ":40000 > "s + b.ip + ":80");
    const long inner_at = (v6 ? kL46 : kL4) + 8;
    CHECK(Bytes(lab.frame.begin() + inner_at, lab.frame.end()) == Bytes(sent.begin() + kL3, sent.end()));
  }
}

TEST("conntrack: an error that carries only eight bytes of TCP is translated without touching what follows") {
  NatLab lab;
  lab.pass(tcp(kA, kB, {.seq = 1, .flags = kTcpSyn}), snat(kNat.ip));
  const Bytes translated = tcp(kNat, kB, {.seq = 1, .flags = kTcpSyn});
  CHECK_STR(lab.back(icmp_error(kRouter, kNat, 11, 0, translated, 28)), "+rel+rpl+dnat");
  CHECK_STR(lab.inner(), "192.0.2.1:40000 > 198.51.100.2:80");
}

TEST("conntrack: nat leaves an unfinished checksum unfinished, and right when it is finished") {
  NatLab lab;
  Bytes frame = tcp(kA, kB, {.seq = 100, .flags = kTcpSyn, .payload = 5});
  // What the sender of a CHECKSUM_PARTIAL frame writes: the pseudo-header's sum, not inverted.
  uint64_t pseudo = csum_add(0, frame.data() + kL3 + 12, 8) + to_be16(kIpTcp).raw + to_be16(25).raw;
  const uint16_t partial = csum_fold(pseudo);
  memcpy(frame.data() + kL4 + kTcpCsum, &partial, 2);
  Owned o(frame);
  o.packet.csum_partial = true;
  o.packet.csum_start = kL4;
  o.packet.csum_offset = kTcpCsum;
  lab.ct.process(o.packet, with_nat(commit_in(1), snat(kNat.ip, 2222)), lab.now);
  CHECK_STR(lab.keep(o), "+new+snat");
  CHECK_STR(lab.text(), "203.0.113.5:2222 > 198.51.100.2:80");
  const uint16_t finished = csum_finish(csum_add(0, lab.frame.data() + kL4, 25));
  memcpy(lab.frame.data() + kL4 + kTcpCsum, &finished, 2);
  CHECK(checksums_hold(lab.frame));
}

TEST("conntrack: ct(commit,nat) without an address commits the packet as it is") {
  // OVS 3.1 enters 0.0.0.0 as the answering address here, so that no answer is ever found. The kernel does as we do.
  NatLab lab;
  CHECK_STR(lab.pass(udp(kA, kB), restore()), "+new");
  CHECK_STR(lab.back(udp(kB, kA)), "+est+rpl");
}

TEST("conntrack: a TCP port used again gets a NAT of its own") {
  NatLab lab;
  lab.pass(tcp(kA, kB, {.seq = 100, .flags = kTcpSyn}), snat(kNat.ip));
  lab.back(tcp(kB, kNat, {.seq = 500, .ack = 101, .flags = kRstAck}));
  CHECK_STR(lab.pass(tcp(kA, kB, {.seq = 900, .flags = kTcpSyn}), dnat(kBackend.ip, 8080)), "+new+dnat");
  CHECK_STR(lab.text(), "192.0.2.1:40000 > 203.0.113.80:8080");
  CHECK_EQ(lab.ct.size(), 1u);
  CHECK(lab.ct.consistent());
}
