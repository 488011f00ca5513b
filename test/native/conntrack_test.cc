// Conntrack as a pipeline meets it: zones, commit, force, marks, limits, time, checksums, the dump. TCP, ICMP, NAT and
// random traffic have files of their own (conntrack_*_test.cc). Expected states are those of OVS 3.1's userspace
// datapath.
#include "conntrack_support.h"

using namespace pw;

TEST("conntrack: UDP stays +new until an answer comes, and is +est from then on") {
  Lab lab;
  CHECK_STR(lab.send(udp(kA, kB)), "+new");
  CHECK_STR(lab.send(udp(kA, kB)), "+new");
  CHECK_STR(lab.look(udp(kA, kB)), "+new");
  CHECK_STR(lab.look(udp(kB, kA)), "+est+rpl");
  CHECK_STR(lab.look(udp(kA, kB)), "+est");
  CHECK_EQ(lab.ct.stats().committed, 1u);
}

TEST("conntrack: a protocol without ports is tracked by its addresses") {
  Lab lab;
  const Bytes gre = ip_frame(kA.ip, kB.ip, 47, Bytes(8));
  CHECK_STR(lab.send(gre), "+new");
  CHECK_STR(lab.look(ip_frame(kB.ip, kA.ip, 47, Bytes(4))), "+est+rpl");
  CHECK_STR(lab.look(ip_frame(kB.ip, kA.ip, 50, Bytes(4))), "+new");
  CHECK_STR(lab.send(ip_frame(kA6.ip, kB6.ip, 59, {})), "+new");
}

TEST("conntrack: zones know nothing of each other") {
  Lab lab;
  CHECK_STR(lab.send(udp(kA, kB), 1), "+new");
  CHECK_STR(lab.look(udp(kB, kA), 2), "+new");
  CHECK_STR(lab.look(udp(kB, kA), 1), "+est+rpl");
  CHECK_EQ(lab.key.ct_zone.get(), 1);
  lab.send(udp(kA, kB), 2);
  CHECK_EQ(lab.ct.size(), 2u);
}

TEST("conntrack: the state is found anew in each zone that a packet passes") {
  Lab lab;
  lab.send(udp(kA, kB), 1);
  lab.look(udp(kB, kA), 1);
  Owned o(udp(kA, kB));
  lab.ct.process(o.packet, look_in(1), lab.now);
  CHECK_STR(state_text(o.packet.key), "+est");
  lab.ct.process(o.packet, look_in(2), lab.now);
  CHECK_STR(state_text(o.packet.key), "+new");
  lab.ct.process(o.packet, look_in(1), lab.now);
  CHECK_STR(state_text(o.packet.key), "+est");
}

TEST("conntrack: a second ct in the same zone keeps the state and does not count the packet twice") {
  Lab lab;
  lab.send(udp(kA, kB));
  lab.wait(10);
  Owned o(udp(kA, kB));
  lab.ct.process(o.packet, look_in(1), lab.now);
  CHECK_STR(state_text(o.packet.key), "+new");
  CtAction mark = commit_in(1);
  mark.mark = mark.mark_mask = 9;
  lab.ct.process(o.packet, mark, lab.now);
  CHECK_STR(state_text(o.packet.key), "+new");
  CHECK_EQ(o.packet.key.ct_mark.get(), 9u);
  // Even when the connection went away while the packet waited for the slow path.
  lab.ct.flush({});
  lab.ct.process(o.packet, commit_in(1), lab.now);
  CHECK_STR(state_text(o.packet.key), "+new");
  CHECK_EQ(lab.ct.size(), 1u);
}

TEST("conntrack: commit writes mark and label through their masks") {
  Lab lab;
  CtAction a = commit_in(1);
  a.mark = 0xabcd1234;
  a.mark_mask = 0x0000ffff;
  a.label[15] = 0xff;
  a.label[0] = 0x80;
  a.label_mask[15] = 0x0f;
  a.label_mask[0] = 0xff;
  CHECK_STR(lab.run(udp(kA, kB), a), "+new");
  CHECK_EQ(lab.key.ct_mark.get(), 0x1234u);
  CHECK_EQ(lab.key.ct_label[15], 0x0f);
  CHECK_EQ(lab.key.ct_label[0], 0x80);

  CtAction b = commit_in(1);
  b.mark = 0xff;
  b.mark_mask = 0xf0;
  b.label_mask[0] = 0xff;
  lab.run(udp(kB, kA), b);
  CHECK_EQ(lab.key.ct_mark.get(), 0x12f4u);
  CHECK_EQ(lab.key.ct_label[0], 0);
  CHECK_EQ(lab.key.ct_label[15], 0x0f);
  CHECK_STR(lab.line(), "udp,orig=(src=192.0.2.1,dst=198.51.100.2,sport=40000,dport=80),reply=(src=198.51.100.2,"
                        "dst=192.0.2.1,sport=80,dport=40000),zone=1,mark=4852,labels=0xf");
}

TEST("conntrack: without commit a ct action changes neither mark nor label") {
  Lab lab;
  lab.send(udp(kA, kB));
  CtAction a = look_in(1);
  a.mark = a.mark_mask = 5;
  lab.run(udp(kA, kB), a);
  CHECK_EQ(lab.key.ct_mark.get(), 0u);
  CHECK_STR(lab.line(), "udp,orig=(src=192.0.2.1,dst=198.51.100.2,sport=40000,dport=80),reply=(src=198.51.100.2,"
                        "dst=192.0.2.1,sport=80,dport=40000),zone=1");
}

TEST("conntrack: force commit from the reply direction begins a connection the other way round") {
  Lab lab;
  lab.send(udp(kA, kB));
  CtAction force = commit_in(1);
  force.force = true;
  CHECK_STR(lab.run(udp(kA, kB), force), "+new");  // the direction is right: the connection stays
  CHECK_EQ(lab.ct.stats().committed, 1u);
  CHECK_STR(lab.run(udp(kB, kA), force), "+new");
  CHECK_EQ(lab.ct.stats().committed, 2u);
  CHECK_EQ(lab.ct.size(), 1u);
  CHECK_STR(lab.look(udp(kA, kB)), "+est+rpl");
}

TEST("conntrack: a host that talks to its own port is one connection") {
  Lab lab;
  const End self{"192.0.2.1", 53};
  CHECK_STR(lab.send(udp(self, self)), "+new");
  CHECK_STR(lab.send(udp(self, self)), "+new");
  CHECK_EQ(lab.ct.size(), 1u);
  CHECK(lab.ct.consistent());
  lab.wait(61);
  lab.ct.expire(lab.now, 100);
  CHECK_EQ(lab.ct.size(), 0u);
  CHECK(lab.ct.consistent());
}

TEST("conntrack: at the limit a commit creates nothing, the packet stays +new and is counted") {
  Lab lab({.max_connections = 2});
  for (uint16_t port = 1; port <= 3; port++) CHECK_STR(lab.send(udp({kA.ip, port}, kB)), "+new");
  CHECK_EQ(lab.ct.size(), 2u);
  CHECK_EQ(lab.ct.stats().full, 1u);
  CHECK_STR(lab.look(udp(kB, {kA.ip, 1})), "+est+rpl");
  CHECK_STR(lab.look(udp(kB, {kA.ip, 3})), "+new");
  lab.ct.set_max_connections(3);
  lab.send(udp({kA.ip, 3}, kB));
  CHECK_EQ(lab.ct.size(), 3u);
}

TEST("conntrack: every state has OVS's timeout") {
  const auto timeout = [](const Lab& lab) {
    const std::string line = lab.line(false, true);
    const size_t at = line.find("timeout=");
    return at == std::string::npos ? -1 : atoi(line.c_str() + at + 8);
  };
  Lab u;
  u.send(udp(kA, kB));
  CHECK_EQ(timeout(u), 60);
  u.send(udp(kA, kB));
  CHECK_EQ(timeout(u), 60);
  u.send(udp(kB, kA));
  CHECK_EQ(timeout(u), 30);
  Lab i;
  i.send(echo(kA, kB, 8, 1));
  CHECK_EQ(timeout(i), 60);
  i.send(echo(kB, kA, 0, 1));
  CHECK_EQ(timeout(i), 30);
  Lab t;
  t.send(tcp(kA, kB, {.seq = 100, .flags = kTcpSyn}));
  CHECK_EQ(timeout(t), 30);
  t.send(tcp(kB, kA, {.seq = 500, .ack = 101, .flags = kSynAck}));
  CHECK_EQ(timeout(t), 30);
  t.send(tcp(kA, kB, {.seq = 101, .ack = 501}));
  CHECK_EQ(timeout(t), 24 * 3600);
  t.send(tcp(kA, kB, {.seq = 101, .ack = 501, .flags = kFinAck}));
  CHECK_EQ(timeout(t), 15 * 60);
  t.send(tcp(kB, kA, {.seq = 501, .ack = 101, .flags = kFinAck}));
  CHECK_EQ(timeout(t), 45);
  t.send(tcp(kA, kB, {.seq = 102, .ack = 502}));
  t.send(tcp(kB, kA, {.seq = 502, .ack = 102}));
  CHECK_EQ(timeout(t), 30);
}

TEST("conntrack: a lookup that meets an expired connection removes it and sees none") {
  Lab lab;
  lab.send(udp(kA, kB));
  lab.wait(59);
  CHECK_STR(lab.look(udp(kB, kA)), "+est+rpl");
  lab.wait(30);
  CHECK_STR(lab.look(udp(kB, kA)), "+new");
  CHECK_EQ(lab.ct.size(), 0u);
  CHECK_EQ(lab.ct.stats().expired, 1u);
}

TEST("conntrack: expire frees what is due within a second of it, and nothing else") {
  Lab lab;
  lab.handshake(kA, kB);
  for (uint16_t port = 1; port <= 10; port++) lab.send(udp({kA.ip, port}, kB));
  lab.wait(50);
  for (uint16_t port = 1; port <= 3; port++) lab.send(udp({kA.ip, port}, kB));  // 60 more seconds for these
  lab.wait(9);
  lab.ct.expire(lab.now, 1000);
  CHECK_EQ(lab.ct.size(), 11u);
  lab.wait(2);
  lab.ct.expire(lab.now, 1000);
  CHECK_EQ(lab.ct.size(), 4u);
  lab.wait(60);
  lab.ct.expire(lab.now, 1000);
  CHECK_EQ(lab.ct.size(), 1u);
  lab.wait(24 * 3600 - 200);
  lab.ct.expire(lab.now, 1000);
  CHECK_EQ(lab.ct.size(), 1u);
  lab.wait(200);
  lab.ct.expire(lab.now, 1000);
  CHECK_EQ(lab.ct.size(), 0u);
  CHECK_EQ(lab.ct.stats().expired, 11u);
  CHECK(lab.ct.consistent());
}

TEST("conntrack: expire looks at no more connections than its budget allows") {
  Lab lab;
  for (uint16_t port = 1; port <= 100; port++) lab.send(udp({kA.ip, port}, kB));
  lab.wait(120);
  lab.ct.expire(lab.now, 30);
  CHECK_EQ(lab.ct.size(), 70u);
  CHECK(lab.ct.consistent());
  for (int i = 0; i < 3; i++) lab.ct.expire(lab.now, 30);
  CHECK_EQ(lab.ct.size(), 0u);
}

TEST("conntrack: a deadline that comes nearer is kept too") {
  Lab lab;
  lab.handshake(kA, kB);
  lab.ct.expire(lab.now, 10);
  lab.send(tcp(kB, kA, {.seq = 501, .ack = 101, .flags = kRstAck}));  // from a day to half a minute
  lab.wait(31);
  lab.ct.expire(lab.now, 10);
  CHECK_EQ(lab.ct.size(), 0u);
}

TEST("conntrack: flush empties one zone or all, and gives the memory back") {
  Lab lab;
  for (uint16_t port = 1; port <= 5000; port++) lab.send(udp({kA.ip, port}, kB), port % 2 ? 7 : 8);
  CHECK(lab.ct.bytes() >= 5000 * 192);
  CtFilter zone;
  zone.zone = 7;
  CHECK_EQ(lab.ct.flush(zone), 2500u);
  CHECK_EQ(lab.ct.size(), 2500u);
  CHECK(lab.ct.consistent());
  CHECK_EQ(lab.dump(false, false, 7).size(), 0u);
  CHECK_EQ(lab.dump(false, false, 8).size(), 2500u);
  CHECK_EQ(lab.ct.flush({}), 2500u);
  CHECK_EQ(lab.ct.bytes(), 0u);
  CHECK_STR(lab.send(udp(kA, kB)), "+new");
  CHECK_STR(lab.look(udp(kB, kA)), "+est+rpl");
}

TEST("conntrack: a connection takes about 256 bytes, its part of the table included") {
  Lab lab;
  constexpr uint32_t kCount = 60000;
  for (uint32_t i = 1; i <= kCount; i++) lab.run(udp({kA.ip, static_cast<uint16_t>(i)}, kB), commit_in(1));
  CHECK_EQ(lab.ct.size(), kCount);
  const size_t each = lab.ct.bytes() / kCount;
  printf("    %zu bytes for each of %u connections\n", each, kCount);
  CHECK(each <= 256);
  CHECK(lab.ct.consistent());
}

TEST("conntrack: a checksum known to be wrong is +inv, one that the kernel vouches for or that is unfinished is not") {
  Lab lab;
  for (Bytes frame : {tcp(kA, kB, {.seq = 1, .flags = kTcpSyn}), udp(kA, kB), udp(kA6, kB6), echo(kA, kB, 8, 1),
                      echo(kA6, kB6, 128, 1)}) {
    CHECK_STR(lab.look(frame), "+new");
    frame.back() ^= 1;
    CHECK_STR(lab.look(frame), "+inv");
    CHECK_EQ(lab.key.ct_nw_proto, 0);
    for (int reason = 0; reason < 3; reason++) {
      Owned o(frame);
      o.packet.csum_valid = reason == 0;
      o.packet.csum_partial = reason == 1;
      o.packet.gso_size = reason == 2 ? 1000 : 0;
      lab.ct.process(o.packet, look_in(1), lab.now);
      CHECK_STR(state_text(o.packet.key), "+new");
    }
  }
  Bytes bad_ip = udp(kA, kB);
  bad_ip[24] ^= 1;
  CHECK_STR(lab.look(bad_ip), "+inv");
}

TEST("conntrack: UDP without a checksum is fine over IPv4 and +inv over IPv6") {
  Lab lab;
  Bytes v4 = udp(kA, kB), v6 = udp(kA6, kB6);
  put16(v4, kL4 + kUdpCsum, 0);
  put16(v6, kL46 + kUdpCsum, 0);
  CHECK_STR(lab.look(v4), "+new");
  CHECK_STR(lab.look(v6), "+inv");
}

TEST("conntrack: port 0 is nobody's") {
  Lab lab;
  for (const Bytes& frame : {udp({kA.ip, 0}, kB), udp(kA, {kB.ip, 0}), tcp({kA.ip, 0}, kB, {.flags = kTcpSyn}),
                             tcp(kA, {kB.ip, 0}, {.flags = kTcpSyn}),
                             icmp_error(kRouter, kA, 3, 3, udp(kA, {kB.ip, 0}))})
    CHECK_STR(lab.send(frame), "+inv");
}

TEST("conntrack: what pads the frame behind the IP packet is no part of it") {
  Lab lab;
  Bytes padded = tcp(kA, kB, {.seq = 100, .flags = kTcpSyn});
  append(padded, {1, 2, 3, 4, 5, 6});
  CHECK_STR(lab.send(padded), "+new");
  lab.send(tcp(kB, kA, {.seq = 500, .ack = 101, .flags = kSynAck}));
  CHECK_STR(lab.send(tcp(kA, kB, {.seq = 101, .ack = 501})), "+est");
}

TEST("conntrack: fragments, ARP and headers cut short are +inv and leave no connection") {
  Lab lab;
  const auto fragment = [](uint32_t offset_flags) {
    Bytes f = udp(kA, kB, 16);
    put16(f, 20, offset_flags);
    put16(f, 24, 0);
    const uint16_t csum = csum_finish(csum_add(0, f.data() + kL3, 20));
    memcpy(f.data() + 24, &csum, 2);
    return f;
  };
  CHECK_STR(lab.send(fragment(0x2000)), "+inv");
  CHECK_STR(lab.send(fragment(0x2001)), "+inv");
  CHECK_STR(lab.send(fragment(0x0001)), "+inv");
  CHECK_STR(lab.send(fragment(0x4000)), "+new");  // "do not fragment" is not one
  const Bytes whole = tcp(kA, kB, {.seq = 1, .flags = kTcpSyn, .options = kScale7});
  for (size_t size = 0; size < whole.size(); size++)
    CHECK_STR(lab.send({whole.begin(), whole.begin() + static_cast<long>(size)}), "+inv");
  Bytes offset = tcp(kA, kB, {.seq = 1, .flags = kTcpSyn});
  offset[kL4 + 12] = 0xf0;
  CHECK_STR(lab.send(offset), "+inv");
  Bytes arp(42);
  put16(arp, 12, kEthArp);
  CHECK_STR(lab.send(arp), "+inv");
  CHECK_EQ(lab.ct.size(), 1u);
}

TEST("conntrack: -m of the dump shows both ends' state, -s the time left") {
  Lab lab;
  lab.handshake(kA, kB);
  lab.wait(100);
  CHECK_STR(lab.line(true, true),
            "tcp,orig=(src=192.0.2.1,dst=198.51.100.2,sport=40000,dport=80),reply=(src=198.51.100.2,dst=192.0.2.1,"
            "sport=80,dport=40000),id=0,zone=1,status=0,timeout=86300,protoinfo=(state_orig=ESTABLISHED,"
            "state_reply=ESTABLISHED,flags_orig=0,flags_reply=0)");
  lab.ct.flush({});
  lab.send(ip_frame(kA.ip, kB.ip, 132, Bytes(12)), 0);
  CHECK_STR(lab.line(), "sctp,orig=(src=192.0.2.1,dst=198.51.100.2,sport=0,dport=0),reply=(src=198.51.100.2,"
                        "dst=192.0.2.1,sport=0,dport=0)");
}

TEST_MAIN()
