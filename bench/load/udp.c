// UDP load for the packet-rate trials.
//   udp send ADDRESS PORT PAYLOAD_BYTES SECONDS [RATE]   sends as fast as it can, or so many a second, 64 datagrams a system call
//                                                 PAYLOAD_BYTES `imix`: seven of 18, four of 548, one of 1422, in turn
//   udp pace ADDRESS PORT PAYLOAD_BYTES RATE      sends so many datagrams a second, until it is ended
//   udp sink PORT                                 binds and never reads: what arrives is counted by the interface
// `send` prints one JSON line: {"sent": datagrams, "seconds": s}.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { kBatch = 64, kMaxPayload = 1422 };

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec * 1e-9;
}

static int fail(const char* what) {
  fprintf(stderr, "udp: %s: %s\n", what, strerror(errno));
  return 1;
}

static int sink(int port) {
  int s = socket(AF_INET, SOCK_DGRAM, 0);
  // The smallest buffer: datagrams are dropped after the interface has counted them, which costs the receiver least.
  int bytes = 2048;
  setsockopt(s, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
  struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(port)};
  if (s < 0 || bind(s, (struct sockaddr*)&any, sizeof any)) return fail("bind");
  puts("ready");
  fflush(stdout);
  for (;;) pause();
}

static int pace(const char* address, int port, int payload, double rate) {
  if (payload < 0 || payload > kMaxPayload || rate <= 0) {
    fprintf(stderr, "udp: expected a payload of 1 to %d bytes and a rate above 0\n", kMaxPayload);
    return 2;
  }
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
  inet_pton(AF_INET, address, &to.sin_addr);
  int s = socket(AF_INET, SOCK_DGRAM, 0);
  if (s < 0 || connect(s, (struct sockaddr*)&to, sizeof to)) return fail("connect");
  static char buffer[kMaxPayload];
  puts("ready");
  fflush(stdout);
  const struct timespec between = {.tv_sec = (time_t)(1 / rate), .tv_nsec = (long)((1 / rate - (time_t)(1 / rate)) * 1e9)};
  for (;;) {
    if (send(s, buffer, payload, 0) < 0 && errno != ENOBUFS && errno != EAGAIN && errno != ECONNREFUSED) return fail("send");
    nanosleep(&between, NULL);
  }
}

static int blast(const char* address, int port, int payload, double seconds, double rate) {
  const int imix = payload == 0;
  if (payload < 0 || payload > kMaxPayload) {
    fprintf(stderr, "udp: expected a payload of 1 to %d bytes\n", kMaxPayload);
    return 2;
  }
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
  inet_pton(AF_INET, address, &to.sin_addr);
  int s = socket(AF_INET, SOCK_DGRAM, 0);
  int bytes = 8 << 20;
  setsockopt(s, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes);
  if (s < 0 || connect(s, (struct sockaddr*)&to, sizeof to)) return fail("connect");

  static char buffer[kMaxPayload];
  // Frames of 60, 590 and 1464 bytes: 64, 594 and 1468 on the wire.
  static const int kImix[] = {18, 548, 18, 548, 18, 548, 18, 548, 18, 18, 18, 1422};
  struct iovec iov[kBatch];
  struct mmsghdr messages[kBatch];
  memset(messages, 0, sizeof messages);
  for (int i = 0; i < kBatch; i++) {
    iov[i] = (struct iovec){buffer, imix ? kImix[i % 12] : payload};
    messages[i].msg_hdr.msg_iov = &iov[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  unsigned long sent = 0;
  double start = now(), end = start;
  for (unsigned long calls = 0;; calls++) {
    int n = sendmmsg(s, messages, kBatch, 0);
    if (n > 0) sent += n;
    else if (errno != ENOBUFS && errno != EAGAIN && errno != ECONNREFUSED) return fail("sendmmsg");
    while (rate > 0 && now() - start < sent / rate) {
    }
    if ((calls & 15) == 0 && (end = now()) - start >= seconds) break;
  }
  printf("{\"sent\": %lu, \"seconds\": %.6f}\n", sent, now() - start);
  return 0;
}

int main(int argc, char** argv) {
  if (argc == 3 && !strcmp(argv[1], "sink")) return sink(atoi(argv[2]));
  if ((argc == 6 || argc == 7) && !strcmp(argv[1], "send")) {
    return blast(argv[2], atoi(argv[3]), strcmp(argv[4], "imix") ? atoi(argv[4]) : 0, atof(argv[5]), argc == 7 ? atof(argv[6]) : 0);
  }
  if (argc == 6 && !strcmp(argv[1], "pace")) return pace(argv[2], atoi(argv[3]), atoi(argv[4]), atof(argv[5]));
  fprintf(stderr, "usage: udp send ADDRESS PORT PAYLOAD_BYTES SECONDS [RATE] | udp pace ADDRESS PORT PAYLOAD_BYTES RATE | udp sink PORT\n");
  return 2;
}
