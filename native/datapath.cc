// What other threads may ask of the datapath, see datapath.h. The thread itself is in datapath_loop.cc.
#include "datapath.h"

#include <cerrno>

#include "clock.h"

namespace pw {

// Runs on the datapath thread between bursts; here and now when there is no thread.
template <typename F>
void Datapath::post(F&& run) {
  if (thread_.joinable()) {
    commands_.push(std::forward<F>(run));
    poller_.wake();
  } else if (!is_stopped_) {
    run();
    pipeline_.end_burst();
    if (pipeline_.take_published()) notify_();
  }
}

// Like post, but returns when it was done, and everything before it too, with nothing left in the ports' queues.
template <typename F>
void Datapath::call(F&& run) {
  if (!thread_.joinable()) {
    run();
    pipeline_.end_burst();
    return;
  }
  std::mutex mutex;
  std::condition_variable done;
  bool is_done = false;
  commands_.push([&] {
    pipeline_.end_burst();
    run();
    const std::lock_guard lock(mutex);
    is_done = true;
    done.notify_one();
  });
  poller_.wake();
  std::unique_lock lock(mutex);
  done.wait(lock, [&] { return is_done; });
}

namespace {

// Frames that a port itself refused count as received and dropped.
void add_refused(Counters& to, const PortCounters& port) {
  const auto add = [&](Drop reason, uint64_t n) {
    to.received += n;
    to.drops[static_cast<size_t>(reason)] += n;
  };
  add(Drop::bad_vnet, port.bad_vnet);
  add(Drop::bad_tunnel, port.bad_tunnel);
  add(Drop::unknown_option, port.unknown_option);
  add(Drop::oversize, port.oversize);
}

}  // namespace

Datapath::Datapath(const DatapathConfig& config, std::function<void()> notify)
    : config_(config), notify_(std::move(notify)), pipeline_(config.pipeline) {}

Datapath::~Datapath() { stop(); }

void Datapath::start() {
  if (is_stopped_ || thread_.joinable()) return;
  thread_ = std::thread([this] { loop(); });
}

void Datapath::stop() {
  if (is_stopped_) return;
  if (thread_.joinable()) {
    must_stop_.store(true);
    poller_.wake();
    thread_.join();
  }
  commands_.run_all();  // what was posted before the stop still counts
  pipeline_.stop();
  while (!pipeline_.ports.all().empty()) del_port(pipeline_.ports.all().front()->no());
  is_stopped_ = true;
}

PortInfo Datapath::info(const PortEntry& port) {
  const Port& p = *port.port;
  return {p.no(), p.mtu(), p.name(), port.kind, port.ifname, port.state, p.counters};
}

bool Datapath::add_port(const PortSpec& spec, PortInfo* result, SysError* error) {
  int refusal = is_stopped_ ? ESHUTDOWN : 0;
  call([&] {
    if (pipeline_.ports.find(spec.no) != nullptr) refusal = EEXIST;
  });
  if (refusal != 0) {
    *error = {"add port", spec.name, refusal};
    return false;
  }
  std::unique_ptr<Port> port = open_port(spec, error);
  if (!port) return false;
  call([&] {
    PortEntry* entry = pipeline_.ports.add(std::move(port), spec.kind, spec.ifname.empty() ? spec.name : spec.ifname);
    if (entry->is_tunnel) static_cast<GenevePort&>(*entry->port).set_tlv_map(tlv_map_);
    poller_.watch(*entry);
    *result = info(*entry);
  });
  return true;
}

bool Datapath::del_port(uint32_t no) {
  std::unique_ptr<PortEntry> port;
  call([&] {
    port = pipeline_.ports.remove(no);
    if (!port) return;
    poller_.unwatch(*port);
    add_refused(closed_, port->port->counters);
  });
  return port != nullptr;  // closed here, in the caller's thread
}

std::vector<PortInfo> Datapath::ports() {
  std::vector<PortInfo> list;
  call([&] {
    for (const auto& port : pipeline_.ports.all()) list.push_back(info(*port));
  });
  return list;
}

void Datapath::set_tlv_map(std::vector<TlvOption> options) {
  call([&] {
    tlv_map_ = std::move(options);
    for (const auto& port : pipeline_.ports.all()) {
      if (port->is_tunnel) static_cast<GenevePort&>(*port->port).set_tlv_map(tlv_map_);
    }
  });
}

void Datapath::complete(uint32_t slot, std::vector<uint8_t> actions, std::unique_ptr<FlowSpec> flow) {
  post([this, slot, actions = std::move(actions), flow = std::move(flow)] {
    if (flow) pipeline_.cache.put(flow->id, flow->key, flow->mask, actions);
    pipeline_.answer(slot, {actions.data(), static_cast<uint32_t>(actions.size())}, monotonic_ns());
  });
}

void Datapath::put_flow(std::unique_ptr<FlowSpec> flow, std::vector<uint8_t> actions) {
  post([this, flow = std::move(flow), actions = std::move(actions)]() mutable {
    pipeline_.cache.put(flow->id, flow->key, flow->mask, std::move(actions));
  });
}

void Datapath::del_flow(uint64_t id) {
  post([this, id] { pipeline_.cache.remove(id); });
}

void Datapath::flush_flows() {
  post([this] { pipeline_.cache.flush(); });
}

namespace {

FlowStats stats_of(const Megaflow& f) { return {f.id, f.packets, f.bytes, f.used_ns, f.tcp_flags}; }

std::vector<FlowStats> all_stats(const FlowCache& cache) {
  std::vector<FlowStats> list;
  list.reserve(cache.size());
  cache.for_each([&](const Megaflow& f) { list.push_back(stats_of(f)); });
  return list;
}

}  // namespace

std::vector<FlowStats> Datapath::flow_stats() {
  std::vector<FlowStats> list;
  call([&] { list = all_stats(pipeline_.cache); });
  return list;
}

std::vector<FlowStats> Datapath::take_flows(const std::vector<uint64_t>* ids) {
  std::vector<FlowStats> list;
  call([&] {
    if (ids == nullptr) {
      list = all_stats(pipeline_.cache);
      pipeline_.cache.flush();
      return;
    }
    for (const uint64_t id : *ids) {
      const Megaflow* flow = pipeline_.cache.find(id);
      if (flow == nullptr) continue;
      list.push_back(stats_of(*flow));
      pipeline_.cache.remove(id);
    }
  });
  return list;
}

std::vector<FlowStats> Datapath::change_flows(std::vector<FlowChange> changes, const uint32_t* epoch) {
  std::vector<FlowStats> list;
  list.reserve(changes.size());
  call([&] {
    if (epoch != nullptr) pipeline_.epoch = *epoch;
    for (FlowChange& change : changes) {
      const Megaflow* flow = pipeline_.cache.find(change.id);
      if (flow == nullptr) continue;
      list.push_back(stats_of(*flow));
      if (change.is_removed) pipeline_.cache.remove(change.id);
      else if (change.actions) pipeline_.cache.update(change.id, std::move(*change.actions));
    }
  });
  return list;
}

void Datapath::execute(std::vector<uint8_t> frame, const FlowKey& key, std::vector<uint8_t> actions) {
  post([this, frame = std::move(frame), key, actions = std::move(actions)] {
    pipeline_.execute(frame.data(), static_cast<uint32_t>(frame.size()), key,
                      {actions.data(), static_cast<uint32_t>(actions.size())}, monotonic_ns());
    pipeline_.end_burst();  // the frame's bytes go with this closure
  });
}

void Datapath::watch(std::unique_ptr<FlowSpec> filter) {
  post([this, filter = std::move(filter)] {
    if (filter) pipeline_.watch(filter->key, filter->mask);
    else pipeline_.unwatch();
  });
}

std::vector<std::string> Datapath::ct_dump(const CtFilter& filter, CtDumpStyle style) {
  std::vector<std::string> lines;
  call([&] {
    pipeline_.conntrack->dump(filter, style, monotonic_ns(), [&](const std::string& line) { lines.push_back(line); });
  });
  return lines;
}

uint32_t Datapath::ct_flush(const CtFilter& filter) {
  uint32_t removed = 0;
  call([&] { removed = pipeline_.conntrack->flush(filter); });
  return removed;
}

void Datapath::with_conntrack(const std::function<void(Conntrack&)>& visit) {
  call([&] { visit(*pipeline_.conntrack); });
}

FragmentStatus Datapath::fragment_status(bool with_datagrams) {
  FragmentStatus s;
  call([&] {
    const Fragments& fragments = pipeline_.fragments();
    s.config = fragments.config();
    for (const FragmentFamily family : {kFragmentsV4, kFragmentsV6}) s.stats[family] = fragments.stats(family);
    s.held = fragments.held();
    if (with_datagrams) fragments.dump([&](const std::string& line) { s.datagrams.push_back(line); });
  });
  return s;
}

void Datapath::configure_fragments(const FragmentConfig& config) {
  call([&] { pipeline_.configure_fragments(config); });
}

void Datapath::put_meter(uint32_t id, const MeterSpec& spec) {
  call([&] { pipeline_.meters.put(id, spec, monotonic_ns()); });
}

bool Datapath::del_meter(uint32_t id) {
  bool removed = false;
  call([&] { removed = pipeline_.meters.remove(id); });
  return removed;
}

bool Datapath::meter_stats(uint32_t id, MeterStats* stats) {
  bool found = false;
  call([&] { found = pipeline_.meters.stats(id, stats); });
  return found;
}

CounterSnapshot Datapath::counters() {
  CounterSnapshot s;
  call([&] {
    s = {pipeline_.counters, pipeline_.cache.stats(), pipeline_.cache.size(), pipeline_.slots.in_use(),
         pipeline_.conntrack->size(), pipeline_.fragments().held()};
    for (const auto& port : pipeline_.ports.all()) add_refused(s.counters, port->port->counters);
    s.counters.received += closed_.received;
    for (size_t i = 0; i < kDropCount; i++) s.counters.drops[i] += closed_.drops[i];
  });
  return s;
}

MemoryPort* Datapath::memory_port(uint32_t no) const {
  const PortEntry* port = pipeline_.ports.find(no);
  return port != nullptr && port->kind == "memory" ? static_cast<MemoryPort*>(port->port.get()) : nullptr;
}

void Datapath::inject(uint32_t no, std::vector<uint8_t> frame, const InjectedOffload& offload) {
  post([this, no, frame = std::move(frame), offload] {
    if (MemoryPort* port = memory_port(no)) port->inject(frame.data(), static_cast<uint32_t>(frame.size()), offload);
  });
}

bool Datapath::collect(uint32_t no, std::vector<std::vector<uint8_t>>* frames) {
  bool is_memory = false;
  call([&] {
    MemoryPort* port = memory_port(no);
    is_memory = port != nullptr;
    if (is_memory) *frames = port->collect();
  });
  return is_memory;
}

void Datapath::drain() {
  call([&] {
    const auto has_pending = [&] {
      for (const auto& port : pipeline_.ports.all()) {
        const MemoryPort* memory = memory_port(port->no());
        if (memory != nullptr && memory->has_pending()) return true;
      }
      return false;
    };
    while (has_pending()) {
      receive_all(monotonic_ns());
      pipeline_.end_burst();
    }
  });
}

void Datapath::sync() {
  call([] {});
}

std::vector<PortEvent> Datapath::take_events() {
  const std::lock_guard lock(events_mutex_);
  return std::exchange(events_, {});
}

}  // namespace pw
