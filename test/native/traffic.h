// Traffic for the port tests, from sockets inside namespaces: ping, a TCP stream that is compared byte by byte, UDP.
// Everything gives up after a few seconds.
#pragma once
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "lab.h"
#include "ports/netns.h"

inline sockaddr_in ipv4(const std::string& address, uint16_t port) {
  sockaddr_in a{};
  a.sin_family = AF_INET;
  a.sin_port = htons(port);
  inet_pton(AF_INET, address.c_str(), &a.sin_addr);
  return a;
}

// A socket in a namespace, bound to `bind_to` when given, with a receive timeout.
inline pw::Fd socket_in(const Namespace& ns, int type, int protocol = 0, const sockaddr_in* bind_to = nullptr,
                        int timeout_ms = 3000) {
  pw::Fd fd;
  pw::in_netns(ns.name, nullptr, [&] {
    fd = pw::Fd(socket(AF_INET, type | SOCK_CLOEXEC, protocol));
    return true;
  });
  const int one = 1;
  const timeval timeout{timeout_ms / 1000, (timeout_ms % 1000) * 1000};
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
  setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
  if (bind_to && bind(fd.get(), reinterpret_cast<const sockaddr*>(bind_to), sizeof *bind_to) != 0) fd.reset();
  return fd;
}

// Echo requests with `payload` bytes, never fragmented by the sender. How many were answered.
inline int ping(const Namespace& from, const std::string& to, int count = 3, size_t payload = 56,
                int timeout_ms = 1000) {
  pw::Fd fd = socket_in(from, SOCK_DGRAM, IPPROTO_ICMP, nullptr, timeout_ms);
  const int probe = IP_PMTUDISC_PROBE;
  setsockopt(fd.get(), IPPROTO_IP, IP_MTU_DISCOVER, &probe, sizeof probe);
  const sockaddr_in target = ipv4(to, 0);
  int answered = 0;
  for (int i = 0; i < count; i++) {
    std::vector<uint8_t> message(8 + payload, 0x55), answer(message.size() + 1);
    message[0] = 8;  // echo request
    message[1] = message[2] = message[3] = 0;
    message[7] = static_cast<uint8_t>(i);
    if (sendto(fd.get(), message.data(), message.size(), 0, reinterpret_cast<const sockaddr*>(&target),
               sizeof target) < 0) continue;
    const ssize_t got = recv(fd.get(), answer.data(), answer.size(), 0);
    if (got == static_cast<ssize_t>(message.size()) && answer[0] == 0 &&
        memcmp(&answer[8], &message[8], payload) == 0) answered++;
  }
  return answered;
}
inline void allow_ping(const Namespace& ns) { ns.exec("sysctl -qw 'net.ipv4.ping_group_range=0 2147483647'"); }

// The byte at position i of every test stream.
inline uint8_t stream_byte(size_t i) { return static_cast<uint8_t>((i * 2654435761u) >> 13); }

struct Stream {
  size_t bytes = 0;    // received and equal to what was sent
  double seconds = 0;
  double gbits() const { return seconds > 0 ? bytes * 8e-9 / seconds : 0; }
};

// `size` bytes over TCP from one namespace to the other; the receiver compares each byte.
inline Stream tcp_stream(const Namespace& from, const Namespace& to, const std::string& address, size_t size) {
  Stream result;
  const sockaddr_in where = ipv4(address, 5001), any = ipv4("0.0.0.0", 5001);
  pw::Fd listener = socket_in(to, SOCK_STREAM, 0, &any), client = socket_in(from, SOCK_STREAM);
  if (!listener || listen(listener.get(), 1) != 0) return result;
  std::vector<uint8_t> data(1 << 20);
  for (size_t i = 0; i < data.size(); i++) data[i] = stream_byte(i);
  std::thread receiver([&] {
    pw::Fd conn(accept(listener.get(), nullptr, nullptr));
    if (!conn) return;
    const timeval timeout{3, 0};
    setsockopt(conn.get(), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    std::vector<uint8_t> got(1 << 18);
    timespec begin, end;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    for (ssize_t n; (n = recv(conn.get(), got.data(), got.size(), 0)) > 0;) {
      for (size_t done = 0; done < static_cast<size_t>(n);) {
        const size_t at = (result.bytes + done) % data.size();
        const size_t part = std::min(static_cast<size_t>(n) - done, data.size() - at);
        if (memcmp(&got[done], &data[at], part) != 0) return;
        done += part;
      }
      result.bytes += static_cast<size_t>(n);
    }
    clock_gettime(CLOCK_MONOTONIC, &end);
    result.seconds = (end.tv_sec - begin.tv_sec) + (end.tv_nsec - begin.tv_nsec) * 1e-9;
  });
  if (connect(client.get(), reinterpret_cast<const sockaddr*>(&where), sizeof where) == 0) {
    for (size_t sent = 0; sent < size;) {
      const size_t at = sent % data.size();
      const ssize_t n = send(client.get(), &data[at], std::min(size - sent, data.size() - at), MSG_NOSIGNAL);
      if (n <= 0) break;
      sent += static_cast<size_t>(n);
    }
  } else {
    shutdown(listener.get(), SHUT_RDWR);
  }
  client.reset();
  receiver.join();
  return result;
}

// One UDP datagram of `size` bytes cut by the kernel into segments of `segment`; how many arrived whole and in order.
inline int udp_segments(const Namespace& from, const Namespace& to, const std::string& address, int size, int segment) {
  const sockaddr_in where = ipv4(address, 5002), any = ipv4("0.0.0.0", 5002);
  pw::Fd receiver = socket_in(to, SOCK_DGRAM, 0, &any, 1000), sender = socket_in(from, SOCK_DGRAM);
  const int gso = segment, none = 0;
  setsockopt(sender.get(), SOL_UDP, UDP_SEGMENT, &gso, sizeof gso);
  setsockopt(receiver.get(), SOL_UDP, 104 /* UDP_GRO */, &none, sizeof none);
  std::vector<uint8_t> data(static_cast<size_t>(size)), got(70000);
  for (size_t i = 0; i < data.size(); i++) data[i] = stream_byte(i);
  if (sendto(sender.get(), data.data(), data.size(), 0, reinterpret_cast<const sockaddr*>(&where), sizeof where) < 0) {
    return -1;
  }
  int arrived = 0;
  for (int done = 0; done < size; done += segment, arrived++) {
    const ssize_t n = recv(receiver.get(), got.data(), got.size(), 0);
    if (n != std::min(segment, size - done) || memcmp(got.data(), &data[static_cast<size_t>(done)], n) != 0) break;
  }
  return arrived;
}

// Frames of a namespace's eth0 as any other program there would see them: with the outer VLAN tag in the auxiliary
// data and, when asked for, a virtio header in front.
inline pw::Fd raw_socket(const Namespace& ns, bool vnet_header) {
  pw::Fd fd;
  pw::in_netns(ns.name, nullptr, [&] {
    fd = pw::Fd(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_protocol = htons(ETH_P_ALL);
    address.sll_ifindex = static_cast<int>(if_nametoindex("eth0"));
    const int one = 1, vnet = vnet_header;
    const timeval timeout{1, 0};
    setsockopt(fd.get(), SOL_PACKET, PACKET_VNET_HDR, &vnet, sizeof vnet);
    setsockopt(fd.get(), SOL_PACKET, PACKET_AUXDATA, &one, sizeof one);
    setsockopt(fd.get(), SOL_PACKET, 23 /* PACKET_IGNORE_OUTGOING */, &one, sizeof one);
    setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    return bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  });
  return fd;
}

// The next `count` IPv4 frames that a raw socket sees, written as a pcap file. How many came.
inline int capture(const pw::Fd& raw, int count, const std::string& file) {
  FILE* out = fopen(file.c_str(), "wb");
  if (!out) return 0;
  const uint32_t header[6] = {0xa1b2c3d4, 0x00040002, 0, 0, 65535, 1 /* Ethernet */};
  fwrite(header, sizeof header, 1, out);
  std::vector<uint8_t> frame(65536);
  int written = 0;
  while (written < count) {
    const ssize_t n = recv(raw.get(), frame.data(), frame.size(), 0);
    if (n < 14) break;
    if (frame[12] != 8 || frame[13] != 0) continue;
    const uint32_t record[4] = {0, 0, static_cast<uint32_t>(n), static_cast<uint32_t>(n)};
    fwrite(record, sizeof record, 1, out);
    fwrite(frame.data(), static_cast<size_t>(n), 1, out);
    written++;
  }
  fclose(out);
  return written;
}
