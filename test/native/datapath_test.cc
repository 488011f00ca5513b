// The datapath thread: commands, upcalls told, idleness, ports that come and go, stopping. Part of core_test.
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>

#include "check.h"
#include "core_support.h"
#include "datapath.h"

namespace pw {
namespace {

using namespace std::chrono_literals;

struct Thread {
  std::mutex mutex;
  std::condition_variable told;
  int notified = 0;
  Datapath datapath;

  explicit Thread(uint32_t spin_us = 50)
      : datapath({.spin_us = spin_us}, [this] {
          const std::lock_guard lock(mutex);
          notified++;
          told.notify_all();
        }) {
    for (uint32_t no = 1; no <= 2; no++) add(no);
    datapath.start();
  }
  bool add(uint32_t no, const char* kind = "memory") {
    PortSpec spec;
    spec.kind = kind;
    spec.no = no;
    spec.name = "p" + std::to_string(no);
    PortInfo info;
    return datapath.add_port(spec, &info, &error);
  }
  bool wait_told(int times) {
    std::unique_lock lock(mutex);
    return told.wait_for(lock, 5s, [&] { return notified >= times; });
  }
  std::vector<Bytes> collect(uint32_t no) {
    std::vector<Bytes> frames;
    CHECK(datapath.collect(no, &frames));
    return frames;
  }
  SysError error;
};

TEST("datapath: a miss is told, its answer installs the flow, the second frame hits it") {
  Thread t;
  t.datapath.inject(1, kTcp4, {});
  t.datapath.drain();
  CHECK(t.wait_told(1));
  const UpcallSlot* slot = t.datapath.next_upcall();
  CHECK(slot != nullptr);
  auto flow = std::make_unique<FlowSpec>();
  flow->id = 1;
  flow->key = slot->packet.key;
  memset(&flow->mask, 0, sizeof flow->mask);
  flow->mask.dl_type.raw = 0xffff;
  t.datapath.complete(slot->number, Actions().output(2).bytes, std::move(flow));
  CHECK(t.collect(2) == std::vector<Bytes>{kTcp4});
  t.datapath.inject(1, kUdp4, {});
  t.datapath.drain();
  CHECK(t.collect(2) == std::vector<Bytes>{kUdp4});
  const CounterSnapshot c = t.datapath.counters();
  CHECK_EQ(c.counters.received, 2u);
  CHECK_EQ(c.cache.misses, 1u);
  CHECK_EQ(c.megaflows, 1u);
  CHECK_EQ(t.datapath.flow_stats().at(0).packets, 1u);
}

TEST("datapath: frames are forwarded while another thread posts and asks") {
  Thread t;
  auto flow = std::make_unique<FlowSpec>();
  memset(&flow->key, 0, sizeof flow->key);
  memset(&flow->mask, 0, sizeof flow->mask);
  flow->id = 9;
  t.datapath.put_flow(std::move(flow), Actions().output(2).bytes);
  size_t got = 0;
  for (int i = 0; i < 2000; i++) {
    t.datapath.inject(1, kUdp4, {});
    if (i % 50 == 0) got += t.collect(2).size();
    if (i % 77 == 0) CHECK_EQ(t.datapath.ports().size(), 2u);
  }
  t.datapath.drain();
  got += t.collect(2).size();
  CHECK_EQ(got, 2000u);
}

TEST("datapath: a port number is taken once, an unknown kind is refused, a deleted port is gone") {
  Thread t;
  CHECK(!t.add(1));
  CHECK_EQ(t.error.err, EEXIST);
  CHECK(!t.add(3, "carrier-pigeon"));
  CHECK_EQ(t.error.err, EOPNOTSUPP);
  CHECK(t.datapath.del_port(2));
  CHECK(!t.datapath.del_port(2));
  CHECK_EQ(t.datapath.ports().size(), 1u);
  std::vector<Bytes> frames;
  CHECK(!t.datapath.collect(2, &frames));
  CHECK(t.add(2));
}

TEST("datapath: works without its thread, and stops twice") {
  Datapath datapath({}, [] {});
  PortInfo info;
  SysError error;
  PortSpec spec;
  spec.kind = "memory";
  spec.no = 1;
  spec.name = "p";
  CHECK(datapath.add_port(spec, &info, &error));
  datapath.inject(1, kTcp4, {});
  datapath.drain();
  CHECK(datapath.next_upcall() != nullptr);
  datapath.stop();
  datapath.stop();
  datapath.start();
  CHECK(datapath.ports().empty());
  spec.no = 2;
  CHECK(!datapath.add_port(spec, &info, &error));
  CHECK_EQ(error.err, ESHUTDOWN);
  CHECK_EQ(datapath.counters().counters.drops[static_cast<size_t>(Drop::stopping)], 1u);
}

TEST("datapath: stops with upcalls unanswered") {
  Thread t;
  for (int i = 0; i < 10; i++) t.datapath.inject(1, kTcp4, {});
  t.datapath.drain();
  t.datapath.stop();
  CHECK_EQ(t.datapath.counters().counters.drops[static_cast<size_t>(Drop::stopping)], 10u);
}

TEST("datapath: with nothing to do it costs nearly nothing") {
  Thread t;
  t.datapath.drain();
  std::this_thread::sleep_for(50ms);
  rusage before, after;
  getrusage(RUSAGE_SELF, &before);
  std::this_thread::sleep_for(1500ms);
  getrusage(RUSAGE_SELF, &after);
  const long ms = (after.ru_utime.tv_sec - before.ru_utime.tv_sec) * 1000 +
                  (after.ru_utime.tv_usec - before.ru_utime.tv_usec) / 1000 +
                  (after.ru_stime.tv_sec - before.ru_stime.tv_sec) * 1000 +
                  (after.ru_stime.tv_usec - before.ru_stime.tv_usec) / 1000;
  CHECK(ms < 15);
  CHECK(after.ru_nvcsw - before.ru_nvcsw < 10);  // this thread's sleep, and one or two ticks
}

TEST("datapath: a command wakes a sleeping thread at once") {
  Thread t(0);
  for (int i = 0; i < 20; i++) {
    std::this_thread::sleep_for(5ms);
    const auto from = std::chrono::steady_clock::now();
    t.datapath.ports();
    CHECK(std::chrono::steady_clock::now() - from < 500ms);  // the tick would come after up to a second
  }
}

// A port on a socket that gives nothing, as a broken device would.
class SilentPort : public Port {
 public:
  SilentPort(uint32_t no, int fd) : Port(no, "s", 1500), fd_(fd) {}
  int rx(Packet**, int) override { return 0; }
  void tx(Packet**, int) override {}
  int fd() const override { return fd_; }

 private:
  int fd_;
};

TEST("poller: a readable file marks its port hot; one that gives nothing is left alone") {
  int fds[2];
  CHECK_EQ(socketpair(AF_UNIX, SOCK_DGRAM, 0, fds), 0);
  PortTable ports;
  PortEntry* entry = ports.add(std::make_unique<SilentPort>(1, fds[0]), "test", "s");
  Poller poller;
  poller.watch(*entry);
  CHECK(entry->is_hot);  // to be read once, for what came before
  entry->is_hot = false;
  poller.poll(0);
  CHECK(!entry->is_hot);
  CHECK_EQ(write(fds[1], "x", 1), 1);
  poller.poll(0);
  CHECK(entry->is_hot);
  for (int i = 0; i < 100; i++) {
    entry->is_hot = false;
    poller.poll(0);
    if (entry->is_hot) poller.gave_nothing(*entry);
  }
  CHECK_EQ(entry->watched_fd, -1);
  entry->is_hot = false;
  poller.poll(0);
  CHECK(!entry->is_hot);
  poller.watch(*entry);
  entry->is_hot = false;
  poller.poll(0);
  CHECK(entry->is_hot);
  poller.unwatch(*entry);
  close(fds[0]);
  close(fds[1]);
}

}  // namespace
}  // namespace pw
