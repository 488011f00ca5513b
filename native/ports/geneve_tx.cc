// Geneve, sending: see geneve_tx.h.
#include "geneve_tx.h"

#include <linux/filter.h>
#include <netinet/udp.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "frame_layout.h"
#include "gso.h"
#include "offload.h"

namespace pw {

namespace {

#ifndef UDP_SEGMENT
constexpr int UDP_SEGMENT = 103;
#endif

constexpr int kDefaultTtl = 64;

uint64_t mix(uint64_t hash, uint64_t value) {
  hash = (hash ^ value) * 0x9e3779b97f4a7c15u;
  return hash ^ (hash >> 29);
}

// Spreads what mix() left over all bits: the bucket is taken from the lowest.
uint32_t finish(uint64_t hash) {
  hash ^= hash >> 32;
  hash *= 0xd6e8feb86659fd93u;
  return static_cast<uint32_t>(hash ^ (hash >> 32));
}

uint64_t mix_bytes(uint64_t hash, const uint8_t* p, uint32_t size) {
  for (; size >= 8; p += 8, size -= 8) hash = mix(hash, load64(p));
  uint64_t rest = 0;
  memcpy(&rest, p, size);
  return size ? mix(hash, rest) : hash;
}

template <typename T>
void put_control(msghdr& message, int level, int type, const T& value) {
  auto* c = reinterpret_cast<cmsghdr*>(static_cast<char*>(message.msg_control) + message.msg_controllen);
  c->cmsg_level = level;
  c->cmsg_type = type;
  c->cmsg_len = CMSG_LEN(sizeof value);
  memcpy(CMSG_DATA(c), &value, sizeof value);
  message.msg_controllen += CMSG_SPACE(sizeof value);
}

}  // namespace

uint32_t inner_flow_hash(const uint8_t* frame, uint32_t size) {
  FrameLayout layout;
  if (!locate(frame, size, &layout) || layout.version == 0) {
    return finish(mix_bytes(0, frame, std::min(size, 14u)));
  }
  const bool ipv4 = layout.version == 4;
  uint64_t hash = mix_bytes(layout.proto, frame + layout.l3 + (ipv4 ? 12 : 8), ipv4 ? 8 : 32);
  const bool ports = layout.proto == kIpTcp || layout.proto == kIpUdp || layout.proto == kIpSctp;
  // Fragments of a packet must take one way, and only the first has ports.
  if (ports && layout.l4 && !layout.fragment && layout.l4 + 4 <= layout.end) {
    hash = mix(hash, load32(frame + layout.l4));
  }
  return finish(hash);
}

bool GeneveSender::open(int family, const OuterAddress& local, uint16_t udp_port, bool csum, SysError* error) {
  close();
  if (!headers_) headers_ = std::make_unique<uint8_t[]>(kHeaderMemory);
  family_ = family;
  udp_port_ = to_be16(udp_port);
  segment_ = csum;  // the kernel segments only what it also checksums
  for (Fd& fd : sockets_) {
    if (!open_socket(&fd, local, csum, error)) {
      close();
      return false;
    }
  }
  return true;
}

bool GeneveSender::open_socket(Fd* fd, const OuterAddress& local, bool csum, SysError* error) {
  *fd = Fd(socket(family_, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!*fd) return refuse(error, family_ == AF_INET ? "socket(AF_INET)" : "socket(AF_INET6)", "geneve source port");
  const int df = IP_PMTUDISC_DO, ttl = kDefaultTtl, send_buffer = 4 << 20, no_checksum = csum ? 0 : 1;
  sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
  const sock_fprog drop_all{1, &nothing};
  if (setsockopt(fd->get(), IPPROTO_IP, IP_MTU_DISCOVER, &df, sizeof df) != 0 ||
      setsockopt(fd->get(), IPPROTO_IP, IP_TTL, &ttl, sizeof ttl) != 0 ||
      setsockopt(fd->get(), SOL_SOCKET, SO_NO_CHECK, &no_checksum, sizeof no_checksum) != 0 ||
      setsockopt(fd->get(), SOL_SOCKET, SO_ATTACH_FILTER, &drop_all, sizeof drop_all) != 0) {
    return refuse(error, "setsockopt", "geneve source port");
  }
  const int df6 = IPV6_PMTUDISC_DO;
  if (family_ == AF_INET6 && (setsockopt(fd->get(), IPPROTO_IPV6, IPV6_MTU_DISCOVER, &df6, sizeof df6) != 0 ||
                              setsockopt(fd->get(), IPPROTO_IPV6, IPV6_UNICAST_HOPS, &ttl, sizeof ttl) != 0)) {
    return refuse(error, "setsockopt", "geneve source port");
  }
  if (setsockopt(fd->get(), SOL_SOCKET, SO_SNDBUFFORCE, &send_buffer, sizeof send_buffer) != 0) {
    setsockopt(fd->get(), SOL_SOCKET, SO_SNDBUF, &send_buffer, sizeof send_buffer);
  }
  sockaddr_in6 address;
  const socklen_t size = local.to_bind(family_).to_sockaddr(family_, be16{}, &address);
  if (bind(fd->get(), reinterpret_cast<const sockaddr*>(&address), size) != 0) {
    return refuse(error, "bind", "geneve source port");
  }
  return true;
}

void GeneveSender::close() {
  for (Fd& fd : sockets_) fd.reset();
  first_.fill(-1);
  last_.fill(-1);
  datagram_count_ = 0;
  headers_used_ = 0;
}

// Memory for one datagram's headers; sends what waits when there is no more.
uint8_t* GeneveSender::reserve(uint32_t size, PortCounters& counters) {
  if (datagram_count_ == kMaxDatagrams || headers_used_ + size > kHeaderMemory) flush(counters);
  uint8_t* p = headers_.get() + headers_used_;
  headers_used_ += size;
  return p;
}

void GeneveSender::push(int bucket, const Datagram& datagram) {
  const int index = datagram_count_++;
  datagrams_[index] = datagram;
  datagrams_[index].next = -1;
  if (first_[bucket] < 0) first_[bucket] = index;
  else datagrams_[last_[bucket]].next = index;
  last_[bucket] = index;
}

void GeneveSender::add(const Packet& packet, const TlvMap& options, PortCounters& counters) {
  const FlowKey& key = packet.key;
  const OuterAddress dst(key.tun_dst, key.tun_ipv6_dst), src(key.tun_src, key.tun_ipv6_src);
  if (dst.is_any() || (family_ == AF_INET && !dst.is_ipv4())) {
    counters.tx_errors++;
    return;
  }
  uint8_t geneve[kGeneveMaxHeader];
  Datagram datagram{};
  datagram.geneve_size = options.build(key, geneve);
  datagram.route = {dst, src, key.tun_tos, key.tun_ttl};
  const int bucket = static_cast<int>(inner_flow_hash(packet.data, packet.size) % kSourcePorts);
  if (packet.gso_type != GsoType::none) return add_segments(bucket, packet, datagram, geneve, counters);

  // The frame itself is not touched: another port may hold its bytes until its own flush.
  uint32_t copied = 0;
  FinishedChecksum checksum;
  if (packet.csum_partial) {
    const bool ok = compute_checksum(packet, &checksum) && checksum.at + checksum.size <= kMaxInnerHeader;
    if (!ok) {
      counters.tx_errors++;
      return;
    }
    copied = checksum.at + checksum.size;
  }
  datagram.header_size = datagram.geneve_size + copied;
  uint8_t* header = reserve(datagram.header_size, counters);
  memcpy(header, geneve, datagram.geneve_size);
  memcpy(header + datagram.geneve_size, packet.data, copied);
  if (copied) memcpy(header + datagram.geneve_size + checksum.at, checksum.bytes, checksum.size);
  datagram.header = header;
  datagram.payload = packet.data + copied;
  datagram.payload_size = packet.size - copied;
  push(bucket, datagram);
}

void GeneveSender::add_segments(int bucket, const Packet& packet, Datagram datagram, const uint8_t* geneve,
                                PortCounters& counters) {
  GsoCut cut;
  if (!cut.parse(packet) || cut.header_size() > kMaxInnerHeader) {
    counters.tx_errors++;
    return;
  }
  datagram.header_size = datagram.geneve_size + cut.header_size();
  for (int i = 0; i < cut.count(); i++) {
    uint8_t* header = reserve(datagram.header_size, counters);
    memcpy(header, geneve, datagram.geneve_size);
    cut.write_header(i, header + datagram.geneve_size);
    datagram.header = header;
    datagram.payload = cut.payload(i);
    datagram.payload_size = cut.payload_size(i);
    push(bucket, datagram);
  }
}

void GeneveSender::flush(PortCounters& counters) {
  if (datagram_count_ == 0) return;
  for (int bucket = 0; bucket < kSourcePorts; bucket++) {
    if (first_[bucket] >= 0) send_bucket(bucket, counters);
    first_[bucket] = last_[bucket] = -1;
  }
  datagram_count_ = 0;
  headers_used_ = 0;
}

// The bucket's datagrams in order, grouped into messages: equal size but for the last, one route. Returns how many.
int GeneveSender::collect(int bucket, int* count) {
  int messages = 0, n = 0;
  bool open = false;  // the last message may take another
  for (int i = first_[bucket]; i >= 0; i = datagrams_[i].next) {
    const Datagram& d = datagrams_[i];
    order_[n] = &d;
    Message* m = messages ? &messages_[messages - 1] : nullptr;
    if (open && d.size() <= m->segment && m->count < static_cast<int>(kMaxSegmentsPerCall) &&
        m->bytes + d.size() <= kMaxBytesPerCall && d.route == order_[m->first]->route) {
      m->count++;
      m->bytes += d.size();
      open = d.size() == m->segment;
    } else {
      messages_[messages++] = {n, 1, d.size(), d.size()};
      open = segment_;
    }
    n++;
  }
  *count = n;
  return messages;
}

void GeneveSender::prepare(int index, const Message& message) {
  for (int i = message.first; i < message.first + message.count; i++) {
    iovecs_[2 * i] = {const_cast<uint8_t*>(order_[i]->header), order_[i]->header_size};
    iovecs_[2 * i + 1] = {const_cast<uint8_t*>(order_[i]->payload), order_[i]->payload_size};
  }
  const Route& route = order_[message.first]->route;
  sockaddr_in6& target = targets_[index];
  const socklen_t target_size = route.dst.to_sockaddr(family_, udp_port_, &target);
  msghdr& header = headers_out_[index].msg_hdr;
  header = msghdr{};
  header.msg_name = &target;
  header.msg_namelen = target_size;
  header.msg_iov = &iovecs_[2 * message.first];
  header.msg_iovlen = static_cast<size_t>(2 * message.count);
  header.msg_control = &controls_[index];
  if (message.count > 1) put_control(header, SOL_UDP, UDP_SEGMENT, static_cast<uint16_t>(message.segment));
  const bool ipv4 = route.dst.is_ipv4();
  const int level = ipv4 ? IPPROTO_IP : IPPROTO_IPV6;
  if (route.tos) put_control(header, level, ipv4 ? IP_TOS : IPV6_TCLASS, int{route.tos});
  if (route.ttl && route.ttl != kDefaultTtl) put_control(header, level, ipv4 ? IP_TTL : IPV6_HOPLIMIT, int{route.ttl});
  if (!route.src.is_any() && ipv4) {
    in_pktinfo info{};
    info.ipi_spec_dst.s_addr = route.src.ipv4();
    put_control(header, IPPROTO_IP, IP_PKTINFO, info);
  } else if (!route.src.is_any()) {
    in6_pktinfo info{};
    info.ipi6_addr = route.src.in6;
    put_control(header, IPPROTO_IPV6, IPV6_PKTINFO, info);
  }
  if (header.msg_controllen == 0) header.msg_control = nullptr;
}

void GeneveSender::send_bucket(int bucket, PortCounters& counters) {
  int datagrams = 0;
  const int messages = collect(bucket, &datagrams);
  for (int i = 0; i < messages; i++) prepare(i, messages_[i]);
  for (int done = 0; done < messages;) {
    const int sent = sendmmsg(sockets_[bucket].get(), &headers_out_[done], static_cast<unsigned>(messages - done), 0);
    for (int i = done; i < done + sent; i++) count(messages_[i], 0, counters);
    if (sent > 0) {
      done += sent;
      continue;
    }
    // The first of the rest was refused. A route through a device or transformation that cannot segment says EIO or
    // EINVAL; then its datagrams go one by one.
    const Message& refused = messages_[done];
    const int err = errno;
    if (refused.count > 1 && (err == EIO || err == EINVAL || err == EOPNOTSUPP)) send_apart(bucket, refused, counters);
    else count(refused, err, counters);
    done++;
  }
}

void GeneveSender::send_apart(int bucket, const Message& message, PortCounters& counters) {
  for (int i = message.first; i < message.first + message.count; i++) {
    const Message one{i, 1, order_[i]->size(), order_[i]->size()};
    const int spare = kMaxDatagrams - 1;  // in use only when each message is one datagram, and then none comes here
    prepare(spare, one);
    const bool ok = sendmsg(sockets_[bucket].get(), &headers_out_[spare].msg_hdr, 0) >= 0;
    count(one, ok ? 0 : errno, counters);
  }
}

void GeneveSender::count(const Message& message, int err, PortCounters& counters) const {
  const uint64_t datagrams = static_cast<uint64_t>(message.count);
  if (err == 0) {
    counters.tx_packets += datagrams;
    counters.tx_bytes += message.bytes - datagrams * order_[message.first]->geneve_size;
  } else if (err == EMSGSIZE) {
    counters.tx_too_big += datagrams;
  } else if (err == EINVAL) {
    counters.tx_errors += datagrams;
  } else {
    // EAGAIN, ENOBUFS: full; ENETUNREACH, EHOSTUNREACH: no route, or tun_src is no address of ours; EPERM: filtered.
    counters.tx_dropped += datagrams;
  }
}

}  // namespace pw
