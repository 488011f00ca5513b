// See format.h. The form is that of ct_dpif_format_entry() in OVS, checked against ovs-appctl of 3.1.
#include "format.h"

#include <arpa/inet.h>

#include <algorithm>

#include "expiry.h"

namespace pw {
namespace {

std::string number(uint64_t n) { return std::to_string(n); }

std::string proto_name(uint8_t proto) {
  switch (proto) {
    case kIpIcmp: return "icmp";
    case kIpTcp: return "tcp";
    case kIpUdp: return "udp";
    case kIpIcmpv6: return "icmpv6";
    case kIpSctp: return "sctp";
    case 2: return "igmp";
    case 33: return "dccp";
    case 136: return "udplite";
    default: return number(proto);
  }
}

const char* state_name(TcpState state) {
  static constexpr const char* kNames[] = {"CLOSED",     "LISTEN",     "SYN_SENT", "SYN_RECV",
                                           "ESTABLISHED", "CLOSE_WAIT", "FIN_WAIT_1", "CLOSING",
                                           "LAST_ACK",   "FIN_WAIT_2", "TIME_WAIT"};
  return kNames[static_cast<size_t>(state)];
}

// Without -m OVS prints one state for both ends, in the kernel's words. (It would print SYN_RECV as ESTABLISHED, too;
// tcp.cc never enters it, as OVS's own machine does not.)
TcpState coalesce(TcpState a, TcpState b) {
  const TcpState state = std::max(a, b);
  return state == TcpState::fin_wait_2 ? TcpState::time_wait : state;
}

std::string address(const Tuple& t, const uint8_t* bytes) {
  char text[INET6_ADDRSTRLEN] = "";
  inet_ntop(t.family == kFamily4 ? AF_INET : AF_INET6, bytes, text, sizeof text);
  return text;
}

std::string tuple_text(const Tuple& t) {
  std::string s = "(src=" + address(t, t.src) + ",dst=" + address(t, t.dst);
  if (is_icmp_proto(t.proto)) {
    s += ",id=" + number(t.src_port.get()) + ",type=" + number(t.icmp_type()) + ",code=" + number(t.icmp_code());
  } else {
    s += ",sport=" + number(t.src_port.get()) + ",dport=" + number(t.dst_port.get());
  }
  return s + ")";
}

std::string label_text(const uint8_t* label) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string s;
  for (int i = 0; i < 32; i++) {
    const int digit = label[i / 2] >> (i % 2 ? 0 : 4) & 0x0f;
    if (digit || !s.empty()) s += kDigits[digit];
  }
  return "0x" + s;
}

std::string peer_flags(uint8_t wscale) {
  if (wscale & kWscaleKnown) return "WINDOW_SCALE";
  if (wscale & kWscaleUnknown) return "BE_LIBERAL";
  return "0";
}

std::string tcp_text(const Connection& c, bool more) {
  const TcpPeer& orig = c.peer[kOrig];
  const TcpPeer& reply = c.peer[kReply];
  if (!more) return std::string("state=") + state_name(coalesce(orig.state, reply.state));
  std::string s = std::string("state_orig=") + state_name(orig.state) + ",state_reply=" + state_name(reply.state);
  const int shift = orig.wscale & kWscaleShift, reply_shift = reply.wscale & kWscaleShift;
  if (shift || reply_shift) s += ",wscale_orig=" + number(shift) + ",wscale_reply=" + number(reply_shift);
  return s + ",flags_orig=" + peer_flags(orig.wscale) + ",flags_reply=" + peer_flags(reply.wscale);
}

}  // namespace

std::string format_connection(const Connection& c, const Tuple* parent, CtDumpStyle style, uint64_t now_ns) {
  std::string s = proto_name(c.orig.proto) + ",orig=" + tuple_text(c.orig) + ",reply=" + tuple_text(c.reply);
  if (style.more) s += ",id=0";
  if (c.orig.zone) s += ",zone=" + number(c.orig.zone);
  if (style.more) s += ",status=0";
  if (style.stats) s += ",timeout=" + number(c.expires_ns > now_ns ? (c.expires_ns - now_ns) / kSecond : 0);
  if (c.mark) s += ",mark=" + number(c.mark);
  if (c.flags & kHasLabel) s += ",labels=" + label_text(c.label);
  if (c.orig.proto == kIpTcp) s += ",protoinfo=(" + tcp_text(c, style.more) + ")";
  if (c.alg != Alg::none) s += c.alg == Alg::ftp ? ",helper=ftp" : ",helper=tftp";
  if (style.more && parent) s += ",parent=" + tuple_text(*parent);
  return s;
}

}  // namespace pw
