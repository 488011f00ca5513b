// The methods of DatapathWrap that are about conntrack and the fragments in front of it. Glue only, as there.
#include "convert.h"
#include "datapath_wrap.h"

namespace pw {
namespace {

Napi::Number number(Napi::Env env, uint64_t value) { return Napi::Number::New(env, static_cast<double>(value)); }

Napi::Array to_lines(Napi::Env env, const std::vector<std::string>& lines) {
  Napi::Array list = Napi::Array::New(env, lines.size());
  for (uint32_t i = 0; i < lines.size(); i++) list.Set(i, lines[i]);
  return list;
}

// A zone, or -1: the default.
int32_t zone_argument(const Napi::CallbackInfo& info) {
  const double zone = info[0].IsNumber() ? info[0].As<Napi::Number>().DoubleValue() : -2;
  if (!(zone >= -1 && zone <= 0xffff)) throw Napi::TypeError::New(info.Env(), "zone: expected a number from -1 to 65535");
  return static_cast<int32_t>(zone);
}

}  // namespace

Napi::Value DatapathWrap::ct_dump(const Napi::CallbackInfo& info) {
  const Napi::Object options = options_argument(info);
  const CtDumpStyle style{get_bool(options, "more", false), get_bool(options, "stats", false)};
  return to_lines(info.Env(), datapath_->ct_dump(to_ct_filter(options), style));
}

Napi::Value DatapathWrap::ct_flush(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), datapath_->ct_flush(to_ct_filter(options_argument(info))));
}

Napi::Value DatapathWrap::ct_stats(const Napi::CallbackInfo& info) {
  // The visit runs on the datapath's thread, where no JavaScript value may be touched: it only copies.
  Conntrack::Stats stats;
  uint32_t connections = 0, max_connections = 0;
  bool tcp_be_liberal = false;
  datapath_->with_conntrack([&](const Conntrack& ct) {
    stats = ct.stats();
    connections = ct.size();
    max_connections = ct.max_connections();
    tcp_be_liberal = ct.tcp_be_liberal();
  });
  const Napi::Env env = info.Env();
  Napi::Object o = Napi::Object::New(env);
  o.Set("connections", number(env, connections));
  o.Set("maxConnections", number(env, max_connections));
  o.Set("tcpBeLiberal", Napi::Boolean::New(env, tcp_be_liberal));
  o.Set("committed", number(env, stats.committed));
  o.Set("expected", number(env, stats.expected));
  o.Set("invalid", number(env, stats.invalid));
  o.Set("full", number(env, stats.full));
  o.Set("limited", number(env, stats.limited));
  o.Set("expired", number(env, stats.expired));
  o.Set("natExhausted", number(env, stats.nat_exhausted));
  return o;
}

void DatapathWrap::ct_set_max(const Napi::CallbackInfo& info) {
  const uint32_t max = u32_argument(info, 0, "n");
  datapath_->with_conntrack([&](Conntrack& ct) { ct.set_max_connections(max); });
}

void DatapathWrap::ct_set_tcp_be_liberal(const Napi::CallbackInfo& info) {
  if (!info[0].IsBoolean()) throw Napi::TypeError::New(info.Env(), "is: expected a boolean");
  const bool is_liberal = info[0].As<Napi::Boolean>();
  datapath_->with_conntrack([&](Conntrack& ct) { ct.set_tcp_be_liberal(is_liberal); });
}

Napi::Value DatapathWrap::ct_limits(const Napi::CallbackInfo& info) {
  std::vector<CtLimit> limits;
  datapath_->with_conntrack([&](const Conntrack& ct) { limits = ct.limits(); });
  Napi::Array list = Napi::Array::New(info.Env(), limits.size());
  for (uint32_t i = 0; i < limits.size(); i++) {
    Napi::Object o = Napi::Object::New(info.Env());
    o.Set("zone", limits[i].zone);
    o.Set("limit", number(info.Env(), limits[i].limit));
    o.Set("count", number(info.Env(), limits[i].count));
    list.Set(i, o);
  }
  return list;
}

void DatapathWrap::ct_set_limit(const Napi::CallbackInfo& info) {
  const int32_t zone = zone_argument(info);
  const uint32_t limit = u32_argument(info, 1, "limit");
  datapath_->with_conntrack([&](Conntrack& ct) { ct.set_limit(zone, limit); });
}

void DatapathWrap::ct_del_limit(const Napi::CallbackInfo& info) {
  const int32_t zone = zone_argument(info);
  datapath_->with_conntrack([&](Conntrack& ct) { ct.remove_limit(zone); });
}

void DatapathWrap::ct_set_timeouts(const Napi::CallbackInfo& info) {
  const int32_t zone = zone_argument(info);
  const Timeouts timeouts = timeouts_argument(info, 1);
  datapath_->with_conntrack([&](Conntrack& ct) {
    if (zone < 0) ct.set_timeouts({}, timeouts);
    else ct.set_timeouts(static_cast<uint16_t>(zone), timeouts);
  });
}

void DatapathWrap::ct_del_timeouts(const Napi::CallbackInfo& info) {
  const uint32_t zone = u32_argument(info, 0, "zone");
  datapath_->with_conntrack([&](Conntrack& ct) { ct.remove_timeouts(static_cast<uint16_t>(zone)); });
}

Napi::Value DatapathWrap::fragment_status(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const FragmentStatus s = datapath_->fragment_status(info[0].IsBoolean() && info[0].As<Napi::Boolean>());
  Napi::Object o = Napi::Object::New(env);
  for (const FragmentFamily family : {kFragmentsV4, kFragmentsV6}) {
    const Fragments::Stats& stats = s.stats[family];
    Napi::Object f = Napi::Object::New(env);
    f.Set("enabled", Napi::Boolean::New(env, s.config.enabled[family]));
    f.Set("minSize", number(env, s.config.min_size[family]));
    f.Set("accepted", number(env, stats.accepted));
    f.Set("completed", number(env, stats.completed));
    f.Set("expired", number(env, stats.expired));
    f.Set("tooSmall", number(env, stats.too_small));
    f.Set("overlapped", number(env, stats.overlapped));
    f.Set("purged", number(env, stats.purged));
    o.Set(family == kFragmentsV4 ? "v4" : "v6", f);
  }
  o.Set("maxHeld", number(env, s.config.max_held));
  o.Set("held", number(env, s.held));
  o.Set("datagrams", to_lines(env, s.datagrams));
  return o;
}

void DatapathWrap::set_fragments(const Napi::CallbackInfo& info) {
  const Napi::Object options = options_argument(info);
  FragmentConfig config = datapath_->fragment_status(false).config;
  config.max_held = get_u32(options, "maxHeld", config.max_held);
  for (const FragmentFamily family : {kFragmentsV4, kFragmentsV6}) {
    const Napi::Value value = options.Get(family == kFragmentsV4 ? "v4" : "v6");
    if (!value.IsObject()) continue;
    const Napi::Object f = value.As<Napi::Object>();
    config.enabled[family] = get_bool(f, "enabled", config.enabled[family]);
    config.min_size[family] = get_u32(f, "minSize", config.min_size[family]);
  }
  datapath_->configure_fragments(config);
}

}  // namespace pw
