// Glue only, see datapath_wrap.h. The meaning of each method is in dataplane/datapath/native.ts.
#include "datapath_wrap.h"

#include "convert.h"

namespace pw {

Napi::Function DatapathWrap::define(Napi::Env env) {
  return DefineClass(env, "Datapath",
                     {
                         InstanceMethod<&DatapathWrap::start>("start"),
                         InstanceMethod<&DatapathWrap::stop>("stop"),
                         InstanceMethod<&DatapathWrap::add_port>("addPort"),
                         InstanceMethod<&DatapathWrap::del_port>("delPort"),
                         InstanceMethod<&DatapathWrap::ports>("ports"),
                         InstanceMethod<&DatapathWrap::set_tlv_map>("setTlvMap"),
                         InstanceMethod<&DatapathWrap::complete>("complete"),
                         InstanceMethod<&DatapathWrap::put_flow>("putFlow"),
                         InstanceMethod<&DatapathWrap::del_flow>("delFlow"),
                         InstanceMethod<&DatapathWrap::flush_flows>("flushFlows"),
                         InstanceMethod<&DatapathWrap::flow_stats>("flowStats"),
                         InstanceMethod<&DatapathWrap::take_flows>("takeFlows"),
                         InstanceMethod<&DatapathWrap::change_flows>("changeFlows"),
                         InstanceMethod<&DatapathWrap::take_upcalls>("takeUpcalls"),
                         InstanceMethod<&DatapathWrap::execute>("execute"),
                         InstanceMethod<&DatapathWrap::set_trace>("setTrace"),
                         InstanceMethod<&DatapathWrap::ct_dump>("ctDump"),
                         InstanceMethod<&DatapathWrap::ct_flush>("ctFlush"),
                         InstanceMethod<&DatapathWrap::ct_stats>("ctStats"),
                         InstanceMethod<&DatapathWrap::ct_set_max>("ctSetMax"),
                         InstanceMethod<&DatapathWrap::ct_set_tcp_be_liberal>("ctSetTcpBeLiberal"),
                         InstanceMethod<&DatapathWrap::ct_limits>("ctLimits"),
                         InstanceMethod<&DatapathWrap::ct_set_limit>("ctSetLimit"),
                         InstanceMethod<&DatapathWrap::ct_del_limit>("ctDelLimit"),
                         InstanceMethod<&DatapathWrap::ct_set_timeouts>("ctSetTimeouts"),
                         InstanceMethod<&DatapathWrap::ct_del_timeouts>("ctDelTimeouts"),
                         InstanceMethod<&DatapathWrap::fragment_status>("fragmentStatus"),
                         InstanceMethod<&DatapathWrap::set_fragments>("setFragments"),
                         InstanceMethod<&DatapathWrap::counters>("counters"),
                         InstanceMethod<&DatapathWrap::put_meter>("putMeter"),
                         InstanceMethod<&DatapathWrap::del_meter>("delMeter"),
                         InstanceMethod<&DatapathWrap::meter_stats>("meterStats"),
                         InstanceMethod<&DatapathWrap::inject>("inject"),
                         InstanceMethod<&DatapathWrap::collect>("collect"),
                         InstanceMethod<&DatapathWrap::drain>("drain"),
                     });
}

namespace {

constexpr uint32_t kMaxUpcallSlots = 65536;  // each may hold a GSO frame of 64 KB

Napi::Function function_option(const Napi::Object& options, const char* name) {
  const Napi::Value v = options.Get(name);
  if (!v.IsFunction()) throw Napi::TypeError::New(options.Env(), std::string(name) + ": expected a function");
  return v.As<Napi::Function>();
}

}  // namespace

DatapathWrap::DatapathWrap(const Napi::CallbackInfo& info) : ObjectWrap(info) {
  const Napi::Env env = info.Env();
  const Napi::Object options = options_argument(info);
  on_upcalls_ = Napi::Persistent(function_option(options, "onUpcalls"));
  on_event_ = Napi::Persistent(function_option(options, "onEvent"));
  DatapathConfig config;
  config.spin_us = get_u32(options, "spinUs", config.spin_us);
  config.pipeline.conntrack.max_connections =
      get_u32(options, "maxConnections", config.pipeline.conntrack.max_connections);
  config.pipeline.conntrack.tcp_loose = get_bool(options, "tcpLoose", config.pipeline.conntrack.tcp_loose);
  config.pipeline.conntrack.tcp_be_liberal =
      get_bool(options, "tcpBeLiberal", config.pipeline.conntrack.tcp_be_liberal);
  config.pipeline.upcall_slots = get_u32(options, "upcallSlots", config.pipeline.upcall_slots);
  if (config.pipeline.upcall_slots == 0 || config.pipeline.upcall_slots > kMaxUpcallSlots) {
    throw Napi::TypeError::New(env, "upcallSlots: expected a number from 1 to 65536");
  }
  config.pipeline.max_recirculations = get_u32(options, "maxRecirculations", config.pipeline.max_recirculations);
  config.pipeline.max_paths = get_u32(options, "maxPaths", config.pipeline.max_paths);
  if (config.pipeline.max_paths > kMaxPaths) throw Napi::TypeError::New(env, "maxPaths: expected a number to 16777216");

  datapath_ = std::make_unique<Datapath>(config, [this] {
    if (!link_->is_pending.exchange(true)) notifier_.NonBlockingCall();
  });

  link_ = new Link{.wrap = this};
  notifier_ = Notifier::New(env, "packetwalk", 0, 1, link_, [](Napi::Env, void*, Link* link) { delete link; },
                            static_cast<void*>(nullptr));
  notifier_.Unref(env);  // until start(): a datapath that does not run keeps no process alive
  // Added after the notifier's own hook, so it runs before: the thread is joined while it may still be called.
  napi_add_env_cleanup_hook(env, on_env_cleanup, this);
}

DatapathWrap::~DatapathWrap() {
  if (link_ == nullptr) return;  // the constructor threw
  napi_remove_env_cleanup_hook(Env(), on_env_cleanup, this);
  shut_down();
}

void DatapathWrap::on_env_cleanup(void* wrap) { static_cast<DatapathWrap*>(wrap)->shut_down(); }

void DatapathWrap::shut_down() {
  if (is_shut_down_) return;
  is_shut_down_ = true;
  datapath_->stop();
  link_->wrap = nullptr;
  notifier_.Abort();
}

void DatapathWrap::call_js(Napi::Env env, Napi::Function, Link* link, void*) {
  if (env == nullptr) return;  // a call that was pending at the end: Node throws it away after the link is deleted
  link->is_pending.store(false);
  if (link->wrap == nullptr) return;
  const Napi::HandleScope scope(env);
  try {
    link->wrap->deliver(env);
  } catch (const Napi::Error& error) {
    napi_fatal_exception(env, error.Value());  // becomes an uncaughtException, as from any other callback
  }
}

Napi::Array DatapathWrap::published(Napi::Env env) {
  Napi::Array upcalls = Napi::Array::New(env);
  uint32_t n = 0;
  while (const UpcallSlot* slot = datapath_->next_upcall()) upcalls.Set(n++, from_upcall(env, *slot));
  return upcalls;
}

void DatapathWrap::deliver(Napi::Env env) {
  const Napi::Array upcalls = published(env);
  if (upcalls.Length() > 0) on_upcalls_.Call({upcalls});
  for (const PortEvent& event : datapath_->take_events()) {
    Napi::Object o = Napi::Object::New(env);
    o.Set("type", event.is_back ? "port-back" : "port-gone");
    o.Set("port", Napi::Number::New(env, event.port));
    on_event_.Call({o});
  }
}

void DatapathWrap::start(const Napi::CallbackInfo& info) {
  if (is_running_ || is_shut_down_) return;
  is_running_ = true;
  notifier_.Ref(info.Env());
  Ref();  // not to be collected while the thread runs
  datapath_->start();
}

void DatapathWrap::stop(const Napi::CallbackInfo&) {
  if (is_running_) Unref();
  is_running_ = false;
  shut_down();
}

Napi::Value DatapathWrap::add_port(const Napi::CallbackInfo& info) {
  PortInfo port;
  SysError error;
  if (!datapath_->add_port(to_port_spec(info[0]), &port, &error)) throw system_error(info.Env(), error);
  return from_port_info(info.Env(), port);
}

void DatapathWrap::del_port(const Napi::CallbackInfo& info) { datapath_->del_port(u32_argument(info, 0, "port")); }

Napi::Value DatapathWrap::ports(const Napi::CallbackInfo& info) {
  Napi::Array list = Napi::Array::New(info.Env());
  uint32_t n = 0;
  for (const PortInfo& port : datapath_->ports()) list.Set(n++, from_port_info(info.Env(), port));
  return list;
}

void DatapathWrap::set_tlv_map(const Napi::CallbackInfo& info) { datapath_->set_tlv_map(to_tlv_map(info[0])); }

void DatapathWrap::complete(const Napi::CallbackInfo& info) {
  const uint32_t slot = u32_argument(info, 0, "slot");
  std::unique_ptr<FlowSpec> flow;
  if (!info[2].IsUndefined() && !info[2].IsNull()) flow = to_flow(info[2], true);
  datapath_->complete(slot, actions_argument(info, 1), std::move(flow));
}

void DatapathWrap::put_flow(const Napi::CallbackInfo& info) {
  datapath_->put_flow(to_flow(info[0], true), actions_argument(info, 1));
}

void DatapathWrap::del_flow(const Napi::CallbackInfo& info) {
  const double id = info[0].IsNumber() ? info[0].As<Napi::Number>().DoubleValue() : -1;
  if (!(id >= 0)) throw Napi::TypeError::New(info.Env(), "id: expected a number");
  datapath_->del_flow(static_cast<uint64_t>(id));
}

void DatapathWrap::flush_flows(const Napi::CallbackInfo&) { datapath_->flush_flows(); }

namespace {

Napi::Value from_stats(Napi::Env env, const std::vector<FlowStats>& stats) {
  static_assert(sizeof(FlowStats) == 5 * sizeof(uint64_t));
  Napi::BigUint64Array numbers = Napi::BigUint64Array::New(env, stats.size() * 5);
  if (!stats.empty()) memcpy(numbers.Data(), stats.data(), stats.size() * sizeof(FlowStats));
  return numbers;
}

}  // namespace

Napi::Value DatapathWrap::flow_stats(const Napi::CallbackInfo& info) {
  return from_stats(info.Env(), datapath_->flow_stats());
}

Napi::Value DatapathWrap::take_flows(const Napi::CallbackInfo& info) {
  if (info[0].IsUndefined()) return from_stats(info.Env(), datapath_->take_flows(nullptr));
  if (!info[0].IsArray()) throw Napi::TypeError::New(info.Env(), "ids: expected an array of numbers");
  const Napi::Array list = info[0].As<Napi::Array>();
  std::vector<uint64_t> ids;
  for (uint32_t i = 0; i < list.Length(); i++) ids.push_back(list.Get(i).ToNumber().Int64Value());
  return from_stats(info.Env(), datapath_->take_flows(&ids));
}

Napi::Value DatapathWrap::change_flows(const Napi::CallbackInfo& info) {
  if (!info[0].IsArray()) throw Napi::TypeError::New(info.Env(), "changes: expected an array");
  const Napi::Array list = info[0].As<Napi::Array>();
  std::vector<FlowChange> changes;
  changes.reserve(list.Length());
  for (uint32_t i = 0; i < list.Length(); i++) {
    const Napi::HandleScope scope(info.Env());
    changes.push_back(to_flow_change(list.Get(i)));
  }
  const bool has_epoch = !info[1].IsUndefined();
  const uint32_t epoch = has_epoch ? u32_argument(info, 1, "epoch") : 0;
  return from_stats(info.Env(), datapath_->change_flows(std::move(changes), has_epoch ? &epoch : nullptr));
}

Napi::Value DatapathWrap::take_upcalls(const Napi::CallbackInfo& info) {
  datapath_->sync();
  return published(info.Env());
}

void DatapathWrap::execute(const Napi::CallbackInfo& info) {
  datapath_->execute(to_vector(bytes_argument(info, 0, "frame")), to_key(info.Env(), info[1], "key"),
                     actions_argument(info, 2));
}

void DatapathWrap::set_trace(const Napi::CallbackInfo& info) {
  datapath_->watch(info[0].IsNull() || info[0].IsUndefined() ? nullptr : to_flow(info[0], false));
}

Napi::Value DatapathWrap::counters(const Napi::CallbackInfo& info) {
  return from_counters(info.Env(), datapath_->counters());
}

void DatapathWrap::put_meter(const Napi::CallbackInfo& info) {
  datapath_->put_meter(u32_argument(info, 0, "id"), to_meter(info[1]));
}

Napi::Value DatapathWrap::del_meter(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), datapath_->del_meter(u32_argument(info, 0, "id")));
}

Napi::Value DatapathWrap::meter_stats(const Napi::CallbackInfo& info) {
  MeterStats stats;
  if (!datapath_->meter_stats(u32_argument(info, 0, "id"), &stats)) return info.Env().Undefined();
  return from_meter_stats(info.Env(), stats);
}

void DatapathWrap::inject(const Napi::CallbackInfo& info) {
  InjectedOffload offload;
  if (info[2].IsObject()) {
    const Napi::Object vnet = info[2].As<Napi::Object>();
    offload.csum_partial = !vnet.Get("csumStart").IsUndefined();
    offload.csum_start = static_cast<uint16_t>(get_u32(vnet, "csumStart", 0));
    offload.csum_offset = static_cast<uint16_t>(get_u32(vnet, "csumOffset", 0));
    offload.gso_size = static_cast<uint16_t>(get_u32(vnet, "gsoSize", 0));
    const std::string type = get_string(vnet, "gsoType");
    offload.gso_type = type == "tcp4"   ? GsoType::tcp4
                       : type == "tcp6" ? GsoType::tcp6
                       : type == "udp4" ? GsoType::udp4
                                        : GsoType::none;
  }
  datapath_->inject(u32_argument(info, 0, "port"), to_vector(bytes_argument(info, 1, "frame")), offload);
}

Napi::Value DatapathWrap::collect(const Napi::CallbackInfo& info) {
  std::vector<std::vector<uint8_t>> frames;
  if (!datapath_->collect(u32_argument(info, 0, "port"), &frames)) {
    throw Napi::TypeError::New(info.Env(), "port: expected a memory port");
  }
  Napi::Array list = Napi::Array::New(info.Env(), frames.size());
  for (uint32_t i = 0; i < frames.size(); i++) list.Set(i, to_bytes(info.Env(), frames[i].data(), frames[i].size()));
  return list;
}

void DatapathWrap::drain(const Napi::CallbackInfo&) { datapath_->drain(); }

}  // namespace pw
