// Control channels, limits and timeout policies in conntrack. What FTP says is compared with Open vSwitch in
// test/oracle/conntrack-alg.test.ts; here are the cases that OVS does not survive, or gets wrong, and random bytes.
#include <random>

#include "conntrack/ftp.h"
#include "conntrack_support.h"

using namespace pw;

namespace {

constexpr End kClient{"192.0.2.1", 4000}, kServer{"198.51.100.2", 21};
constexpr End kClient6{"2001:db8::1", 4000}, kServer6{"2001:db8::2", 21};

FtpMessage read(std::string_view text, uint8_t family = 4) {
  // Bytes of their own, so that the sanitizer sees one too many.
  const auto bytes = std::make_unique<char[]>(text.size());
  std::copy(text.begin(), text.end(), bytes.get());
  return read_ftp(reinterpret_cast<const uint8_t*>(bytes.get()), static_cast<uint32_t>(text.size()), family);
}

Bytes said(End from, End to, uint32_t seq, uint32_t ack, std::string_view text) {
  Bytes l4(20);
  put16(l4, 0, from.port);
  put16(l4, 2, to.port);
  put32(l4, 4, seq);
  put32(l4, 8, ack);
  l4[12] = 5 << 4;
  l4[13] = kTcpAck | kTcpPsh;
  put16(l4, 14, 65535);
  l4.insert(l4.end(), text.begin(), text.end());
  return ip_frame(from.ip, to.ip, kIpTcp, l4, kTcpCsum);
}

CtAction with_alg(CtAction a, Alg alg = Alg::ftp) {
  a.alg = alg;
  return a;
}
CtAction with_nat(CtAction a, NatSpec::Type type, const char* ip = "0.0.0.0") {
  a.nat.type = type;
  const Bytes bytes = address(ip);
  memcpy(a.nat.min_addr, bytes.data(), bytes.size());
  memcpy(a.nat.max_addr, bytes.data(), bytes.size());
  return a;
}

// A packet with the headroom that ports leave.
struct Roomy {
  explicit Roomy(const Bytes& frame) : bytes(kHeadroom + frame.size()) {
    memcpy(bytes.data() + kHeadroom, frame.data(), frame.size());
    packet.data = bytes.data() + kHeadroom;
    packet.size = static_cast<uint32_t>(frame.size());
    packet.headroom = kHeadroom;
    memset(&packet.key, 0, sizeof packet.key);
    extract(packet);
  }
  Bytes bytes;
  Packet packet;

  uint32_t seq() const { return load32(packet.data + packet.l4_offset + 4); }
  uint32_t ack() const { return load32(packet.data + packet.l4_offset + 8); }
  std::string text() const {
    const uint8_t* tcp = packet.data + packet.l4_offset;
    const uint8_t* payload = tcp + (tcp[12] >> 4) * 4;
    return {payload, static_cast<const uint8_t*>(packet.data) + packet.size};
  }
  // Lengths and checksums are those of what the frame holds.
  bool is_sound() const {
    Lab fresh;
    Owned again(Bytes(packet.data, packet.data + packet.size));
    fresh.ct.process(again.packet, look_in(1), fresh.now);
    return !(again.packet.key.ct_state.get() & kCtInv);
  }
};

// A control connection behind SNAT, opened.
struct Session : Lab {
  explicit Session(const char* outside) : outside_{outside, 4000} {
    run(tcp(kClient, kServer, {.seq = 999, .flags = kTcpSyn}), with_alg(with_nat(commit_in(1), NatSpec::src, outside)));
    run(tcp(kServer, outside_, {.seq = 4999, .ack = 1000, .flags = kSynAck}), with_nat(look_in(1), NatSpec::restore));
    run(tcp(kClient, kServer, {.seq = 1000, .ack = 5000}), with_nat(look_in(1), NatSpec::restore));
  }
  Roomy client(uint32_t seq, std::string_view text, uint32_t ack = 5000) {
    return pass(said(kClient, kServer, seq, ack, text));
  }
  Roomy server(uint32_t ack, std::string_view text = "") { return pass(said(kServer, outside_, 5000, ack, text)); }
  Roomy pass(const Bytes& frame) {
    Roomy r(frame);
    ct.process(r.packet, with_nat(look_in(1), NatSpec::restore), now);
    return r;
  }
  End outside_;
};

}  // namespace

TEST("conntrack: FTP's announcements are read, up to their last letter and no further") {
  const FtpMessage port = read("PORT 192,0,2,1,100,10\r\n");
  CHECK_EQ(port.kind, FtpMessage::active);
  CHECK_EQ(port.port, 25610);
  CHECK_EQ(port.address_at, 5u);
  CHECK_EQ(port.address_size, 9u);
  CHECK_EQ(load32(port.address), 0xc0000201u);
  CHECK_EQ(read("227 (1,2,3,4,5,6)\r\n").kind, FtpMessage::passive);
  CHECK_EQ(read("EPRT |2|2001:db8::1|6275|\r\n", 6).port, 6275);
  CHECK_EQ(read("229 Extended Passive (|||6275|)\r\n", 6).port, 6275);
  CHECK_EQ(read("EPRT |2|2001:db8::1|6275|\r\n", 4).kind, FtpMessage::other);
  CHECK_EQ(read("PORT 192,0,2,1,100,10\r\n", 6).kind, FtpMessage::other);
  for (const char* text : {"PORT", "PORT ", "PORT 1", "PORT 1,2,3,4", "PORT 1,2,3,4,", "PORT 1,2,3,4,5", "PORT 1,2,3,4,5,",
                           "227", "227 (1,2,3,4,5,)", "PORT 1,2,3,4,99999999999,1", "PORT 1,2,3,4,1,99999999999"})
    CHECK_EQ(read(text + "\n"s).kind, FtpMessage::malformed);
  for (const char* text : {"EPRT", "EPRT ", "EPRT 2", "EPRT |2", "EPRT |2|", "EPRT |2|2001:db8::1", "EPRT |2|2001:db8::1|",
                           "EPRT |2|::|x|", "extended passive", "extended passive (", "extended passive (|||x"})
    CHECK_EQ(read(text + "\n"s, 6).kind, FtpMessage::malformed);
  CHECK_EQ(read("").kind, FtpMessage::other);
  CHECK_EQ(read("P").kind, FtpMessage::other);
}

TEST("conntrack: random control messages are read within their bytes") {
  std::mt19937 random(11);
  printf("    seed 11\n");
  const std::string words[] = {"PORT", "227", "EPRT", "EXTENDED PASSIVE", "(", "|", "2", "1,2,3,4", ",", " ", "::1", "255", "\r\n"};
  int understood = 0;
  for (int i = 0; i < 60000; i++) {
    std::string text;
    for (uint32_t n = random() % 12; n; n--) text += words[random() % std::size(words)];
    if (random() % 4 == 0 && !text.empty()) text[random() % text.size()] = static_cast<char>(random());
    const FtpMessage m = read(text, random() % 2 ? 4 : 6);
    if (m.kind != FtpMessage::active && m.kind != FtpMessage::passive) continue;
    understood++;
    CHECK(m.address_at + m.address_size < text.size());
  }
  CHECK(understood > 50);
}

TEST("conntrack: behind SNAT a PORT grows or shrinks, and later numbers are those of each side") {
  struct { const char* outside; std::string port; uint32_t by; } cases[] = {
      {"203.0.113.240", "PORT 203,0,113,240,100,10\r\n", 4}, {"9.9.9.9", "PORT 9,9,9,9,100,10\r\n", static_cast<uint32_t>(-2)}};
  for (const auto& c : cases) {
    Session s(c.outside);
    const std::string_view port = "PORT 192,0,2,1,100,10\r\n";
    const auto size = static_cast<uint32_t>(port.size());
    for (int again = 0; again < 3; again++) {  // lost on its way, said again
      const Roomy sent = s.client(1000, port);
      CHECK_STR(sent.text(), c.port);
      CHECK_EQ(sent.seq(), 1000u);
      CHECK(sent.is_sound());
    }
    CHECK_EQ(s.server(1000).ack(), 1000u);  // of what was said before
    CHECK_EQ(s.server(1000 + size + c.by).ack(), 1000 + size);
    CHECK_EQ(s.client(1000 + size, "RETR x\r\n").seq(), 1000 + size + c.by);
    const Roomy second = s.client(1008 + size, port);
    CHECK_EQ(second.seq(), 1008 + size + c.by);
    CHECK_STR(second.text(), c.port);
    CHECK_EQ(s.server(1008 + 2 * size + 2 * c.by).ack(), 1008 + 2 * size);
    CHECK_EQ(s.client(1008 + 2 * size, "NOOP\r\n").seq(), 1008 + 2 * size + 2 * c.by);
    CHECK_EQ(s.ct.stats().invalid, 0u);
    CHECK_EQ(s.ct.expected(), 1u);
  }
}

TEST("conntrack: where there is no room for a longer PORT, it stays as it was, and so do the numbers") {
  Session s("203.0.113.240");
  Owned tight(said(kClient, kServer, 1000, 5000, "PORT 192,0,2,1,100,10\r\n"));
  s.ct.process(tight.packet, with_nat(look_in(1), NatSpec::restore), s.now);
  CHECK_EQ(s.ct.expected(), 1u);
  CHECK_EQ(s.client(1023, "RETR x\r\n").seq(), 1023u);
}

TEST("conntrack: a PORT outside of the window announces nothing") {
  Session s("203.0.113.240");
  s.client(0x40000000, "PORT 192,0,2,1,100,10\r\n", 0x40000000);
  CHECK_EQ(s.ct.expected(), 0u);
  s.client(1000, "PORT 192,0,2,1,100,10\r\n");
  CHECK_EQ(s.ct.expected(), 1u);
}

TEST("conntrack: a connection that was announced is +rel, with mark, label and tuple of the one that announced it") {
  Lab lab;
  CtAction open = with_alg(commit_in(1));
  open.mark = open.mark_mask = 7;
  open.label[0] = open.label_mask[0] = 9;
  lab.run(tcp(kClient, kServer, {.seq = 999, .flags = kTcpSyn}), open);
  lab.look(tcp(kServer, kClient, {.seq = 4999, .ack = 1000, .flags = kSynAck}));
  lab.look(said(kClient, kServer, 1000, 5000, "PORT 192,0,2,1,100,10\r\n"));
  const End data{kServer.ip, 20}, to{kClient.ip, 25610};
  CHECK_STR(lab.look(tcp(data, to, {.seq = 1, .flags = kTcpSyn})), "+new+rel");
  CHECK_EQ(lab.key.ct_mark.get(), 7u);
  CHECK_EQ(lab.key.ct_label[0], 9);
  CHECK_EQ(lab.key.ct_tp_dst.get(), 21);
  CHECK_STR(lab.run(tcp(data, to, {.seq = 1, .flags = kTcpSyn}), commit_in(1)), "+new+rel");
  CHECK_STR(lab.look(tcp(to, data, {.seq = 50, .ack = 2, .flags = kSynAck})), "+est+rel+rpl");
  CHECK_EQ(lab.ct.stats().expected, 1u);
  CHECK_EQ(lab.ct.size(), 2u);
  // What it was announced by is known when that has gone; nothing more is expected then.
  CtFilter control;
  control.orig.dst_port = 21;
  CHECK_EQ(lab.ct.flush(control), 1u);
  CHECK_EQ(lab.ct.expected(), 0u);
  CHECK_STR(lab.look(tcp(to, data, {.seq = 51, .ack = 2})), "+est+rel+rpl");
  CHECK_EQ(lab.key.ct_tp_dst.get(), 21);
  CHECK(lab.line(true).find(",parent=(src=192.0.2.1,dst=198.51.100.2,sport=4000,dport=21)") != std::string::npos);
  CHECK_STR(lab.look(tcp({kServer.ip, 22}, to, {.seq = 1, .flags = kTcpSyn})), "+new");
  lab.ct.flush({});
  CHECK(lab.ct.consistent());
}

TEST("conntrack: who announces without end loses what he announced first") {
  Lab lab;
  lab.run(tcp(kClient, kServer, {.seq = 999, .flags = kTcpSyn}), with_alg(commit_in(1)));
  lab.look(tcp(kServer, kClient, {.seq = 4999, .ack = 1000, .flags = kSynAck}));
  uint32_t seq = 1000;
  for (int i = 0; i < 1000; i++) {
    const std::string text = "PORT 192,0,2,1," + std::to_string(i / 250 + 4) + "," + std::to_string(i % 250) + "\r\n";
    lab.look(said(kClient, kServer, seq, 5000, text));
    seq += static_cast<uint32_t>(text.size());
  }
  CHECK_EQ(lab.ct.expected(), Expectations::kMostOfOne);
  const End data{kServer.ip, 20};
  CHECK_STR(lab.look(tcp(data, {kClient.ip, 4 * 256}, {.flags = kTcpSyn})), "+new");
  CHECK_STR(lab.look(tcp(data, {kClient.ip, 7 * 256 + 249}, {.flags = kTcpSyn})), "+new+rel");
}

TEST("conntrack: random control channels keep table, lists and expectations in order") {
  std::mt19937 random(5);
  printf("    seed 5\n");
  Lab lab;
  const std::string texts[] = {"PORT 192,0,2,1,100,", "227 (198,51,100,2,100,", "EPRT |2|2001:db8::1|2560", "NOOP"};
  for (int i = 0; i < 30000; i++) {
    const bool v6 = random() % 3 == 0, back = random() % 2;
    End ends[] = {v6 ? kClient6 : kClient, v6 ? kServer6 : kServer};
    ends[0].port = static_cast<uint16_t>(4000 + random() % 20);
    if (random() % 4 == 0) ends[1].port = static_cast<uint16_t>(25600 + random() % 10);
    const std::string text = texts[random() % 4] + std::to_string(random() % 10) + (random() % 2 ? "\r\n" : ")|\r\n");
    Bytes frame = random() % 5 ? said(ends[back], ends[!back], 1000 + static_cast<uint32_t>(random() % 100), 5000, text)
                               : tcp(ends[back], ends[!back], {.seq = 999, .flags = kTcpSyn});
    if (random() % 10 == 0) frame = udp(ends[0], {ends[1].ip, 69});
    CtAction a = with_alg(look_in(1), static_cast<Alg>(random() % 3));
    a.commit = random() % 2;
    if (random() % 2) a = with_nat(a, static_cast<NatSpec::Type>(1 + random() % 3), v6 ? "2001:db8::ff" : "203.0.113.240");
    a.nat.ipv6 = v6;
    Roomy r(frame);
    lab.ct.process(r.packet, a, lab.now);
    if (random() % 200 == 0) lab.now += random() % 60 * kSecond;
    if (random() % 100 == 0) lab.ct.expire(lab.now, 20);
    if (random() % 1000 == 0) CHECK(lab.ct.consistent());
  }
  CHECK(lab.ct.stats().expected > 100);
  lab.ct.flush({});
  CHECK_EQ(lab.ct.expected(), 0u);
  CHECK_EQ(lab.ct.bytes(), 0u);
}

TEST("conntrack: a zone's limit counts what was opened since it was set; zones without one share the default") {
  Lab lab;
  const auto open = [&](uint16_t port, uint16_t zone) {
    const auto before = lab.ct.size();
    lab.run(udp({kA.ip, port}, kB), commit_in(zone));
    return lab.ct.size() > before;
  };
  CHECK(open(1, 1));
  lab.ct.set_limit(1, 1);
  CHECK(open(2, 1));
  CHECK(!open(3, 1));
  CHECK_EQ(lab.ct.stats().limited, 1u);
  CHECK(open(3, 2));
  lab.ct.set_limit(-1, 2);
  CHECK(open(4, 2));
  CHECK(open(4, 3));
  CHECK(!open(5, 4));
  lab.ct.set_limit(1, 2);
  CHECK(open(6, 1));
  CHECK(!open(7, 1));
  lab.wait(61);
  lab.ct.expire(lab.now, 100);
  for (const CtLimit& l : lab.ct.limits()) CHECK_EQ(l.count, 0u);
  CHECK(open(8, 1));
  lab.ct.remove_limit(1);
  lab.ct.set_limit(1, 1);  // another one: what counted on the first does not count on it
  CHECK(open(9, 1));
  CHECK_EQ(lab.ct.flush({}), 2u);
  CHECK_EQ(lab.ct.limits().back().count, 0u);
  lab.ct.set_limit(1, 0);
  CHECK(!open(10, 1));
}

TEST("conntrack: a zone's timeouts hold for what it opens from then on") {
  Lab lab;
  Timeouts t = kDefaultTimeouts;
  t[static_cast<size_t>(Timeout::udp_first)] = 100;
  t[static_cast<size_t>(Timeout::udp_single)] = 200;
  t[static_cast<size_t>(Timeout::udp_multiple)] = 300;
  const auto left = [&](uint16_t port) {
    for (const std::string& line : lab.dump(false, true))
      if (line.find("sport=" + std::to_string(port) + ",dport=80)") < line.find("reply"))
        return std::stoi(line.substr(line.find("timeout=") + 8));
    return -1;
  };
  const auto ask = [&](uint16_t port) { lab.run(udp({kA.ip, port}, kB), commit_in(1)); };
  const auto answer = [&](uint16_t port) { lab.look(udp(kB, {kA.ip, port})); };
  ask(1);
  lab.ct.set_timeouts(uint16_t{1}, t);
  ask(2);
  CHECK_EQ(left(1), 60);
  CHECK_EQ(left(2), 100);
  ask(2);
  CHECK_EQ(left(2), 200);
  answer(2);
  answer(1);
  CHECK_EQ(left(1), 30);
  CHECK_EQ(left(2), 300);
  // Another policy in its place: the connection falls back to the defaults, as in OVS.
  lab.ct.set_timeouts(uint16_t{1}, t);
  answer(2);
  CHECK_EQ(left(2), 30);
  ask(3);
  CHECK_EQ(left(3), 100);
  lab.ct.remove_timeouts(1);
  ask(3);
  CHECK_EQ(left(3), 60);
  lab.ct.set_timeouts({}, t);
  ask(4);
  CHECK_EQ(left(4), 100);
}

TEST("conntrack: connections are flushed by any part of their tuples") {
  Lab lab;
  const auto count = [&](const CtFilter& filter) {
    lab.ct.flush({});
    lab.handshake(kA, kB);
    lab.send(udp(kA, kB));
    lab.send(udp(kA6, kB6));
    lab.send(echo(kA, kB, 8, 1));
    return lab.ct.flush(filter);
  };
  const auto by = [](auto&& set) {
    CtFilter filter;
    set(filter.orig);
    return filter;
  };
  std::array<uint8_t, 16> a{};
  memcpy(a.data(), address(kA.ip).data(), 4);
  CHECK_EQ(count(by([&](CtPattern& p) { p.src = a; })), 3u);
  CHECK_EQ(count(by([&](CtPattern& p) { p.dst = a; })), 0u);
  CHECK_EQ(count(by([](CtPattern& p) { p.proto = kIpUdp; })), 2u);
  CHECK_EQ(count(by([](CtPattern& p) { p.proto = kIpUdp, p.family = 6; })), 1u);
  CHECK_EQ(count(by([](CtPattern& p) { p.dst_port = 80; })), 3u);
  CHECK_EQ(count(by([](CtPattern& p) { p.icmp_id = 1; })), 1u);
  CHECK_EQ(count(by([](CtPattern& p) { p.icmp_type = 0; })), 0u);
  CtFilter reply;
  reply.reply.dst = a;
  CHECK_EQ(count(reply), 3u);
  CtFilter either;
  either.orig.src_port = 80;
  CHECK_EQ(count(either), 0u);
  either.either_way = true;
  CHECK_EQ(count(either), 3u);
  either.zone = 2;
  CHECK_EQ(count(either), 0u);
}
