// The addon's exports, NativeAddon in dataplane/datapath/native.ts. The only folder that knows N-API is this one.
#include <napi.h>

#include "convert.h"
#include "datapath_wrap.h"
#include "extract.h"

namespace pw {
namespace {

Napi::Array key_layout(Napi::Env env) {
  Napi::Array list = Napi::Array::New(env);
  uint32_t n = 0;
  const auto add = [&](const char* name, uint32_t offset, uint32_t size) {
    Napi::Object field = Napi::Object::New(env);
    field.Set("name", name);
    field.Set("offset", offset);
    field.Set("size", size);
    list.Set(n++, field);
  };
#define PW_FIELD(name, offset, size) add(#name, offset, size);
#include "fields.def"
#undef PW_FIELD
  return list;
}

Napi::Array drop_reasons(Napi::Env env) {
  Napi::Array list = Napi::Array::New(env);
  for (uint32_t i = 0; i < kDropCount; i++) {
    Napi::Object reason = Napi::Object::New(env);
    reason.Set("name", kDropReasons[i].name);
    reason.Set("severity", kDropReasons[i].severity);
    reason.Set("text", kDropReasons[i].text);
    list.Set(i, reason);
  }
  return list;
}

Napi::Array timeout_names(Napi::Env env) {
  Napi::Array list = Napi::Array::New(env);
  for (uint32_t i = 0; i < kTimeoutCount; i++) list.Set(i, kTimeoutNames[i]);
  return list;
}

Napi::Value extract_key(const Napi::CallbackInfo& info) {
  Napi::Uint8Array frame = bytes_argument(info, 0, "frame");
  Packet packet;
  packet.data = frame.Data();
  packet.size = static_cast<uint32_t>(frame.ByteLength());
  memset(&packet.key, 0, sizeof packet.key);
  packet.key.in_port.set(u32_argument(info, 1, "inPort"));
  extract(packet);
  return to_bytes(info.Env(), &packet.key, kKeySize);
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  exports.Set("keySize", static_cast<double>(kKeySize));
  exports.Set("keyLayout", key_layout(env));
  exports.Set("dropReasons", drop_reasons(env));
  exports.Set("timeoutNames", timeout_names(env));
  exports.Set("extract", Napi::Function::New(env, extract_key, "extract"));
  exports.Set("Datapath", DatapathWrap::define(env));
  return exports;
}

}  // namespace
}  // namespace pw

static Napi::Object init_addon(Napi::Env env, Napi::Object exports) { return pw::init(env, exports); }
NODE_API_MODULE(packetwalk, init_addon)
