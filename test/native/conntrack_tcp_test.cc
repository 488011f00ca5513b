// TCP through conntrack: states, the sequence window, ends and beginnings. Where a state is not what one would guess it
// is the answer of OVS 3.1's userspace datapath to the same frames.
#include "conntrack_support.h"

using namespace pw;

TEST("conntrack: a SYN that was not committed is +new each time") {
  Lab lab;
  const Bytes syn = tcp(kA, kB, {.seq = 100, .flags = kTcpSyn});
  CHECK_STR(lab.look(syn), "+new");
  CHECK_STR(lab.look(syn), "+new");
  CHECK_EQ(lab.ct.size(), 0u);
}

TEST("conntrack: a SYN-ACK in the reply direction is +est+rpl, and the handshake's ACK is +est") {
  Lab lab;
  CHECK_STR(lab.send(tcp(kA, kB, {.seq = 100, .flags = kTcpSyn})), "+new");
  CHECK_STR(lab.send(tcp(kB, kA, {.seq = 500, .ack = 101, .flags = kSynAck})), "+est+rpl");
  CHECK_STR(lab.send(tcp(kA, kB, {.seq = 101, .ack = 501})), "+est");
  CHECK_EQ(lab.ct.size(), 1u);
}

TEST("conntrack: the original tuple is the client's in both directions") {
  Lab lab;
  lab.handshake(kA, kB);
  lab.look(tcp(kB, kA, {.seq = 501, .ack = 101}));
  CHECK_EQ(lab.key.ct_nw_proto, 6);
  CHECK_EQ(lab.key.ct_nw_src.get(), 0xc0000201u);
  CHECK_EQ(lab.key.ct_nw_dst.get(), 0xc6336402u);
  CHECK_EQ(lab.key.ct_tp_src.get(), 40000);
  CHECK_EQ(lab.key.ct_tp_dst.get(), 80);
  CHECK_EQ(lab.key.ct_zone.get(), 1);
}

TEST("conntrack: data both ways and retransmits are +est") {
  Lab lab;
  lab.handshake(kA, kB);
  const Bytes request = tcp(kA, kB, {.seq = 101, .ack = 501, .flags = kTcpAck | kTcpPsh, .payload = 100});
  CHECK_STR(lab.send(request), "+est");
  CHECK_STR(lab.send(request), "+est");
  CHECK_STR(lab.send(tcp(kB, kA, {.seq = 501, .ack = 201, .payload = 1400})), "+est+rpl");
  CHECK_STR(lab.send(tcp(kA, kB, {.seq = 201, .ack = 1901})), "+est");
}

TEST("conntrack: retransmitted SYN and SYN-ACK are +new and +est+rpl") {
  Lab lab;
  const Bytes syn = tcp(kA, kB, {.seq = 100, .flags = kTcpSyn});
  const Bytes synack = tcp(kB, kA, {.seq = 500, .ack = 101, .flags = kSynAck});
  CHECK_STR(lab.send(syn), "+new");
  CHECK_STR(lab.send(syn), "+new");
  CHECK_STR(lab.send(synack), "+est+rpl");
  CHECK_STR(lab.send(synack), "+est+rpl");
  CHECK_EQ(lab.ct.size(), 1u);
}

TEST("conntrack: both ends close, a new SYN to the same ports is +new and opens another connection") {
  Lab lab;
  lab.handshake(kA, kB);
  CHECK_STR(lab.send(tcp(kA, kB, {.seq = 101, .ack = 501, .flags = kFinAck})), "+est");
  CHECK_STR(lab.line(), "tcp,orig=(src=192.0.2.1,dst=198.51.100.2,sport=40000,dport=80),reply=(src=198.51.100.2,"
                        "dst=192.0.2.1,sport=80,dport=40000),zone=1,protoinfo=(state=CLOSING)");
  CHECK_STR(lab.send(tcp(kB, kA, {.seq = 501, .ack = 102})), "+est+rpl");
  CHECK_STR(lab.send(tcp(kB, kA, {.seq = 501, .ack = 102, .flags = kFinAck})), "+est+rpl");
  CHECK_STR(lab.send(tcp(kA, kB, {.seq = 102, .ack = 502})), "+est");
  CHECK(lab.line().ends_with("protoinfo=(state=TIME_WAIT)"));  // in the kernel's words
  CHECK(lab.line(true).find("state_orig=FIN_WAIT_2,state_reply=FIN_WAIT_2,") != std::string::npos);

  const auto committed = lab.ct.stats().committed;
  CHECK_STR(lab.send(tcp(kA, kB, {.seq = 9000, .flags = kTcpSyn})), "+new");
  CHECK_EQ(lab.ct.stats().committed, committed + 1);
  CHECK_EQ(lab.ct.size(), 1u);
  CHECK_STR(lab.send(tcp(kB, kA, {.seq = 8000, .ack = 9001, .flags = kSynAck})), "+est+rpl");
}

TEST("conntrack: a closed connection's ports may be used again after its time, without a trace of the old one") {
  Lab lab;
  lab.handshake(kA, kB);
  lab.send(tcp(kB, kA, {.seq = 501, .ack = 101, .flags = kRstAck}));
  lab.wait(31);
  CHECK_STR(lab.look(tcp(kB, kA, {.seq = 501, .ack = 101})), "+new");  // the old connection is no more
  CHECK_STR(lab.send(tcp(kA, kB, {.seq = 1, .flags = kTcpSyn})), "+new");
  CHECK_EQ(lab.ct.size(), 1u);
  CHECK_EQ(lab.ct.stats().expired, 1u);
}

TEST("conntrack: an RST ends the connection in both directions, and a SYN begins the next") {
  Lab lab;
  lab.handshake(kA, kB);
  CHECK_STR(lab.send(tcp(kB, kA, {.seq = 501, .ack = 101, .flags = kRstAck})), "+est+rpl");
  CHECK(lab.line().ends_with("protoinfo=(state=TIME_WAIT)"));
  CHECK_STR(lab.send(tcp(kA, kB, {.seq = 101, .ack = 501})), "+est");
  CHECK_STR(lab.send(tcp(kA, kB, {.seq = 7000, .flags = kTcpSyn})), "+new");
  CHECK(lab.line().ends_with("protoinfo=(state=SYN_SENT)"));
}

TEST("conntrack: an RST that answers a SYN is +est+rpl") {
  Lab lab;
  lab.send(tcp(kA, kB, {.seq = 100, .flags = kTcpSyn}));
  CHECK_STR(lab.send(tcp(kB, kA, {.seq = 0, .ack = 101, .flags = kRstAck})), "+est+rpl");
}

TEST("conntrack: an RST beside the expected number is +inv and ends nothing") {
  Lab lab;
  lab.handshake(kA, kB);
  CHECK_STR(lab.send(tcp(kB, kA, {.seq = 600, .ack = 101, .flags = kRstAck})), "+inv");
  CHECK_STR(lab.send(tcp(kA, kB, {.seq = 101, .ack = 501, .payload = 1})), "+est");
}

TEST("conntrack: a segment or an acknowledgement outside the window is +inv, with mark and original tuple") {
  Lab lab;
  CtAction commit = commit_in(1);
  commit.mark = commit.mark_mask = 7;
  lab.run(tcp(kA, kB, {.seq = 100, .flags = kTcpSyn}), commit);
  lab.send(tcp(kB, kA, {.seq = 500, .ack = 101, .flags = kSynAck}));
  lab.send(tcp(kA, kB, {.seq = 101, .ack = 501}));
  CHECK_STR(lab.send(tcp(kA, kB, {.seq = 101 + 70000, .ack = 501, .payload = 10})), "+inv");
  CHECK_EQ(lab.key.ct_mark.get(), 7u);
  CHECK_EQ(lab.key.ct_tp_src.get(), 40000);
  CHECK_STR(lab.send(tcp(kB, kA, {.seq = 501 - 70000u, .ack = 101, .payload = 10})), "+inv");
  CHECK_STR(lab.send(tcp(kB, kA, {.seq = 501, .ack = 101 + 70000, .payload = 10})), "+inv");
  CHECK_STR(lab.send(tcp(kB, kA, {.seq = 501, .ack = 101 - 70000u, .payload = 10})), "+inv");
  CHECK_STR(lab.send(tcp(kB, kA, {.seq = 501, .ack = 101, .payload = 10})), "+est+rpl");
  CHECK_EQ(lab.ct.stats().invalid, 4u);
}

TEST("conntrack: a liberal tracker takes a segment outside the window") {
  Lab lab({.tcp_be_liberal = true});
  lab.handshake(kA, kB);
  CHECK_STR(lab.send(tcp(kA, kB, {.seq = 101 + 7000000, .ack = 501, .payload = 10})), "+est");
}

TEST("conntrack: a scaled window lets as much pass as it says, and no more") {
  Lab lab;
  lab.send(tcp(kA, kB, {.seq = 100, .flags = kTcpSyn, .options = kScale7}));
  lab.send(tcp(kB, kA, {.seq = 500, .ack = 101, .flags = kSynAck, .options = kScale7}));
  lab.send(tcp(kA, kB, {.seq = 101, .ack = 501, .window = 1000}));  // 128,000 bytes
  CHECK_STR(lab.send(tcp(kB, kA, {.seq = 501 + 127000, .ack = 101, .payload = 1000})), "+est+rpl");
  CHECK_STR(lab.send(tcp(kB, kA, {.seq = 501 + 128000, .ack = 101, .payload = 1000})), "+inv");
  CHECK(lab.line(true).ends_with("protoinfo=(state_orig=ESTABLISHED,state_reply=ESTABLISHED,wscale_orig=7,"
                                 "wscale_reply=7,flags_orig=WINDOW_SCALE,flags_reply=WINDOW_SCALE)"));
}

TEST("conntrack: when the server does not scale, nobody does") {
  Lab lab;
  lab.send(tcp(kA, kB, {.seq = 100, .flags = kTcpSyn, .options = kScale7}));
  lab.send(tcp(kB, kA, {.seq = 500, .ack = 101, .flags = kSynAck}));
  lab.send(tcp(kA, kB, {.seq = 101, .ack = 501, .window = 1000}));
  CHECK_STR(lab.send(tcp(kB, kA, {.seq = 501 + 66000, .ack = 101, .payload = 1000})), "+inv");
}

TEST("conntrack: a GSO frame counts with its whole payload") {
  Lab lab;
  lab.handshake(kA, kB);
  Bytes big = tcp(kA, kB, {.seq = 101, .ack = 501, .payload = 60000});
  put16(big, kL4 + kTcpCsum, 0x1234);  // the pseudo-header's sum only: the sender left the rest to us
  Owned o(big);
  o.packet.gso_type = GsoType::tcp4;
  o.packet.gso_size = 1400;
  o.packet.csum_partial = true;
  lab.ct.process(o.packet, look_in(1), lab.now);
  CHECK_STR(state_text(o.packet.key), "+est");
  CHECK_STR(lab.send(tcp(kB, kA, {.seq = 501, .ack = 60101})), "+est+rpl");
  CHECK_STR(lab.send(tcp(kA, kB, {.seq = 60101, .ack = 501, .payload = 10})), "+est");
}

TEST("conntrack: a stream is picked up in its middle, unless tcp_loose is off") {
  const Bytes middle = tcp(kA, kB, {.seq = 5000, .ack = 9000, .payload = 10});
  Lab lab;
  CHECK_STR(lab.send(middle), "+new");
  CHECK_STR(lab.send(tcp(kB, kA, {.seq = 9000, .ack = 5010, .payload = 10})), "+est+rpl");
  CHECK_STR(lab.send(tcp(kA, kB, {.seq = 5010, .ack = 9010})), "+est");
  CHECK(lab.line(true).ends_with("flags_orig=BE_LIBERAL,flags_reply=BE_LIBERAL)"));

  Lab strict({.tcp_loose = false});
  CHECK_STR(strict.send(middle), "+inv");
  CHECK_STR(strict.send(tcp(kA, kB, {.seq = 1, .flags = kTcpSyn})), "+new");
}

TEST("conntrack: flags that no stack sends together are +inv, and so is a SYN-ACK without a SYN") {
  Lab lab;
  for (int flags : {0, kTcpSyn | kTcpFin, kTcpSyn | kTcpRst, +kTcpFin, kTcpRst | kTcpPsh, +kSynAck})
    CHECK_STR(lab.send(tcp(kA, kB, {.seq = 1, .flags = static_cast<uint8_t>(flags)})), "+inv");
  CHECK_EQ(lab.ct.size(), 0u);
  lab.handshake(kA, kB);
  CHECK_STR(lab.send(tcp(kA, kB, {.seq = 101, .ack = 501, .flags = kTcpSyn | kTcpFin | kTcpAck})), "+inv");
}

TEST("conntrack: two SYNs that cross are both +new") {
  Lab lab;
  CHECK_STR(lab.send(tcp(kA, kB, {.seq = 100, .flags = kTcpSyn})), "+new");
  CHECK_STR(lab.send(tcp(kB, kA, {.seq = 500, .flags = kTcpSyn})), "+new");
  CHECK_STR(lab.send(tcp(kA, kB, {.seq = 100, .ack = 501, .flags = kSynAck})), "+est");
  CHECK_EQ(lab.ct.size(), 1u);
}

TEST("conntrack: IPv6 TCP is tracked like IPv4") {
  Lab lab;
  CHECK_STR(lab.send(tcp(kA6, kB6, {.seq = 100, .flags = kTcpSyn})), "+new");
  CHECK_STR(lab.send(tcp(kB6, kA6, {.seq = 500, .ack = 101, .flags = kSynAck})), "+est+rpl");
  CHECK_EQ(load64(lab.key.ct_ipv6_src), 0x20010db800000000u);
  CHECK_EQ(lab.key.ct_ipv6_src[15], 1);
  CHECK_EQ(lab.key.ct_ipv6_dst[15], 2);
  CHECK_EQ(lab.key.ct_nw_src.get(), 0u);
  CHECK_STR(lab.line(), "tcp,orig=(src=2001:db8::1,dst=2001:db8::2,sport=40000,dport=80),reply=(src=2001:db8::2,"
                        "dst=2001:db8::1,sport=80,dport=40000),zone=1,protoinfo=(state=ESTABLISHED)");
}
