// See alg_rewrite.h.
#include "alg_rewrite.h"

#include "../checksum.h"
#include "../l4_checksum.h"

namespace pw {
namespace {

constexpr uint32_t kSeqAt = 4, kAckAt = 8;
constexpr uint32_t kMostGrowth = 40;  // more than the letters of an IPv6 address

bool is_ipv4(const Packet& packet) { return packet.key.dl_type == to_be16(kEthIpv4); }

void write_ip_size(Packet& packet, uint16_t value) {
  uint8_t* l3 = packet.data + packet.l3_offset;
  if (!is_ipv4(packet)) return store16(l3 + 4, value);
  uint8_t bytes[2];
  store16(bytes, value);
  uint16_t csum;
  memcpy(&csum, l3 + kIpv4Csum, 2);
  csum = csum_update(csum, l3 + 2, bytes, 2);
  memcpy(l3 + kIpv4Csum, &csum, 2);
  memcpy(l3 + 2, bytes, 2);
}

// Over all of it; an unfinished one holds the sum of the pseudo-header only.
void sum_tcp(Packet& packet) {
  const uint8_t* l3 = packet.data + packet.l3_offset;
  uint8_t* tcp = packet.data + packet.l4_offset;
  const uint32_t size = l4_size(packet);
  uint64_t sum = is_ipv4(packet) ? csum_add(0, l3 + 12, 8) : csum_add(0, l3 + 8, 32);
  sum += to_be16(kIpTcp).raw;
  sum += to_be32(size).raw;
  memset(tcp + kTcpCsum, 0, 2);
  const uint16_t csum = packet.csum_partial ? csum_fold(sum) : csum_finish(csum_add(sum, tcp, size));
  memcpy(tcp + kTcpCsum, &csum, 2);
}

// A sequence number is no field of the key.
void write_number(Packet& packet, uint32_t at, uint32_t value) {
  uint8_t* field = packet.data + packet.l4_offset + at;
  uint8_t bytes[4];
  store32(bytes, value);
  mend_l4_checksum(packet, field, bytes, 4);
  memcpy(field, bytes, 4);
}

uint32_t number(const Packet& packet, uint32_t at) { return load32(packet.data + packet.l4_offset + at); }

bool is_behind(uint32_t seq, uint32_t position) { return static_cast<int32_t>(seq - position) > 0; }

bool is_shifted(const Connection& c, Direction direction) {
  return (direction == kReply) == ((c.flags & kShiftedReply) != 0);
}

}  // namespace

bool replace_payload(Packet& packet, uint32_t at, uint32_t size, std::string_view text) {
  const auto difference = static_cast<int64_t>(text.size()) - size;
  uint8_t* l3 = packet.data + packet.l3_offset;
  const int64_t ip_size = load16(is_ipv4(packet) ? l3 + 2 : l3 + 4) + difference;
  if (packet.headroom < kMostGrowth || difference > kMostGrowth || ip_size > 0xffff) return false;
  const uint32_t header = (packet.data[packet.l4_offset + 12] >> 4) * 4u;
  const uint32_t before = packet.l4_offset + header + at;
  uint8_t* const data = packet.data - difference;
  memmove(data, packet.data, before);
  packet.data = data;
  packet.size = static_cast<uint32_t>(packet.size + difference);
  packet.headroom = static_cast<uint32_t>(packet.headroom - difference);
  memcpy(packet.data + before, text.data(), text.size());
  write_ip_size(packet, static_cast<uint16_t>(ip_size));
  sum_tcp(packet);
  return true;
}

void note_shift(Connection& c, Direction direction, uint32_t seq, int32_t difference) {
  SequenceShift& shift = c.shift;
  const bool is_first = !(c.flags & kShifted);
  if (is_first && difference == 0) return;
  if (!is_first && !is_shifted(c, direction)) return;  // NAT is of one end: what the other says keeps its length
  if (is_first || is_behind(seq, shift.position)) {
    shift.position = seq;
  } else if (seq == shift.position) {
    shift.after -= c.shift_last;
  } else {
    return;  // of an older one nothing more is known
  }
  shift.after += difference;
  c.shift_last = static_cast<int16_t>(difference);
  c.flags = static_cast<uint8_t>((c.flags & ~kShiftedReply) | kShifted | (direction == kReply ? kShiftedReply : 0));
}

void unshift_ack(Packet& packet, const Connection& c, Direction direction) {
  if (!(c.flags & kShifted) || is_shifted(c, direction)) return;
  const uint32_t ack = number(packet, kAckAt);
  const uint32_t earlier = ack - static_cast<uint32_t>(c.shift.after - c.shift_last);
  const bool is_past = is_behind(earlier, c.shift.position);
  write_number(packet, kAckAt, is_past ? ack - static_cast<uint32_t>(c.shift.after) : earlier);
}

void shift_seq(Packet& packet, const Connection& c, Direction direction) {
  if (!(c.flags & kShifted) || !is_shifted(c, direction)) return;
  const uint32_t seq = number(packet, kSeqAt);
  const int32_t by = is_behind(seq, c.shift.position) ? c.shift.after : c.shift.after - c.shift_last;
  write_number(packet, kSeqAt, seq + static_cast<uint32_t>(by));
}

}  // namespace pw
