// Nodes with an underlay between them, pods on them, and what the Geneve tests do with packets.
#pragma once
#include <memory>
#include <string>

#include "check.h"
#include "lab.h"
#include "ports/geneve.h"
#include "ports/tap.h"
#include "traffic.h"

// Two nodes, 198.51.100.1 and .2 on eth0, with a cable between them.
struct Nodes {
  Namespace one{"node1"}, two{"node2"};
  Nodes() {
    CHECK(one.ip_ok("link add eth0 type veth peer name eth0 netns " + two.name));
    CHECK(one.ip_ok("addr add 198.51.100.1/24 dev eth0") && two.ip_ok("addr add 198.51.100.2/24 dev eth0"));
    CHECK(one.ip_ok("link set eth0 up") && two.ip_ok("link set eth0 up"));
  }
  const std::string first = "198.51.100.1", second = "198.51.100.2";
};

inline std::unique_ptr<pw::GenevePort> geneve(const Namespace& node, bool csum = true, bool ipv6 = false) {
  pw::GeneveSpec spec;
  spec.no = 10;
  spec.name = "tun";
  spec.netns = node.name;
  spec.csum = csum;
  spec.ipv6 = ipv6;
  pw::SysError error;
  auto port = open_geneve(spec, &error);
  if (!port) printf("    %s %s: %s\n", error.syscall.c_str(), error.object.c_str(), strerror(error.err));
  CHECK(port != nullptr);
  return port;
}

inline std::unique_ptr<pw::Port> pod_tap(const Namespace& pod, const std::string& address, uint32_t mtu) {
  pw::TapSpec spec;
  spec.no = 1;
  spec.name = spec.ifname = "eth0";
  spec.netns = pod.name;
  spec.mtu = mtu;
  auto port = open_tap(spec, nullptr);
  CHECK(port != nullptr);
  CHECK(pod.ip_ok("addr add " + address + "/24 dev eth0"));
  allow_ping(pod);
  return port;
}

inline in_addr address_of(const std::string& text) { return ipv4(text, 0).sin_addr; }

// What set_tunnel leaves in a key before a packet is sent to a tunnel port.
inline void set_tunnel(pw::Packet& packet, const std::string& remote, uint32_t vni = 0) {
  memset(reinterpret_cast<uint8_t*>(&packet.key) + pw::kKeyTunnelOffset, 0, pw::kKeySize - pw::kKeyTunnelOffset);
  packet.key.tun_dst.raw = address_of(remote).s_addr;
  packet.key.tun_id = pw::to_be64(vni);
  packet.key.tun_ttl = 64;
}
