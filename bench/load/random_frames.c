// Hostile input: random frames out of an interface, or random datagrams to a Geneve port.
//   random_frames frames INTERFACE SEED PER_SECOND SECONDS
//   random_frames geneve ADDRESS   SEED PER_SECOND SECONDS
// A frame is one of: noise of any length; a plausible header chain (ARP, IPv4, IPv6, VLAN; TCP, UDP, ICMP) cut off or
// with random bytes overwritten. A datagram is noise, or a Geneve header with random lengths, options and a frame
// inside. Prints one JSON line: {"sent": n, "refused": n}.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { kMaxFrame = 1464 };

static uint64_t state;

static uint32_t rnd(void) {  // xorshift64*
  state ^= state >> 12;
  state ^= state << 25;
  state ^= state >> 27;
  return (state * 0x2545f4914f6cdd1dULL) >> 32;
}

static int below(int n) { return rnd() % n; }

static void noise(uint8_t* p, int n) {
  for (int i = 0; i < n; i++) p[i] = rnd();
}

static int put(uint8_t* p, const char* hex) {
  int n = 0;
  for (; hex[0] && hex[1]; hex += 2, n++) sscanf(hex, "%2hhx", &p[n]);
  return n;
}

// A frame that begins like a real one; what follows the headers is noise.
static int plausible(uint8_t* p) {
  static const char* const kMacs[] = {"4e9908c153be", "be2cbfe4ecc5", "f232d807e2a6", "aabbccddeeff", "ffffffffffff", "3333ff000001"};
  static const char* const kL3[] = {
      "0806000108000604000100", "080045000040000040004006", "0800450000400000200040110000",
      "080046000040000000014001", "080045000040000020b84006", "86dd60000000002806400000",
      "86dd600000000028004000000000", "86dd60000000002c2c40", "8100006408004500", "88a8000181000002080045000028", "88cc0207", "0064aaaa03000000"};
  int n = put(p, kMacs[below(6)]);
  n += put(p + n, kMacs[below(6)]);
  n += put(p + n, kL3[below(12)]);
  int tail = below(200);
  noise(p + n, tail);
  n += tail;
  for (int flips = below(4); flips > 0; flips--) p[12 + below(n - 12)] = rnd();
  return n;
}

static int frame(uint8_t* p) {
  if (below(4)) return plausible(p);
  int n = 14 + below(kMaxFrame - 14);
  noise(p, n);
  return n;
}

static int datagram(uint8_t* p) {
  if (below(3) == 0) {
    int n = below(kMaxFrame);
    noise(p, n);
    return n;
  }
  int options = below(5) * 4;
  p[0] = below(8) ? (uint8_t)(options / 4) : (uint8_t)rnd();
  p[1] = below(4) ? 0 : rnd();
  p[2] = 0x65;
  p[3] = below(8) ? 0x58 : rnd();
  memset(p + 4, 0, 4);
  noise(p + 8, options);
  for (int at = 8; options && at < 8 + options; at += 4) p[at + 3] = below(3) ? 0 : rnd();
  return 8 + options + frame(p + 8 + options);
}

static int fail(const char* what) {
  fprintf(stderr, "random_frames: %s: %s\n", what, strerror(errno));
  return 1;
}

static int open_interface(const char* name) {
  int s = socket(AF_PACKET, SOCK_RAW, 0);
  struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = if_nametoindex(name)};
  return s < 0 || bind(s, (struct sockaddr*)&to, sizeof to) ? -1 : s;
}

static int open_geneve(const char* address) {
  int s = socket(AF_INET, SOCK_DGRAM, 0);
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(6081)};
  inet_pton(AF_INET, address, &to.sin_addr);
  return s < 0 || connect(s, (struct sockaddr*)&to, sizeof to) ? -1 : s;
}

int main(int argc, char** argv) {
  if (argc != 6) {
    fprintf(stderr, "usage: random_frames frames INTERFACE|geneve ADDRESS SEED PER_SECOND SECONDS\n");
    return 2;
  }
  int geneve = !strcmp(argv[1], "geneve");
  int s = geneve ? open_geneve(argv[2]) : open_interface(argv[2]);
  if (s < 0) return fail(argv[2]);
  state = strtoull(argv[3], NULL, 10) * 2654435761u + 1;
  int rate = atoi(argv[4]);
  long total = (long)rate * atoi(argv[5]), sent = 0, refused = 0;
  static uint8_t buffer[2 * kMaxFrame + 512];
  struct timespec next;
  clock_gettime(CLOCK_MONOTONIC, &next);
  for (long i = 0; i < total; i++) {
    int n = geneve ? datagram(buffer) : frame(buffer);
    if (send(s, buffer, n, MSG_DONTWAIT) < 0) refused++;
    else sent++;
    next.tv_nsec += 1000000000L / rate;
    if (next.tv_nsec >= 1000000000L) {
      next.tv_nsec -= 1000000000L;
      next.tv_sec++;
    }
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
  }
  printf("{\"sent\": %ld, \"refused\": %ld}\n", sent, refused);
  return 0;
}
