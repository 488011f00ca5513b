// Conversions, see convert.h. Used by datapath_wrap.cc and addon.cc.
#include "convert.h"

namespace pw {
namespace {

constexpr uint32_t kHeaderBytes = 512;  // of a frame, shown to TypeScript

Napi::TypeError breach(Napi::Env env, const std::string& name, const char* expected) {
  return Napi::TypeError::New(env, name + ": expected " + expected);
}

Napi::Number number(Napi::Env env, uint64_t value) { return Napi::Number::New(env, static_cast<double>(value)); }

Napi::Uint8Array to_byte_array(Napi::Env env, const Napi::Value& value, const char* name) {
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array) {
    throw breach(env, name, "a Uint8Array");
  }
  return value.As<Napi::Uint8Array>();
}

uint64_t flow_id(const Napi::Object& o) {
  const Napi::Value id = o.Get("id");
  const double d = id.IsNumber() ? id.As<Napi::Number>().DoubleValue() : -1;
  if (!(d >= 0 && d <= 9007199254740991.0)) throw breach(o.Env(), "flow.id", "a safe integer");
  return static_cast<uint64_t>(d);
}

Napi::Object drops_object(Napi::Env env, const std::array<uint64_t, kDropCount>& drops) {
  Napi::Object o = Napi::Object::New(env);
  for (size_t i = 1; i < kDropCount; i++) o.Set(kDropReasons[i].name, number(env, drops[i]));  // without `none`
  return o;
}

}  // namespace

std::string get_string(const Napi::Object& from, const char* name, const std::string& otherwise) {
  const Napi::Value v = from.Get(name);
  if (v.IsUndefined()) return otherwise;
  if (!v.IsString()) throw breach(from.Env(), name, "a string");
  return v.As<Napi::String>().Utf8Value();
}

uint32_t get_u32(const Napi::Object& from, const char* name, uint32_t otherwise) {
  const Napi::Value v = from.Get(name);
  if (v.IsUndefined()) return otherwise;
  const double d = v.IsNumber() ? v.As<Napi::Number>().DoubleValue() : -1;
  if (!(d >= 0 && d <= 0xffffffff)) throw breach(from.Env(), name, "a number from 0 to 2^32-1");
  return static_cast<uint32_t>(d);
}

bool get_bool(const Napi::Object& from, const char* name, bool otherwise) {
  const Napi::Value v = from.Get(name);
  if (v.IsUndefined()) return otherwise;
  if (!v.IsBoolean()) throw breach(from.Env(), name, "a boolean");
  return v.As<Napi::Boolean>();
}

Napi::Object options_argument(const Napi::CallbackInfo& info) {
  if (!info[0].IsObject()) throw breach(info.Env(), "options", "an object");
  return info[0].As<Napi::Object>();
}

Napi::Uint8Array bytes_argument(const Napi::CallbackInfo& info, size_t index, const char* name) {
  return to_byte_array(info.Env(), info[index], name);
}

uint32_t u32_argument(const Napi::CallbackInfo& info, size_t index, const char* name) {
  const double d = info[index].IsNumber() ? info[index].As<Napi::Number>().DoubleValue() : -1;
  if (!(d >= 0 && d <= 0xffffffff)) throw breach(info.Env(), name, "a number from 0 to 2^32-1");
  return static_cast<uint32_t>(d);
}

std::vector<uint8_t> to_vector(const Napi::Uint8Array& bytes) {
  return {bytes.Data(), bytes.Data() + bytes.ByteLength()};
}

std::vector<uint8_t> actions_argument(const Napi::CallbackInfo& info, size_t index) {
  std::vector<uint8_t> actions = to_vector(bytes_argument(info, index, "actions"));
  if (!actions_valid(actions.data(), actions.size())) throw breach(info.Env(), "actions", "well-formed records");
  return actions;
}

FlowKey to_key(const Napi::Env& env, const Napi::Value& value, const char* name) {
  const Napi::Uint8Array bytes = to_byte_array(env, value, name);
  if (bytes.ByteLength() != kKeySize) throw breach(env, name, "512 bytes");
  FlowKey key;
  memcpy(&key, bytes.Data(), kKeySize);
  return key;
}

std::unique_ptr<FlowSpec> to_flow(const Napi::Value& value, bool has_id) {
  if (!value.IsObject()) throw breach(value.Env(), "flow", "an object");
  const Napi::Object o = value.As<Napi::Object>();
  auto flow = std::make_unique<FlowSpec>();
  if (has_id) flow->id = flow_id(o);
  flow->key = to_key(value.Env(), o.Get("key"), "key");
  flow->mask = to_key(value.Env(), o.Get("mask"), "mask");
  return flow;
}

FlowChange to_flow_change(const Napi::Value& value) {
  if (!value.IsObject()) throw breach(value.Env(), "change", "an object");
  const Napi::Object o = value.As<Napi::Object>();
  FlowChange change;
  change.id = flow_id(o);
  const Napi::Value actions = o.Get("actions");
  change.is_removed = actions.IsNull();
  if (change.is_removed || actions.IsUndefined()) return change;
  change.actions = std::make_unique<std::vector<uint8_t>>(to_vector(to_byte_array(value.Env(), actions, "actions")));
  if (!actions_valid(change.actions->data(), change.actions->size())) {
    throw breach(value.Env(), "actions", "well-formed records");
  }
  return change;
}

std::vector<TlvOption> to_tlv_map(const Napi::Value& value) {
  if (!value.IsArray()) throw breach(value.Env(), "map", "an array");
  const Napi::Array list = value.As<Napi::Array>();
  std::vector<TlvOption> options;
  for (uint32_t i = 0; i < list.Length(); i++) {
    const Napi::Value item = list.Get(i);
    if (!item.IsObject()) throw breach(value.Env(), "map", "objects");
    const Napi::Object o = item.As<Napi::Object>();
    TlvOption option;
    option.opt_class = static_cast<uint16_t>(get_u32(o, "optClass", 0));
    option.type = static_cast<uint8_t>(get_u32(o, "type", 0));
    option.size = static_cast<uint8_t>(get_u32(o, "size", 0));
    option.index = static_cast<uint8_t>(get_u32(o, "index", 0));
    option.offset = static_cast<uint8_t>(get_u32(o, "offset", 0));
    const bool fits = option.index < 64 && option.size % 4 == 0 && option.offset + option.size <= 240;
    if (!fits) throw breach(value.Env(), "map", "an index below 64 and a value within tun_metadata");
    options.push_back(option);
  }
  return options;
}

PortSpec to_port_spec(const Napi::Value& value) {
  if (!value.IsObject()) throw breach(value.Env(), "port", "an object");
  const Napi::Object o = value.As<Napi::Object>();
  PortSpec spec;
  spec.kind = get_string(o, "kind");
  spec.no = get_u32(o, "no", 0);
  if (spec.no == 0 || spec.no > kMaxPort) throw breach(value.Env(), "port.no", "a number from 1 to 65535");
  spec.name = get_string(o, "name");
  spec.mtu = get_u32(o, "mtu", spec.mtu);
  spec.ifname = get_string(o, "ifname");
  spec.netns = get_string(o, "netns");
  spec.mac = get_string(o, "mac");
  spec.up = get_bool(o, "up", spec.up);
  spec.txqueuelen = get_u32(o, "txqueuelen", spec.txqueuelen);
  spec.udp_port = static_cast<uint16_t>(get_u32(o, "udpPort", spec.udp_port));
  spec.csum = get_bool(o, "csum", spec.csum);
  spec.local_ip = get_string(o, "localIp");
  spec.ipv6 = get_bool(o, "ipv6", spec.ipv6);
  spec.wire = get_bool(o, "wire", spec.wire);
  spec.loop = get_bool(o, "loop", spec.loop);
  if (const Napi::Value frames = o.Get("frames"); frames.IsArray()) {
    const Napi::Array list = frames.As<Napi::Array>();
    for (uint32_t i = 0; i < list.Length(); i++) {
      spec.frames.push_back(to_vector(to_byte_array(value.Env(), list.Get(i), "port.frames")));
    }
  }
  return spec;
}

MeterSpec to_meter(const Napi::Value& value) {
  if (!value.IsObject()) throw breach(value.Env(), "meter", "an object");
  const Napi::Object o = value.As<Napi::Object>();
  const Napi::Value bands = o.Get("bands");
  if (!bands.IsArray()) throw breach(value.Env(), "meter.bands", "an array");
  MeterSpec spec{.is_kbps = get_bool(o, "kbps", false), .bands = {}};
  const Napi::Array list = bands.As<Napi::Array>();
  for (uint32_t i = 0; i < list.Length(); i++) {
    const Napi::Value band = list.Get(i);
    if (!band.IsObject()) throw breach(value.Env(), "meter.bands", "objects");
    const Napi::Object b = band.As<Napi::Object>();
    spec.bands.push_back({.rate = get_u32(b, "rate", 0), .burst = get_u32(b, "burst", 0)});
  }
  return spec;
}

Napi::Object from_meter_stats(Napi::Env env, const MeterStats& stats) {
  const auto counted = [&](uint64_t packets, uint64_t bytes) {
    Napi::Object o = Napi::Object::New(env);
    o.Set("packets", number(env, packets));
    o.Set("bytes", number(env, bytes));
    return o;
  };
  Napi::Object o = counted(stats.packets, stats.bytes);
  Napi::Array bands = Napi::Array::New(env, stats.bands.size());
  for (uint32_t i = 0; i < stats.bands.size(); i++) bands.Set(i, counted(stats.bands[i].packets, stats.bands[i].bytes));
  o.Set("bands", bands);
  return o;
}

Napi::Uint8Array to_bytes(Napi::Env env, const void* from, size_t size) {
  Napi::Uint8Array bytes = Napi::Uint8Array::New(env, size);
  memcpy(bytes.Data(), from, size);
  return bytes;
}

Napi::Object from_port_info(Napi::Env env, const PortInfo& info) {
  Napi::Object o = Napi::Object::New(env);
  const PortCounters& c = info.counters;
  o.Set("no", number(env, info.no));
  o.Set("name", info.name);
  o.Set("kind", info.kind);
  o.Set("ifname", info.ifname);
  o.Set("mtu", number(env, info.mtu));
  o.Set("state", info.state == PortState::up ? "up" : "gone");
  o.Set("rxPackets", number(env, c.rx_packets));
  o.Set("rxBytes", number(env, c.rx_bytes));
  o.Set("txPackets", number(env, c.tx_packets));
  o.Set("txBytes", number(env, c.tx_bytes));
  o.Set("rxDropped", number(env, c.rx_dropped));
  o.Set("rxErrors", number(env, c.rx_errors));
  o.Set("txDropped", number(env, c.tx_dropped));
  o.Set("txErrors", number(env, c.tx_errors));
  o.Set("txTooBig", number(env, c.tx_too_big));
  return o;
}

Napi::Object from_upcall(Napi::Env env, const UpcallSlot& slot) {
  static constexpr const char* kReasons[] = {"miss", "action", "trace"};
  const Packet& packet = slot.packet;
  Napi::Object o = Napi::Object::New(env);
  o.Set("slot", number(env, slot.number));
  o.Set("reason", kReasons[static_cast<size_t>(slot.reason)]);
  o.Set("cookie", number(env, slot.cookie));
  o.Set("key", to_bytes(env, &packet.key, kKeySize));
  const bool is_whole = slot.reason == UpcallReason::action;
  o.Set("frame", to_bytes(env, packet.data, is_whole ? packet.size : std::min(packet.size, kHeaderBytes)));
  o.Set("size", number(env, packet.size));
  o.Set("gsoSize", number(env, packet.gso_size));
  o.Set("csumPartial", Napi::Boolean::New(env, packet.csum_partial));
  o.Set("traceId", number(env, packet.trace_id));
  o.Set("epoch", number(env, packet.epoch));
  o.Set("timeNs", Napi::BigInt::New(env, slot.time_ns));
  return o;
}

Napi::Object from_counters(Napi::Env env, const CounterSnapshot& s) {
  const Counters& c = s.counters;
  uint64_t dropped = 0;
  for (const uint64_t n : c.drops) dropped += n;
  Napi::Object o = Napi::Object::New(env);
  o.Set("drops", drops_object(env, c.drops));
  o.Set("copyDrops", drops_object(env, c.copy_drops));
  o.Set("received", number(env, c.received));
  o.Set("executed", number(env, c.executed));
  o.Set("copied", number(env, c.copied));
  o.Set("sent", number(env, c.sent));
  o.Set("delivered", number(env, c.delivered));
  o.Set("consumed", number(env, c.delivered + dropped));
  o.Set("upcalls", number(env, c.upcalls));
  o.Set("upcallsPending", number(env, s.upcalls_pending));
  o.Set("recirculations", number(env, c.recirculations));
  o.Set("unwatched", number(env, c.unwatched));
  o.Set("followed", number(env, c.followed));
  o.Set("lookups", number(env, s.cache.lookups));
  o.Set("exactHits", number(env, s.cache.exact_hits));
  o.Set("megaflowHits", number(env, s.cache.megaflow_hits));
  o.Set("misses", number(env, s.cache.misses));
  o.Set("megaflows", number(env, s.megaflows));
  o.Set("connections", number(env, s.connections));
  o.Set("fragmentsHeld", number(env, s.fragments_held));
  return o;
}

Napi::Error system_error(Napi::Env env, const SysError& error) {
  const char* known = strerrorname_np(error.err);
  const std::string name = known != nullptr ? known : "errno " + std::to_string(error.err);
  Napi::Error e = Napi::Error::New(env, error.syscall + " " + error.object + ": " + name);
  e.Set("code", Napi::String::New(env, "ESYSTEM"));
  e.Set("syscall", Napi::String::New(env, error.syscall));
  e.Set("object", Napi::String::New(env, error.object));
  e.Set("errno", Napi::Number::New(env, error.err));
  e.Set("errnoName", Napi::String::New(env, name));
  return e;
}

}  // namespace pw
