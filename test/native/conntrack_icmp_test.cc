// ICMP and ICMPv6 through conntrack: echoes by id, errors about other connections.
#include "conntrack_support.h"

using namespace pw;

TEST("conntrack: an echo is +new until it is answered, and its answer is +est+rpl") {
  Lab lab;
  CHECK_STR(lab.send(echo(kA, kB, 8, 7)), "+new");
  CHECK_STR(lab.look(echo(kA, kB, 8, 7)), "+new");
  CHECK_STR(lab.look(echo(kB, kA, 0, 7)), "+est+rpl");
  CHECK_EQ(lab.key.ct_nw_proto, 1);
  CHECK_EQ(lab.key.ct_tp_src.get(), 8);
  CHECK_EQ(lab.key.ct_tp_dst.get(), 0);
  CHECK_STR(lab.look(echo(kA, kB, 8, 7)), "+est");
  CHECK_STR(lab.look(echo(kA, kB, 8, 9)), "+new");
  CHECK_STR(lab.line(), "icmp,orig=(src=192.0.2.1,dst=198.51.100.2,id=7,type=8,code=0),reply=(src=198.51.100.2,"
                        "dst=192.0.2.1,id=7,type=0,code=0),zone=1");
}

TEST("conntrack: ICMPv6 echoes likewise") {
  Lab lab;
  CHECK_STR(lab.send(echo(kA6, kB6, 128, 7)), "+new");
  CHECK_STR(lab.look(echo(kB6, kA6, 129, 7)), "+est+rpl");
  CHECK_EQ(lab.key.ct_nw_proto, 58);
  CHECK_EQ(lab.key.ct_tp_src.get(), 128);
  CHECK_STR(lab.line(), "icmpv6,orig=(src=2001:db8::1,dst=2001:db8::2,id=7,type=128,code=0),reply=(src=2001:db8::2,"
                        "dst=2001:db8::1,id=7,type=129,code=0),zone=1");
}

TEST("conntrack: timestamp and information queries are tracked too") {
  Lab lab;
  CHECK_STR(lab.send(echo(kA, kB, 13, 3)), "+new");
  CHECK_STR(lab.look(echo(kB, kA, 14, 3)), "+est+rpl");
  CHECK_STR(lab.send(echo(kA, kB, 15, 3)), "+new");
  CHECK_STR(lab.look(echo(kB, kA, 16, 3)), "+est+rpl");
}

TEST("conntrack: an answer without a query, an odd code and neighbour discovery are +inv") {
  Lab lab;
  CHECK_STR(lab.send(echo(kB, kA, 0, 9)), "+inv");
  CHECK_STR(lab.send(icmp(kA, kB, 8, 1, {0, 1, 0, 1})), "+inv");
  CHECK_STR(lab.send(icmp(kA, kB, 9, 0, {0, 1, 0, 1})), "+inv");
  CHECK_STR(lab.send(echo(kB6, kA6, 129, 9)), "+inv");
  CHECK_STR(lab.send(icmp(kA6, kB6, 135, 0, Bytes(20))), "+inv");
  CHECK_EQ(lab.ct.size(), 0u);
}

TEST("conntrack: an error about a packet of a connection is +rel, and +rpl when it travels against it") {
  Lab lab;
  CtAction commit = commit_in(1);
  commit.mark = commit.mark_mask = 5;
  const Bytes request = udp(kA, kB), answer = udp(kB, kA);
  lab.run(request, commit);
  for (int type : {3, 4, 5, 11, 12})
    CHECK_STR(lab.look(icmp_error(kRouter, kA, static_cast<uint8_t>(type), 1, request)), "+rel+rpl");
  CHECK_EQ(lab.key.ct_mark.get(), 5u);
  CHECK_EQ(lab.key.ct_nw_proto, 17);
  CHECK_EQ(lab.key.ct_tp_src.get(), 40000);
  CHECK_EQ(lab.key.ct_nw_src.get(), 0xc0000201u);
  CHECK_STR(lab.look(icmp_error(kRouter, kB, 3, 1, answer)), "+rel");
  CHECK_STR(lab.look(request), "+new");  // an error is no answer
  CHECK_EQ(lab.ct.size(), 1u);
}

TEST("conntrack: an error about TCP or an echo needs eight bytes of its header") {
  Lab lab;
  const Bytes syn = tcp(kA, kB, {.seq = 1, .flags = kTcpSyn}), ping = echo(kA, kB, 8, 7);
  lab.send(syn);
  lab.send(ping);
  for (const Bytes& frame : {syn, ping}) {
    CHECK_STR(lab.look(icmp_error(kRouter, kA, 3, 4, frame, 28)), "+rel+rpl");
    CHECK_STR(lab.look(icmp_error(kRouter, kA, 3, 4, frame, 27)), "+inv");
    CHECK_STR(lab.look(icmp_error(kRouter, kA, 3, 4, frame, 19)), "+inv");
  }
}

TEST("conntrack: an ICMPv6 error about TCP needs the header whole") {
  Lab lab;
  const Bytes syn = tcp(kA6, kB6, {.seq = 1, .flags = kTcpSyn}), request = udp(kA6, kB6);
  lab.send(syn);
  lab.send(request);
  CHECK_STR(lab.look(icmp_error(kRouter6, kA6, 2, 0, syn, 60)), "+rel+rpl");
  CHECK_EQ(lab.key.ct_nw_proto, 6);
  CHECK_EQ(lab.key.ct_ipv6_src[15], 1);
  CHECK_STR(lab.look(icmp_error(kRouter6, kA6, 2, 0, syn, 59)), "+inv");
  CHECK_STR(lab.look(icmp_error(kRouter6, kA6, 1, 0, request, 48)), "+rel+rpl");
  CHECK_STR(lab.look(icmp_error(kRouter6, kA6, 1, 0, request, 47)), "+inv");
}

TEST("conntrack: an error about nothing that is known, told to the wrong host, or about an error is +inv") {
  Lab lab;
  const Bytes request = udp(kA, kB);
  const Bytes error = icmp_error(kRouter, kA, 3, 3, request);
  CHECK_STR(lab.look(error), "+inv");
  lab.send(request);
  CHECK_STR(lab.look(error), "+rel+rpl");
  CHECK_STR(lab.look(icmp_error(kRouter, {"192.0.2.77"}, 3, 3, request)), "+inv");
  CHECK_STR(lab.look(icmp_error(kRouter, kRouter, 3, 3, error)), "+inv");
  CHECK_EQ(lab.ct.size(), 1u);
}

TEST("conntrack: an error about a fragment is +inv, and one that ends anywhere is not read beyond its end") {
  Lab lab;
  const Bytes request = udp(kA, kB), request6 = udp(kA6, kB6);
  lab.send(request);
  lab.send(request6);
  Bytes fragment = request;
  put16(fragment, 20, 0x2000);
  CHECK_STR(lab.look(icmp_error(kRouter, kA, 3, 3, fragment)), "+inv");
  for (size_t size = 0; size <= 36; size++)
    CHECK_STR(lab.look(icmp_error(kRouter, kA, 3, 3, request, size)), size < 28 ? "+inv" : "+rel+rpl");
  for (size_t size = 0; size <= 56; size++)
    CHECK_STR(lab.look(icmp_error(kRouter6, kA6, 1, 3, request6, size)), size < 48 ? "+inv" : "+rel+rpl");
}
