// geneve port: see geneve.h. Receiving is geneve_rx.cc, sending geneve_tx.cc.
#include "geneve.h"

#include <cerrno>

#include "geneve_rx.h"
#include "geneve_tx.h"
#include "netns.h"

namespace pw {

namespace {

class UdpGenevePort final : public GenevePort {
 public:
  explicit UdpGenevePort(const GeneveSpec& spec) : GenevePort(spec.no, spec.name, spec.mtu), spec_(spec) {}

  bool open_sockets(SysError* error);
  void set_tlv_map(const std::vector<TlvOption>& options) override { options_.set(options); }

  int rx(Packet** packets, int max) override { return receiver_.rx(packets, max, no_, options_, counters); }
  void tx(Packet** packets, int count) override {
    for (int i = 0; i < count; i++) sender_.add(*packets[i], options_, counters);
  }
  void flush() override { sender_.flush(counters); }
  void release() override { receiver_.release(); }
  int fd() const override { return receiver_.fd(); }
  PortState poll_state() override;
  bool reattach() override { return receiver_.fd() >= 0 || open_sockets(nullptr); }

 private:
  GeneveSpec spec_;
  NetnsId netns_;
  TlvMap options_;
  GeneveReceiver receiver_;
  GeneveSender sender_;
};

bool UdpGenevePort::open_sockets(SysError* error) {
  OuterAddress local;
  if (!spec_.local_ip.empty() && !local.parse(spec_.local_ip)) {
    return refuse(error, "bind", spec_.local_ip, EADDRNOTAVAIL);
  }
  const int family = spec_.ipv6 || !local.is_ipv4() ? AF_INET6 : AF_INET;
  return in_netns(spec_.netns, error, [&] {
    if (!netns_id("", &netns_)) return refuse(error, "stat", "/proc/thread-self/ns/net");
    if (!sender_.open(family, local, spec_.udp_port, spec_.csum, error)) return false;
    return receiver_.open(family, local, spec_.udp_port, error);
  });
}

PortState UdpGenevePort::poll_state() {
  if (receiver_.fd() < 0) return PortState::gone;
  counters.rx_dropped += receiver_.take_drops();
  receiver_.clear_error();
  // Our sockets would keep a deleted namespace alive, and with it the devices in it.
  NetnsId now;
  if (netns_id(spec_.netns, &now) && now == netns_) return PortState::up;
  receiver_.close();
  sender_.close();
  return PortState::gone;
}

}  // namespace

std::unique_ptr<GenevePort> open_geneve(const GeneveSpec& spec, SysError* error) {
  auto port = std::make_unique<UdpGenevePort>(spec);
  if (!port->open_sockets(error)) return nullptr;
  return port;
}

}  // namespace pw
