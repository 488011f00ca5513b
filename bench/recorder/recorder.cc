// One sample of bench/recorder/main.ts: frames of 1,000 connections from memory through the fast path, on one thread,
// and what a packet cost. Arguments: `paths` or `long` (with the connection cache or without), `nothing` or `one`
// (connection watched: of 1,000 packets one), and how many packets. Prints nanoseconds of CPU time and user
// instructions (0: not counted) a packet.
#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "checksum.h"
#include "core_support.h"
#include "pipeline.h"
#include "ports/pcap.h"

// In the place of the C library's: the hashes' keys are the same in every run, so that two runs have the same
// collisions and their instructions may be compared.
extern "C" ssize_t getrandom(void* buffer, size_t size, unsigned) {
  memset(buffer, 0x5a, size);
  return static_cast<ssize_t>(size);
}

namespace {

using namespace pw;

constexpr uint32_t kConnections = 1000;
constexpr uint16_t kZone = 65520, kFirstPort = 2000, kServer = 80;
constexpr uint32_t kAll = 0xffffffff;

// UDP between 192.0.2.1 and 192.0.2.2, without a UDP checksum; 60 bytes.
Bytes frame(uint16_t client, bool is_answer) {
  Bytes f = {2,    0, 0, 0,  0, 2, 2,    0, 0,  0,  0, 1, 8,   0,                                // Ethernet
             0x45, 0, 0, 46, 0, 0, 0x40, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2,          // IPv4
             0,    0, 0, 0,  0, 26, 0,   0};                                                   // UDP
  f.resize(60);
  if (is_answer) std::swap(f[29], f[33]);
  const uint16_t from = is_answer ? kServer : client, to = is_answer ? client : kServer;
  const uint16_t ports[] = {to_be16(from).raw, to_be16(to).raw};
  memcpy(&f[34], ports, sizeof ports);
  const uint16_t csum = csum_finish(csum_add(0, &f[14], 20));
  memcpy(&f[24], &csum, 2);
  return f;
}

std::vector<Bytes> frames(bool is_answer) {
  std::vector<Bytes> all;
  for (uint32_t i = 0; i < kConnections; i++) all.push_back(frame(static_cast<uint16_t>(kFirstPort + i), is_answer));
  return all;
}

class Bench {
 public:
  explicit Bench(bool with_paths) : pipeline_({.max_paths = with_paths ? 1u << 16 : 0u}) {
    for (const uint32_t in : {1u, 2u}) {
      put(in, 0, first_);
      put(in, 1, Actions().output(3));
    }
    add({.no = 3, .name = "out", .frames = {}, .loop = false});
    // Both directions once, so that the connections are established; then one direction for ever.
    add({.no = 1, .name = "in", .frames = frames(false), .loop = false});
    add({.no = 2, .name = "back", .frames = frames(true), .loop = false});
    for (const uint32_t no : {1u, 2u}) play(no, kConnections);
    pipeline_.ports.remove(1);
    add({.no = 1, .name = "in", .frames = frames(false), .loop = true});
  }

  void watch_one() {
    FlowKey key = key_from(1), mask{};
    mask.in_port.raw = kAll;
    key.tp_src = to_be16(kFirstPort + kConnections / 2);
    mask.tp_src.raw = 0xffff;
    pipeline_.watch(key, mask);
  }

  void play(uint32_t no, uint64_t packets) {
    PortEntry* entry = pipeline_.ports.find(no);
    for (uint64_t done = 0; done < packets;) {
      const int n = entry->port->rx(entry->received, kBurst);
      if (n == 0) break;
      now_ += 10'000;
      entry->has_received = true;
      pipeline_.receive(entry->received, n, now_);
      pipeline_.end_burst();
      answer();
      done += static_cast<uint64_t>(n);
    }
  }

  uint64_t told() const { return told_; }
  uint64_t sent() { return pipeline_.ports.find(3)->port->counters.tx_packets; }

 private:
  void add(PcapSpec spec) { pipeline_.ports.add(std::make_unique<PcapPort>(spec), "pcap", spec.name); }

  void put(uint32_t in, uint32_t recirc, const Actions& actions) {
    FlowKey key = key_from(in), mask{};
    key.recirc_id.set(recirc);
    mask.in_port.raw = mask.recirc_id.raw = kAll;
    pipeline_.cache.put(2 * in + recirc, key, mask, actions.bytes);
  }

  // In the place of TypeScript, which answers from another thread: the pass that the megaflows have.
  void answer() {
    if (!pipeline_.take_published()) return;
    while (const UpcallSlot* slot = pipeline_.slots.next_published()) {
      told_++;
      pipeline_.answer(slot->number, slot->packet.key.recirc_id.get() == 0 ? first_.list() : then_.list(), now_);
    }
    pipeline_.end_burst();
    answer();
  }

  const Actions first_ = Actions().ct(kZone, kCtCommit).recirc(1);
  const Actions then_ = Actions().output(3);
  Pipeline pipeline_;
  uint64_t now_ = 1'000'000'000;
  uint64_t told_ = 0;
};

int count_instructions() {
  perf_event_attr attr{};
  attr.size = sizeof attr;
  attr.type = PERF_TYPE_HARDWARE;
  attr.config = PERF_COUNT_HW_INSTRUCTIONS;
  attr.exclude_kernel = attr.exclude_hv = 1;
  return static_cast<int>(syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0));
}

uint64_t instructions(int fd) {
  uint64_t n = 0;
  return fd >= 0 && read(fd, &n, sizeof n) == sizeof n ? n : 0;
}

uint64_t cpu_ns() {
  timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<uint64_t>(t.tv_sec) * 1'000'000'000u + static_cast<uint64_t>(t.tv_nsec);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    fprintf(stderr, "expected: recorder paths|long nothing|one PACKETS\n");
    return 2;
  }
  const uint64_t packets = strtoull(argv[3], nullptr, 10);
  Bench bench(strcmp(argv[1], "paths") == 0);
  if (strcmp(argv[2], "one") == 0) bench.watch_one();
  bench.play(1, 10 * kConnections);
  const int counter = count_instructions();
  const uint64_t sent = bench.sent(), told = bench.told(), counted = instructions(counter), began = cpu_ns();
  bench.play(1, packets);
  const auto ns = static_cast<double>(cpu_ns() - began);
  const auto count = static_cast<double>(instructions(counter) - counted);
  const uint64_t done = bench.sent() - sent;
  printf("{\"ns\": %.3f, \"instructions\": %.3f, \"packets\": %lu, \"watchedPasses\": %lu}\n", ns / static_cast<double>(done),
         count / static_cast<double>(done), done, bench.told() - told);
  return done + kBurst > packets ? 0 : 1;
}
