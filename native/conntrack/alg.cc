// See alg.h.
#include "alg.h"

#include <arpa/inet.h>

#include <algorithm>

#include "../l4_checksum.h"
#include "alg_rewrite.h"
#include "ftp.h"

namespace pw {
namespace {

constexpr uint16_t kFtpPort = 21, kTftpPort = 69;  // RFC 959 section 5.2, RFC 1350 section 4

bool same_address(const uint8_t* a, const uint8_t* b) { return memcmp(a, b, 16) == 0; }

// Whoever names a third host in his control channel would have the switch open a way there.
bool may_announce(const FtpMessage& m, const Connection& c) {
  if (!m.has_address) return true;
  return m.kind == FtpMessage::active
             ? same_address(m.address, c.orig.src) || same_address(m.address, c.reply.dst)
             : same_address(m.address, c.orig.dst) || same_address(m.address, c.reply.src);
}

FtpMessage message_in(const Packet& packet) {
  const uint8_t* tcp = packet.data + packet.l4_offset;
  const uint32_t size = l4_size(packet), header = (tcp[12] >> 4) * 4u;
  return read_ftp(tcp + header, size - header, packet.key.dl_type == to_be16(kEthIpv4) ? kFamily4 : kFamily6);
}

// As the other end is to read it.
std::string address_text(const Tuple& t, const uint8_t* address) {
  char text[INET6_ADDRSTRLEN] = "";
  inet_ntop(t.family == kFamily4 ? AF_INET : AF_INET6, address, text, sizeof text);
  if (t.family == kFamily4) std::replace(text, text + sizeof text, '.', ',');
  return text;
}

}  // namespace

Alg Algs::control_of(const FlowKey& key, Alg asked) {
  if (key.nw_proto == kIpTcp) {
    const bool is_ftp = key.tp_src.get() == kFtpPort || key.tp_dst.get() == kFtpPort || asked == Alg::ftp;
    return is_ftp ? Alg::ftp : Alg::none;
  }
  if (key.nw_proto == kIpUdp && (key.tp_dst.get() == kTftpPort || asked == Alg::tftp)) return Alg::tftp;
  return Alg::none;
}

bool Algs::announces(const Packet& packet) { return message_in(packet).kind != FtpMessage::other; }

bool Algs::read(Packet& packet, Alg control, Connection& c, Direction direction, bool nat) {
  if (control == Alg::ftp) return read_ftp_control(packet, c, direction, nat);
  if (control == Alg::tftp) expect(c, c.orig.src_port.get(), direction);  // the answer comes to the asker's port
  return true;
}

bool Algs::read_ftp_control(Packet& packet, Connection& c, Direction direction, bool nat) {
  const FtpMessage m = message_in(packet);
  if (m.kind == FtpMessage::other) return true;
  if (m.kind == FtpMessage::malformed || !may_announce(m, c)) return false;
  expect(c, m.port, direction);
  if (!nat || !m.has_address) return true;
  const std::string text = address_text(c.orig, m.kind == FtpMessage::active ? c.reply.dst : c.orig.dst);
  const auto difference = static_cast<int32_t>(text.size()) - static_cast<int32_t>(m.address_size);
  const uint32_t seq = load32(packet.data + packet.l4_offset + 4);
  if (replace_payload(packet, m.address_at, m.address_size, text)) note_shift(c, direction, seq, difference);
  return true;
}

// The data connection goes the other way round than the message that announced it, to the same two hosts.
void Algs::expect(const Connection& c, uint16_t port, Direction direction) {
  const bool by_server = direction == kReply;
  const bool is_dnat = c.nat == kNatDst;
  Expectation e{};
  e.key = by_server ? c.orig : c.reply;
  e.key.src_port = {};
  e.key.dst_port.set(port);
  e.parent = c.orig;
  e.mark = c.mark;
  memcpy(e.label, c.label, sizeof e.label);
  e.nat = by_server != is_dnat ? kNatSrc : kNatDst;
  const uint8_t* address = by_server ? (is_dnat ? c.reply.src : c.reply.dst) : (is_dnat ? c.orig.dst : c.orig.src);
  memcpy(e.nat_address, address, sizeof e.nat_address);
  expectations_.add(e, c.self);
}

void Algs::open(const Connection& c, const Expectation& e) { parents_[c.self] = e.parent; }

void Algs::close(const Connection& c) {
  if (c.alg != Alg::none) expectations_.forget(c.self);
  if (c.flags & kExpected) parents_.erase(c.self);
}

}  // namespace pw
