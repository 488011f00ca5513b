// Geneve with real Open vSwitch at the other end: each must understand what the other sends.
#include "check.h"
#include "geneve_lab.h"
#include "ovs_node.h"

using namespace pw;

TEST("a pod here and a pod behind real Open vSwitch talk both ways, with VNI, option and checksums") {
  NEEDS_LAB();
  NEEDS_PROGRAM("ovs-vswitchd");
  NEEDS_PROGRAM("ethtool");
  Nodes nodes;
  Namespace pod1("pod1"), pod2("pod2");
  CHECK(nodes.two.ip_ok("addr flush dev eth0"));
  CHECK(nodes.two.ip_ok("link add sw2 type veth peer name eth0 netns " + pod2.name));
  CHECK(nodes.two.ip_ok("link set sw2 up") && pod2.ip_ok("link set eth0 mtu 1400 up"));
  CHECK(pod2.ip_ok("addr add 192.0.2.2/24 dev eth0"));
  allow_ping(pod2);
  // Open vSwitch without userspace-tso takes no frame with an unfinished checksum, and verifies the outer one.
  for (const Namespace* sender : {&nodes.one, &pod2}) sender->exec("ethtool -K eth0 tx off");
  OvsNode ovs(nodes.two, nodes.second, "sw2", "class=0x0104,type=0,len=4");
  CHECK(ovs.ok());
  CHECK(ovs.add_flow("in_port=1,actions=set_field:198.51.100.1->tun_dst,set_field:5->tun_id,"
                     "set_field:0xcafe0001->tun_metadata0,output:2"));
  CHECK(ovs.add_flow("in_port=2,tun_id=6,tun_src=198.51.100.1,tun_metadata0=0xbeef0002,actions=output:1"));

  auto tap = pod_tap(pod1, "192.0.2.1", 1400);
  auto tun = geneve(nodes.one);
  if (!tap || !tun || !ovs.ok()) return;
  tun->set_tlv_map({{.opt_class = 0x0104, .type = 0, .size = 4, .index = 0, .offset = 0}});
  std::atomic<int> good{0}, bad{0};
  Forwarder forwarder(*tap, *tun, [&](Packet& p, Port& from) {
    if (&from == tap.get()) {
      set_tunnel(p, nodes.second, 6);
      p.key.tun_metadata_present = to_be64(1);
      store32(p.key.tun_metadata, 0xbeef0002);
      return true;
    }
    const bool as_set = p.key.tun_id.get() == 5 && load32(p.key.tun_metadata) == 0xcafe0001 &&
                        p.key.tun_src.raw == address_of(nodes.second).s_addr;
    as_set ? good++ : bad++;
    return true;
  });
  // Open vSwitch takes some seconds until its tunnel routes are known.
  int answered = 0;
  for (int i = 0; i < 20 && !answered; i++) answered = ping(pod1, "192.0.2.2", 1, 56, 500);
  CHECK_EQ(answered, 1);
  CHECK_EQ(ping(pod2, "192.0.2.1", 1, 1400 - 28), 1);
  CHECK_EQ(tcp_stream(pod1, pod2, "192.0.2.2", 2 << 20).bytes, size_t{2 << 20});
  CHECK_EQ(tcp_stream(pod2, pod1, "192.0.2.1", 2 << 20).bytes, size_t{2 << 20});
  CHECK(good > 1000 && bad == 0);
  CHECK_EQ(tun->counters.rx_errors + tun->counters.tx_errors, 0u);
  usleep(1200000);  // Open vSwitch credits its flows once a second
  CHECK(ovs.packets("in_port=2") > 1000);
}

TEST_MAIN()
