// Plain values between JavaScript and C++. JavaScript validates what users wrote (encode.ts, config.ts); what is
// checked here is that the caller kept to dataplane/datapath/native.ts, and a breach throws TypeError.
#pragma once
#include <napi.h>

#include <string>
#include <vector>

#include "datapath.h"

namespace pw {

// Property `name` of an options object, or the default when it is undefined.
std::string get_string(const Napi::Object& from, const char* name, const std::string& otherwise = {});
uint32_t get_u32(const Napi::Object& from, const char* name, uint32_t otherwise);
bool get_bool(const Napi::Object& from, const char* name, bool otherwise);

FlowKey to_key(const Napi::Env& env, const Napi::Value& value, const char* name);
Napi::Object options_argument(const Napi::CallbackInfo& info);  // the first argument
Napi::Uint8Array bytes_argument(const Napi::CallbackInfo& info, size_t index, const char* name);
uint32_t u32_argument(const Napi::CallbackInfo& info, size_t index, const char* name);
std::vector<uint8_t> to_vector(const Napi::Uint8Array& bytes);
// An action list, checked to be well-formed.
std::vector<uint8_t> actions_argument(const Napi::CallbackInfo& info, size_t index);
FlowKey to_key(const Napi::Object& from, const char* name);
// { id, key, mask }; the id only when `has_id`.
std::unique_ptr<FlowSpec> to_flow(const Napi::Value& value, bool has_id);
// { id, actions }: new actions, null to remove it, undefined only to read it.
FlowChange to_flow_change(const Napi::Value& value);
// [{ optClass, type, size, index, offset }]
std::vector<TlvOption> to_tlv_map(const Napi::Value& value);
PortSpec to_port_spec(const Napi::Value& value);
// { kbps, bands: [{ rate, burst }] }
MeterSpec to_meter(const Napi::Value& value);
// { zone, orig, reply, eitherWay }
CtFilter to_ct_filter(const Napi::Object& from);
Timeouts timeouts_argument(const Napi::CallbackInfo& info, size_t index);

Napi::Uint8Array to_bytes(Napi::Env env, const void* from, size_t size);
Napi::Object from_port_info(Napi::Env env, const PortInfo& info);
Napi::Object from_upcall(Napi::Env env, const UpcallSlot& slot);
Napi::Object from_meter_stats(Napi::Env env, const MeterStats& stats);
Napi::Object from_counters(Napi::Env env, const CounterSnapshot& snapshot);
// Error { code: 'ESYSTEM', syscall, object, errno, errnoName }
Napi::Error system_error(Napi::Env env, const SysError& error);

}  // namespace pw
