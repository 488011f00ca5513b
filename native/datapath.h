// The datapath thread: owns a Pipeline and runs it. Other threads (JavaScript's) talk to it through these methods only.
//
// Posted methods return at once and run in order between bursts; waited ones run there too and block the caller until
// they are done. While the thread does not run (before start, after stop) both run in the caller.
#pragma once
#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "command_queue.h"
#include "pipeline.h"
#include "poller.h"
#include "ports/geneve.h"
#include "ports/memory.h"
#include "ports/open_port.h"

namespace pw {

struct DatapathConfig {
  PipelineConfig pipeline{};
  uint32_t spin_us = 50;
};

struct PortEvent {
  bool is_back;  // else: gone
  uint32_t port;
};

struct PortInfo {
  uint32_t no, mtu;
  std::string name, kind, ifname;
  PortState state;
  PortCounters counters;
};

struct FlowSpec {
  uint64_t id;
  FlowKey key, mask;
};

// What becomes of an installed megaflow. Neither: it is only read.
struct FlowChange {
  uint64_t id;
  bool is_removed = false;
  std::unique_ptr<std::vector<uint8_t>> actions;  // its new ones
};

struct FlowStats {
  uint64_t id, packets, bytes, used_ns, tcp_flags;
};

struct CounterSnapshot {
  Counters counters;
  FlowCache::Stats cache;
  uint64_t megaflows, upcalls_pending, connections, fragments_held;
};

struct FragmentStatus {
  FragmentConfig config;
  Fragments::Stats stats[2];  // by FragmentFamily
  uint32_t held;
  std::vector<std::string> datagrams;  // one a line
};

class Datapath {
 public:
  // `notify` is called on the datapath thread when there are upcalls or events to fetch.
  Datapath(const DatapathConfig& config, std::function<void()> notify);
  ~Datapath();

  void start();
  void stop();

  // Ports. add_port opens in the caller's thread, so that a slow system call delays no packet.
  bool add_port(const PortSpec& spec, PortInfo* info, SysError* error);  // waited
  bool del_port(uint32_t no);                                            // waited
  std::vector<PortInfo> ports();                                         // waited
  void set_tlv_map(std::vector<TlvOption> options);                      // waited; for all geneve ports, later ones too

  // Flows and packets.
  void complete(uint32_t slot, std::vector<uint8_t> actions, std::unique_ptr<FlowSpec> flow);
  void put_flow(std::unique_ptr<FlowSpec> flow, std::vector<uint8_t> actions);
  void del_flow(uint64_t id);
  void flush_flows();
  std::vector<FlowStats> flow_stats();  // waited
  // Removes these megaflows, or all, and returns their last statistics: one step, so that no packet escapes counting.
  std::vector<FlowStats> take_flows(const std::vector<uint64_t>* ids);  // waited
  // Does all of it in one step between bursts, and returns the statistics from before. With a new `epoch` no packet
  // meets both what was and what is.
  std::vector<FlowStats> change_flows(std::vector<FlowChange> changes, const uint32_t* epoch);  // waited
  void execute(std::vector<uint8_t> frame, const FlowKey& key, std::vector<uint8_t> actions);
  void watch(std::unique_ptr<FlowSpec> filter);  // nullptr: nothing

  // Conntrack and counters, all waited.
  std::vector<std::string> ct_dump(const CtFilter& filter, CtDumpStyle style);
  uint32_t ct_flush(const CtFilter& filter);
  // Reads or changes what Conntrack says of itself.
  void with_conntrack(const std::function<void(Conntrack&)>& visit);
  FragmentStatus fragment_status(bool with_datagrams);
  void configure_fragments(const FragmentConfig& config);
  CounterSnapshot counters();

  // Meters, waited.
  void put_meter(uint32_t id, const MeterSpec& spec);
  bool del_meter(uint32_t id);
  bool meter_stats(uint32_t id, MeterStats* stats);

  // Memory ports. False when the port is not one.
  void inject(uint32_t port, std::vector<uint8_t> frame, const InjectedOffload& offload);
  bool collect(uint32_t port, std::vector<std::vector<uint8_t>>* frames);  // waited
  void drain();                                                           // waited
  void sync();                                                            // waited: what was posted is done

  // For the one who was notified.
  const UpcallSlot* next_upcall() { return pipeline_.slots.next_published(); }
  std::vector<PortEvent> take_events();

 private:
  template <typename F>
  void post(F&& run);
  template <typename F>
  void call(F&& run);
  void loop();
  bool receive_all(uint64_t now_ns);
  void tick();
  void check_ports(bool is_tick);
  void tell(PortEvent event);
  MemoryPort* memory_port(uint32_t no) const;
  static PortInfo info(const PortEntry& port);

  const DatapathConfig config_;
  const std::function<void()> notify_;
  Pipeline pipeline_;
  Poller poller_;
  CommandQueue commands_;
  std::thread thread_;
  std::atomic<bool> must_stop_{false};
  bool is_stopped_ = false;
  Counters closed_;  // what ports refused that are no more
  std::vector<TlvOption> tlv_map_;
  uint32_t expire_due_ = 0;  // connections to look at before the next tick
  std::mutex events_mutex_;
  std::vector<PortEvent> events_;
};

}  // namespace pw
