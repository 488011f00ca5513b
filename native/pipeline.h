// A packet's way through the switch, without the thread around it: receive() a burst, extract, look up, execute, again
// for what was recirculated; end_burst() sends. datapath.cc drives it; the parts it owns are the whole fast path.
//
//   receive -> path known? -yes-> follow (follow.cc) -> port queues
//      |no
//      +----> extract -> flow_cache -hit-> run (execute.cc) -> port queues -> end_burst
//                  ^          |miss            |recirc   |ct
//                  +----------|----------------+         conntrack
//                             v
//                        upcall slot -> TypeScript -> answer() -> run
#pragma once
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "action.h"
#include "conntrack.h"
#include "copy_pool.h"
#include "counters.h"
#include "flow_cache.h"
#include "fragments.h"
#include "meters.h"
#include "path_cache.h"
#include "port_table.h"
#include "upcall.h"

namespace pw {

// bench/recorder builds a switch that cannot be watched, to measure what it costs to be able to.
#ifdef PW_WITHOUT_RECORDER
constexpr bool kCanWatch = false;
#else
constexpr bool kCanWatch = true;
#endif

struct PipelineConfig {
  ConntrackConfig conntrack{};
  FragmentConfig fragments{};
  uint32_t upcall_slots = 1024;
  uint32_t max_recirculations = 6;
  uint32_t max_paths = 1u << 19;  // 0: every packet goes the long way
};

class Pipeline {
 public:
  explicit Pipeline(const PipelineConfig& config);

  // One burst from one port, at most kBurst packets, their bytes valid until end_burst().
  void receive(Packet* const* packets, int count, uint64_t now_ns);
  // TypeScript's answer to an upcall. An unknown slot is ignored.
  void answer(uint32_t slot, ActionList actions, uint64_t now_ns);
  // A packet-out: the frame's bytes are copied.
  void execute(const uint8_t* frame, uint32_t size, const FlowKey& key, ActionList actions, uint64_t now_ns);
  // Sends what was queued, gives buffers back.
  void end_burst();

  // Packets whose first-pass key agrees with `key` under `mask` go to the slow path on every pass.
  void watch(const FlowKey& key, const FlowKey& mask);
  void unwatch();

  // Fragments that waited in vain are dropped; also those of a family that `config` switches off.
  void expire_fragments(uint64_t now_ns);
  void configure_fragments(const FragmentConfig& config);
  const Fragments& fragments() const { return fragments_; }

  // An upcall was published since the last call.
  bool take_published();
  // Waiting packets end here.
  void stop();

  FlowCache cache;
  // Counts the changes of the flow cache that must be whole for each packet. A packet that came in before one and has
  // passes left goes to the slow path with each of them, which knows what was before.
  uint32_t epoch = 0;
  PortTable ports;
  UpcallSlots slots;
  Counters counters;
  std::unique_ptr<Conntrack> conntrack;
  PathCache paths;
  Meters meters;

 private:
  struct Run;
  void pass(Packet* const* packets, int count, uint32_t depth);
  void recirculated(uint32_t depth);
  bool upcall(const Packet& packet, UpcallReason reason, uint32_t cookie, uint32_t depth);
  bool is_watched(const FlowKey& key) const;

  // follow.cc
  int follow(Packet* const* packets, int count, Packet** rest);
  bool follow(Packet& packet, const Path& path);
  bool is_stale(const Path& path);

  // path_record.cc
  void record(Packet& packet, const PathKey& key, uint32_t hash);
  static void note(Packet& packet, Megaflow& flow);
  static void note(Packet& packet, const CtOutcome& outcome);
  static void note(Packet& packet, const Action& action, bool is_last);
  void keep(const Packet& packet);

  // execute.cc
  void run(Packet& packet, ActionList actions, uint32_t depth);
  void output(Run& run, uint32_t port_no, bool is_last);
  void recirculate(Run& run, uint32_t recirc_id, bool is_last);
  void hand_up(Run& run, uint32_t cookie, bool is_last);
  void tell_segments(const Packet& packet, const std::function<void(const Packet& frame)>& tell);
  void branch(Run& run, ActionList actions);
  void track(Run& run, const Action& action);
  bool track_fragment(Run& run, const Action& action, ActionList rest);
  void end(const Run& run);

  const uint32_t max_recirculations_;
  uint64_t now_ns_ = 0;
  CopyPool copies_;
  Fragments fragments_;
  std::vector<Packet*> next_, current_;       // recirculated in this pass, and being worked on
  std::vector<UpcallSlot*> answered_;         // given back when the burst has left
  std::vector<uint8_t> segment_;              // of a GSO frame, as it is told to TypeScript
  bool published_ = false;
  bool is_watching_ = false;
  FlowKey watch_key_{}, watch_mask_{};
  uint8_t watch_words_[kKeyWords];  // of watch_mask_, those that are not 0
  int watch_word_count_ = 0;
  uint32_t last_trace_id_ = 0;
  bool follows_ = true;        // not while a watch looks at what a path's key does not hold
  PathRecord records_[kBurst];
  int record_count_ = 0;
};

}  // namespace pw
