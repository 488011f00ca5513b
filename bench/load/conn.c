// Connections: open, one byte there, one byte back, close; again and again.
//   conn server PORT
//   conn client ADDRESS PORT SECONDS   connections for so long, one after another
//   conn client ADDRESS PORT 0         one connection
// The server closes first, so that the client's port is free at once. `client` prints one JSON line:
// {"opened": n, "requests": n, "responses": n, "closed": n, "seconds": s, "p50_us": .., "p99_us": ..}: connections, of
// connect() until their end. `server` prints its own four counters when it is ended by SIGTERM, see exchanges.h.
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
  fprintf(stderr, "conn: %s: %s\n", what, strerror(errno));
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
  if (s < 0 || bind(s, (struct sockaddr*)&any, sizeof any) || listen(s, 512)) return fail("listen");
  puts("ready");
  fflush(stdout);
  for (;;) {
    int c = accept(s, NULL, NULL);
    if (c < 0) continue;
    opened++;
    char byte;
    if (read(c, &byte, 1) == 1) {
      requests++;
      if (write(c, &byte, 1) == 1) responses++;
    }
    closed++;
    close(c);
  }
}

static int converse(const struct sockaddr_in* to) {
  int s = socket(AF_INET, SOCK_STREAM, 0);
  if (s < 0 || connect(s, (const struct sockaddr*)to, sizeof *to)) return fail("connect");
  opened++;
  char byte = 'x';
  if (write(s, &byte, 1) != 1) return fail("the request");
  requests++;
  if (read(s, &byte, 1) != 1) return fail("the response");
  responses++;
  if (read(s, &byte, 1) != 0) return fail("the end of the connection");
  closed++;
  close(s);
  return 0;
}

static int client(const char* address, int port, double seconds) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
  inet_pton(AF_INET, address, &to.sin_addr);
  float* us = malloc(sizeof(float) * kMaxSamples);
  long n = 0;
  double start = now(), last = start;
  do {
    if (converse(&to)) return 1;
    double t = now();
    if (n < kMaxSamples) us[n] = (t - last) * 1e6;
    last = t;
    n++;
  } while (last - start < seconds);
  long samples = n < kMaxSamples ? n : kMaxSamples;
  qsort(us, samples, sizeof *us, by_value);
  printf("{\"opened\": %ld, \"requests\": %ld, \"responses\": %ld, \"closed\": %ld, \"seconds\": %.6f, \"p50_us\": %.2f, \"p99_us\": %.2f}\n",
         opened, requests, responses, closed, last - start, us[samples / 2], us[(long)(samples * 0.99)]);
  return 0;
}

int main(int argc, char** argv) {
  if (argc == 3 && !strcmp(argv[1], "server")) return server(atoi(argv[2]));
  if (argc == 5 && !strcmp(argv[1], "client")) return client(argv[2], atoi(argv[3]), atof(argv[4]));
  fprintf(stderr, "usage: conn server PORT | conn client ADDRESS PORT SECONDS\n");
  return 2;
}
