// The TCP state machine and window check, see tcp.h.
#include "tcp.h"

#include <algorithm>

namespace pw {
namespace {

constexpr uint8_t kMaxShift = 14;              // RFC 7323 section 2.3
constexpr int32_t kMaxAckWindow = 0xffff + 1500;  // the largest unscaled window, and a segment for good measure
constexpr uint8_t kOptEnd = 0, kOptNop = 1, kOptWscale = 3;

// Sequence numbers are compared on the circle.
bool seq_geq(uint32_t a, uint32_t b) { return static_cast<int32_t>(a - b) >= 0; }
bool seq_gt(uint32_t a, uint32_t b) { return static_cast<int32_t>(a - b) > 0; }

bool flags_invalid(uint8_t flags) {
  if (flags & kTcpSyn) {
    if (flags & (kTcpRst | kTcpFin)) return true;
  } else if (!(flags & (kTcpAck | kTcpRst))) {
    return true;
  }
  return !(flags & kTcpAck) && (flags & (kTcpFin | kTcpPsh | kTcpUrg));
}

// kWscaleKnown | shift, or 0 when the option is absent.
uint8_t read_wscale(const Segment& s) {
  uint8_t wscale = 0;
  const uint8_t* p = s.options;
  for (int64_t left = s.options_size; left >= 3;) {
    if (*p == kOptEnd) break;
    if (*p == kOptNop) {
      p++;
      left--;
      continue;
    }
    if (*p == kOptWscale) wscale = std::min(p[2], kMaxShift) | kWscaleKnown;
    const uint8_t size = std::max<uint8_t>(p[1], 2);
    p += size;
    left -= size;
  }
  return wscale;
}

// A SYN's own window is not scaled; it is kept as it would look if it were.
uint16_t scale_down(uint16_t window, uint8_t shift) {
  return static_cast<uint16_t>((window + (1u << shift) - 1) >> shift);
}

// One segment on its way between two peers: what the checks compute with.
struct Check {
  const Segment& s;
  TcpPeer& src;
  TcpPeer& dst;
  uint32_t seq, ack, end;
  uint16_t window;
  uint8_t src_shift = 0, dst_shift = 0;
  bool check_ack = true;

  bool has(uint8_t flag) const { return s.flags & flag; }
  uint32_t room_of_dst() const { return static_cast<uint32_t>(dst.max_win) << dst_shift; }

  void choose_shifts() {
    if (has(kTcpSyn)) return;
    if (src.wscale & dst.wscale & kWscaleKnown) {
      src_shift = src.wscale & kWscaleShift;
      dst_shift = dst.wscale & kWscaleShift;
    } else if (src.wscale & dst.wscale & kWscaleUnknown) {
      src_shift = dst_shift = kMaxShift;
    }
  }

  // The first segment that this end sends: a SYN-ACK, or anything when the stream was picked up in its middle.
  void meet_source() {
    if (has(kTcpSyn) && (dst.wscale & kWscaleKnown)) {
      src.wscale = read_wscale(s);
      if (src.wscale & kWscaleKnown) {
        src_shift = src.wscale & kWscaleShift;
        dst_shift = dst.wscale & kWscaleShift;
        window = scale_down(window, src_shift);
      } else {  // refused: nobody scales (RFC 7323 section 1.3)
        dst.max_win = static_cast<uint16_t>(dst.max_win << (dst.wscale & kWscaleShift));
        dst.wscale = 0;
      }
    }
    src.seqlo = seq;
    src.state = TcpState::syn_sent;
    const uint32_t allowed = end + std::max(1u, room_of_dst());
    if (src.seqhi == 1 || seq_geq(allowed, src.seqhi)) {
      src.seqhi = allowed;
      check_ack = false;
    }
    src.max_win = std::max(src.max_win, window);
  }

  bool ack_in_window() const {
    const int32_t skew = check_ack ? static_cast<int32_t>(dst.seqlo - ack) : 0;
    return skew >= -kMaxAckWindow && skew <= (kMaxAckWindow << src_shift);
  }
  bool in_window() const {
    return seq_geq(src.seqhi, end) && seq_geq(seq, src.seqlo - room_of_dst()) && ack_in_window();
  }
  // A reset must hit the next expected number, give or take one; that is what a blind attacker cannot do (RFC 5961).
  bool reset_exact() const {
    return !has(kTcpRst) || s.seq == src.seqlo || s.seq == src.seqlo + 1 || s.seq + 1 == src.seqlo;
  }
  // While one end has not spoken, and after the end, ends behave strangely: SYNs cross, a FIN comes late.
  bool near_window() const {
    const bool awkward = dst.state < TcpState::syn_sent || dst.state >= TcpState::fin_wait_2 ||
                         src.state >= TcpState::fin_wait_2;
    return awkward && seq_geq(src.seqhi + kMaxAckWindow, end) && seq_geq(seq, src.seqlo - kMaxAckWindow);
  }

  void slide() {
    src.max_win = std::max(src.max_win, window);
    if (seq_gt(end, src.seqlo)) src.seqlo = end;
    const uint32_t offered = static_cast<uint32_t>(window) << src_shift;
    if (seq_geq(ack + offered, dst.seqhi)) dst.seqhi = ack + std::max(offered, 1u);
  }

  void finish_or_reset() {
    if (has(kTcpFin) && src.state < TcpState::closing) src.state = TcpState::closing;
    if (has(kTcpRst)) src.state = dst.state = TcpState::time_wait;
  }
  void advance() {
    if (has(kTcpAck)) {
      if (dst.state == TcpState::syn_sent) dst.state = TcpState::established;
      else if (dst.state == TcpState::closing) dst.state = TcpState::fin_wait_2;
    }
    finish_or_reset();
  }

  Timeout timeout() const {
    const auto [low, high] = std::minmax(src.state, dst.state);
    if (low >= TcpState::fin_wait_2) return Timeout::tcp_close;
    if (low >= TcpState::closing) return Timeout::tcp_time_wait;
    if (low < TcpState::established) return Timeout::tcp_syn_recv;
    if (high >= TcpState::closing) return Timeout::tcp_fin_wait;
    return Timeout::tcp_established;
  }
};

}  // namespace

Segment read_segment(const uint8_t* l4, uint32_t size) {
  const uint32_t header = (l4[12] >> 4) * 4u;
  return {
      .seq = load32(l4 + 4),
      .ack = load32(l4 + 8),
      .payload = size - header,
      .window = load16(l4 + 14),
      .flags = l4[13],
      .options = l4 + kTcpSize,
      .options_size = header - kTcpSize,
  };
}

bool tcp_may_open(const Segment& s, bool loose) {
  if (flags_invalid(s.flags)) return false;
  if (s.flags & kTcpSyn) return !(s.flags & kTcpAck);  // the second packet of a handshake is not the first
  return loose;
}

Timeout tcp_open(Connection& c, const Segment& s) {
  TcpPeer& src = c.peer[kOrig];
  TcpPeer& dst = c.peer[kReply];
  const bool syn = s.flags & kTcpSyn;
  src.seqlo = s.seq;
  src.seqhi = s.seq + s.payload + 1 + (syn ? 1 : 0) + (s.flags & kTcpFin ? 1 : 0);
  src.max_win = std::max<uint16_t>(s.window, 1);
  src.wscale = syn ? read_wscale(s) : kWscaleUnknown;
  src.max_win = scale_down(src.max_win, src.wscale & kWscaleShift);
  src.state = TcpState::syn_sent;
  dst.wscale = syn ? 0 : kWscaleUnknown;
  dst.seqhi = dst.max_win = 1;
  dst.state = TcpState::closed;
  return Timeout::tcp_syn_sent;
}

Update tcp_update(Connection& c, const Segment& s, Direction direction, bool liberal) {
  if (flags_invalid(s.flags)) return {Verdict::invalid};
  TcpPeer& src = c.peer[direction];
  TcpPeer& dst = c.peer[direction ^ 1];

  if ((s.flags & (kTcpSyn | kTcpAck)) == kTcpSyn) {
    if (dst.state >= TcpState::fin_wait_2 && src.state >= TcpState::fin_wait_2) {
      src.state = dst.state = TcpState::closed;
      return {Verdict::renew};
    }
    if (src.state <= TcpState::syn_sent) {
      src.state = TcpState::syn_sent;
      return {Verdict::still_new, Timeout::tcp_syn_sent};
    }
  }

  const uint32_t flags_space = (s.flags & kTcpSyn ? 1 : 0) + (s.flags & kTcpFin ? 1 : 0);
  Check k{.s = s, .src = src, .dst = dst, .seq = s.seq, .ack = s.ack, .end = s.seq + s.payload + flags_space,
          .window = s.window};
  k.choose_shifts();
  if (src.state < TcpState::syn_sent) k.meet_source();

  // Without ACK there is no number to check; an RST may carry zero from stacks that do not fill it in.
  const bool reset_without_number = s.ack == 0 && k.has(kTcpRst) && k.has(kTcpAck);
  if (!k.has(kTcpAck) || reset_without_number) k.ack = dst.seqlo;
  if (k.seq == k.end) k.seq = k.end = src.seqlo;  // nothing sent: nothing that could be out of place

  if (liberal || (k.in_window() && k.reset_exact())) {
    k.slide();
    k.advance();
    return {Verdict::established, k.timeout()};
  }
  if (k.near_window()) {
    k.slide();
    k.finish_or_reset();
    return {Verdict::established};  // and no longer life, so that a flood of these cannot keep it
  }
  return {Verdict::invalid};
}

bool tcp_touch(Connection& c, const Segment& s, Direction direction, bool liberal) {
  TcpPeer& src = c.peer[direction];
  TcpPeer& dst = c.peer[direction ^ 1];
  if ((s.flags & (kTcpSyn | kTcpFin | kTcpRst | kTcpAck)) != kTcpAck) return false;
  if (src.state != TcpState::established || dst.state != TcpState::established) return false;
  Check k{.s = s, .src = src, .dst = dst, .seq = s.seq, .ack = s.ack, .end = s.seq + s.payload, .window = s.window};
  k.choose_shifts();
  if (k.seq == k.end) k.seq = k.end = src.seqlo;
  if (!liberal && !k.in_window()) return false;
  k.slide();
  return true;
}

}  // namespace pw
