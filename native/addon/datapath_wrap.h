// The JavaScript object `Datapath`: each method converts its arguments and calls pw::Datapath. Upcalls and events come
// the other way through one thread-safe function; one pending call of it fetches all there is.
#pragma once
#include <napi.h>

#include <atomic>
#include <memory>

#include "datapath.h"

namespace pw {

class DatapathWrap : public Napi::ObjectWrap<DatapathWrap> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit DatapathWrap(const Napi::CallbackInfo& info);
  ~DatapathWrap() override;

 private:
  // What the thread-safe function knows. It lives until Node has finalized that function, longer than the wrap may.
  struct Link {
    DatapathWrap* wrap;
    std::atomic<bool> is_pending{false};
  };
  static void on_env_cleanup(void* wrap);
  static void call_js(Napi::Env env, Napi::Function, Link* link, void*);
  using Notifier = Napi::TypedThreadSafeFunction<Link, void, call_js>;

  Napi::Array published(Napi::Env env);
  void deliver(Napi::Env env);
  void shut_down();

  void start(const Napi::CallbackInfo& info);
  void stop(const Napi::CallbackInfo& info);
  Napi::Value add_port(const Napi::CallbackInfo& info);
  void del_port(const Napi::CallbackInfo& info);
  Napi::Value ports(const Napi::CallbackInfo& info);
  void set_tlv_map(const Napi::CallbackInfo& info);
  void complete(const Napi::CallbackInfo& info);
  void put_flow(const Napi::CallbackInfo& info);
  void del_flow(const Napi::CallbackInfo& info);
  void flush_flows(const Napi::CallbackInfo& info);
  Napi::Value flow_stats(const Napi::CallbackInfo& info);
  Napi::Value take_flows(const Napi::CallbackInfo& info);
  Napi::Value change_flows(const Napi::CallbackInfo& info);
  Napi::Value take_upcalls(const Napi::CallbackInfo& info);
  void execute(const Napi::CallbackInfo& info);
  void set_trace(const Napi::CallbackInfo& info);
  // conntrack_wrap.cc
  Napi::Value ct_dump(const Napi::CallbackInfo& info);
  Napi::Value ct_flush(const Napi::CallbackInfo& info);
  Napi::Value ct_stats(const Napi::CallbackInfo& info);
  void ct_set_max(const Napi::CallbackInfo& info);
  void ct_set_tcp_be_liberal(const Napi::CallbackInfo& info);
  Napi::Value ct_limits(const Napi::CallbackInfo& info);
  void ct_set_limit(const Napi::CallbackInfo& info);
  void ct_del_limit(const Napi::CallbackInfo& info);
  void ct_set_timeouts(const Napi::CallbackInfo& info);
  void ct_del_timeouts(const Napi::CallbackInfo& info);
  Napi::Value fragment_status(const Napi::CallbackInfo& info);
  void set_fragments(const Napi::CallbackInfo& info);

  Napi::Value counters(const Napi::CallbackInfo& info);
  void put_meter(const Napi::CallbackInfo& info);
  Napi::Value del_meter(const Napi::CallbackInfo& info);
  Napi::Value meter_stats(const Napi::CallbackInfo& info);
  void inject(const Napi::CallbackInfo& info);
  Napi::Value collect(const Napi::CallbackInfo& info);
  void drain(const Napi::CallbackInfo& info);

  std::unique_ptr<Datapath> datapath_;
  Link* link_ = nullptr;  // deleted by the notifier's finalizer
  Notifier notifier_;
  Napi::FunctionReference on_upcalls_, on_event_;
  bool is_running_ = false, is_shut_down_ = false;
};

}  // namespace pw
