// Packets of live connections: the whole way at once. pipeline.cc hands each burst here first; what has no path, or
// whose path no longer holds, is given back and goes the long way, which makes it a path (path_record.cc).
//
// Stages over the burst, so that its cache misses overlap: key and hash -> path -> its connection -> go.
#include "checksum.h"
#include "extract.h"
#include "pipeline.h"

namespace pw {
namespace {

// Both checksums, as conntrack wants them (read_tuple.cc). One that the kernel vouches for, or that is not finished, is
// not looked at.
bool checksums_valid(Packet& packet, uint8_t proto, uint32_t l4_size) {
  const uint8_t* ip = packet.data + kPathIp;
  if (csum_finish(csum_add(0, ip, kIpv4Size)) != 0) return false;
  if (packet.csum_valid || packet.csum_partial || packet.gso_size) return true;
  const uint8_t* l4 = packet.data + kPathL4;
  if (proto == kIpUdp && load16(l4 + kUdpCsum) == 0) return true;  // RFC 768: the sender made none
  uint64_t sum = csum_add(to_be16(proto).raw + uint64_t{to_be32(l4_size).raw}, ip + 12, 8);
  if (csum_finish(csum_add(sum, l4, l4_size)) != 0) return false;
  packet.csum_valid = true;
  return true;
}

// One of 64, the same for all packets of a connection in one direction, whatever their TTL and TOS.
uint32_t connection_bit(const PathKey& key) {
  const uint64_t ports = key.word[3] << 32;
  return static_cast<uint32_t>((key.word[2] ^ ports ^ ports >> 17) * 0x9e3779b97f4a7c15ull >> 58);
}

// The checksum behind a change of its sum by `delta`.
void mend(uint8_t* field, uint32_t delta, bool is_udp) {
  uint16_t csum;
  memcpy(&csum, field, 2);
  if (is_udp && csum == 0) return;
  csum = csum_finish(uint64_t{static_cast<uint16_t>(~csum)} + delta);
  if (is_udp && csum == 0) csum = 0xffff;
  memcpy(field, &csum, 2);
}

// What l4_checksum.h does field by field.
void apply(Packet& packet, const Rewrite& r, uint8_t proto) {
  uint8_t* p = packet.data;
  memcpy(p, r.macs, 12);
  p[kPathIp + 1] = r.tos;
  p[kPathIp + 8] = r.ttl;
  memcpy(p + kPathIp + 12, r.addresses, 8);
  memcpy(p + kPathL4, r.ports, 4);
  if (r.ip_delta != 0) mend(p + kPathIp + kIpv4Csum, r.ip_delta, false);
  if (r.l4_delta == 0) return;
  const uint32_t offset = proto == kIpTcp ? kTcpCsum : kUdpCsum;
  uint8_t* field = p + kPathL4 + offset;
  if (!packet.csum_partial || packet.csum_start != kPathL4 || packet.csum_offset != offset) {
    return mend(field, r.l4_delta, proto == kIpUdp);
  }
  uint16_t sum;  // of the pseudo-header only, not complemented
  memcpy(&sum, field, 2);
  sum = csum_fold(uint64_t{sum} + r.pseudo_delta);
  memcpy(field, &sum, 2);
}

}  // namespace

int Pipeline::follow(Packet* const* packets, int count, Packet** rest) {
  PathKey keys[kBurst];
  uint32_t hashes[kBurst];
  const Path* found[kBurst];
  bool is_kind[kBurst];
  record_count_ = 0;
  const bool on = paths.is_on() && (!kCanWatch || follows_);
  const uint16_t epoch = paths.epoch();
  for (int i = 0; i < count; i++) {
    if (i + 1 < count) __builtin_prefetch(packets[i + 1]->data);
    Packet& packet = *packets[i];
    packet.path = nullptr;
    packet.rx_ns = now_ns_;
    is_kind[i] = on && packet.key.tun_dst.raw == 0 && packet.key.tun_flags.raw == 0 && read_path_key(packet, epoch, keys[i]);
    if (!is_kind[i]) continue;
    hashes[i] = paths.hash(keys[i]);
    paths.prefetch(hashes[i]);
  }
  for (int i = 0; i < count; i++) {
    if (!is_kind[i]) continue;
    found[i] = paths.candidate(hashes[i]);
  }
  for (int i = 0; i < count; i++) {
    if (!is_kind[i]) continue;
    found[i] = paths.find(keys[i], hashes[i], found[i]);
    if (found[i] != nullptr && found[i]->step_count > 0) conntrack->prefetch(found[i]->ct_index);
  }
  // Packets of one connection stay in order: behind one that goes the long way, all of them go it.
  uint64_t long_way = 0;
  int n = 0;
  for (int i = 0; i < count; i++) {
    Packet& packet = *packets[i];
    if (is_kind[i]) {
      const uint64_t bit = 1ull << connection_bit(keys[i]);
      if (found[i] != nullptr && !(long_way & bit) && follow(packet, *found[i])) continue;
      long_way |= bit;
      record(packet, keys[i], hashes[i]);
    }
    rest[n++] = &packet;
  }
  return n;
}

// False: the packet was not touched.
bool Pipeline::follow(Packet& packet, const Path& path) {
  const PathRest& rest = paths.rest(path);
  Megaflow* flows[kPathFlows];
  for (uint32_t i = 0; i < path.flow_count; i++) {
    const PathFlow& f = i < 2 ? path.flow[i] : rest.flow[i - 2];
    flows[i] = cache.pool().find(f.index, f.serial);
    if (flows[i] == nullptr) return false;
  }
  PortEntry* port = nullptr;
  if (!path.is_drop) {
    port = ports.find(path.out);
    if (port == nullptr || port->state == PortState::gone || port->is_tunnel) return false;
    if (packet.gso_size == 0 && packet.size > kEthHeaderSize + port->port->mtu()) return false;
  }
  const uint8_t proto = path.key.proto();
  const uint8_t* l4 = packet.data + kPathL4;
  if (path.step_count > 0) {
    const uint32_t l4_size = load16(packet.data + kPathIp + 2) - kIpv4Size;
    if (!checksums_valid(packet, proto, l4_size)) return false;
    if (!conntrack->touch(path.first_step(), proto, l4, l4_size, now_ns_)) return false;
    for (uint32_t i = 1; i < path.step_count; i++) {
      // The first was touched: done again on the long way that changes nothing more.
      if (!conntrack->touch(rest.step[i - 1], proto, l4, l4_size, now_ns_)) return false;
    }
  }
  const uint16_t flags = proto == kIpTcp ? load16(l4 + 12) & 0x0fff : 0;
  for (uint32_t i = 0; i < path.flow_count; i++) flows[i]->credit(packet.size, flags, now_ns_);
  counters.recirculations += path.flow_count - 1u;
  counters.followed++;
  if (path.is_drop) {
    counters.drop(static_cast<Drop>(path.out));
    return true;
  }
  if (path.is_rewritten) apply(packet, rest.rewrite, proto);
  PortTable::send(*port, &packet);
  counters.sent++;
  counters.delivered++;
  return true;
}

bool Pipeline::is_stale(const Path& path) {
  if (path.key.word[1] >> 48 != paths.epoch()) return true;
  const PathRest& rest = paths.rest(path);
  for (uint32_t i = 0; i < path.flow_count; i++) {
    const PathFlow& f = i < 2 ? path.flow[i] : rest.flow[i - 2];
    if (cache.pool().find(f.index, f.serial) == nullptr) return true;
  }
  if (path.step_count == 0) return false;
  return !conntrack->is_same(path.first_step());
}

}  // namespace pw
