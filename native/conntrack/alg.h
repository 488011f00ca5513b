// Control channels that announce other connections: FTP and TFTP. tracker.cc asks which packets belong to one, hands
// them over when conntrack has seen them, and asks what was announced when a connection begins.
//
//   control packet -> read() -> ftp.h -> expectation, and the address in the text as NAT wants it (alg_rewrite.h)
//   new connection -> find() -> +rel, mark, label and NAT as the control connection's
//
// As OVS 3.1's userspace conntrack does it; a packet outside its connection's window announces nothing here, though.
#pragma once
#include "../packet.h"
#include "expectations.h"

namespace pw {

class Algs {
 public:
  // Which kind of control packet it is: by its port, or because the ct action says so.
  static Alg control_of(const FlowKey&, Alg asked);
  // What a connection is given whose ct(commit) asks for `asked`.
  static Alg granted(Alg asked, Alg control) { return control == Alg::none || control == asked ? asked : Alg::none; }

  // An FTP segment that begins like an announcement.
  static bool announces(const Packet&);
  // A packet of the control connection, after NAT and before shift_seq(). False when it should announce something and
  // cannot be understood.
  bool read(Packet&, Alg control, Connection&, Direction, bool nat);

  const Expectation* find(const Tuple& tuple) const { return expectations_.find(tuple); }
  // A connection that was announced begins.
  void open(const Connection&, const Expectation&);
  // Any connection ends.
  void close(const Connection&);
  // Original tuple of the control connection; `c` was announced.
  const Tuple& parent_of(const Connection& c) const { return parents_.at(c.self); }
  size_t expected() const { return expectations_.size(); }

 private:
  bool read_ftp_control(Packet&, Connection&, Direction, bool nat);
  void expect(const Connection& parent, uint16_t port, Direction);

  Expectations expectations_;
  std::unordered_map<uint32_t, Tuple> parents_;  // by the announced connection's place in the pool
};

}  // namespace pw
