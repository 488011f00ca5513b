// Request/response over one TCP connection: one byte there, one byte back.
//   rr server PORT
//   rr client ADDRESS PORT SECONDS
// `client` prints one JSON line: {"transactions": n, "seconds": s, "p50_us": .., "p99_us": .., "p999_us": ..}. `server`
// prints one when it is ended by SIGTERM, see exchanges.h.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "exchanges.h"

enum { kMaxSamples = 4 << 20 };

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec * 1e-9;
}

static int fail(const char* what) {
  fprintf(stderr, "rr: %s: %s\n", what, strerror(errno));
  return 1;
}

static int by_value(const void* a, const void* b) {
  float x = *(const float*)a, y = *(const float*)b;
  return (x > y) - (x < y);
}

static int server(int port) {
  int one = 1, s = socket(AF_INET, SOCK_STREAM, 0);
  setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  tell_at_end();
  struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(port)};
  if (s < 0 || bind(s, (struct sockaddr*)&any, sizeof any) || listen(s, 8)) return fail("listen");
  puts("ready");
  fflush(stdout);
  for (;;) {
    int c = accept(s, NULL, NULL);
    if (c < 0) continue;
    opened++;
    setsockopt(c, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    char byte;
    while (read(c, &byte, 1) == 1) {
      requests++;
      if (write(c, &byte, 1) != 1) break;
      responses++;
    }
    closed++;
    close(c);
  }
}

static int client(const char* address, int port, double seconds) {
  int one = 1, s = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
  inet_pton(AF_INET, address, &to.sin_addr);
  if (s < 0 || connect(s, (struct sockaddr*)&to, sizeof to)) return fail("connect");
  setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  float* us = malloc(sizeof(float) * kMaxSamples);
  long n = 0, samples = 0;
  char byte = 'x';
  double start = now(), last = start;
  while (last - start < seconds) {
    if (write(s, &byte, 1) != 1 || read(s, &byte, 1) != 1) return fail("exchange");
    double t = now();
    if (samples < kMaxSamples) us[samples++] = (t - last) * 1e6;
    last = t;
    n++;
  }
  // The server has counted the connection's end when it closes its side.
  if (shutdown(s, SHUT_WR) || read(s, &byte, 1) != 0) return fail("the end of the connection");
  qsort(us, samples, sizeof *us, by_value);
  printf("{\"transactions\": %ld, \"seconds\": %.6f, \"p50_us\": %.2f, \"p99_us\": %.2f, \"p999_us\": %.2f}\n", n,
         last - start, us[samples / 2], us[(long)(samples * 0.99)], us[(long)(samples * 0.999)]);
  return 0;
}

int main(int argc, char** argv) {
  if (argc == 3 && !strcmp(argv[1], "server")) return server(atoi(argv[2]));
  if (argc == 5 && !strcmp(argv[1], "client")) return client(argv[2], atoi(argv[3]), atof(argv[4]));
  fprintf(stderr, "usage: rr server PORT | rr client ADDRESS PORT SECONDS\n");
  return 2;
}
