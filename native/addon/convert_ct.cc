// Conversions of conntrack's values, see convert.h. Used by conntrack_wrap.cc.
#include "convert.h"

namespace pw {
namespace {

constexpr const char* kExpectedNumber = "a number that fits its field";

template <typename T>
std::optional<T> optional_number(const Napi::Object& from, const char* name) {
  if (from.Get(name).IsUndefined()) return {};
  const uint32_t value = get_u32(from, name, 0);
  if (value > std::numeric_limits<T>::max()) throw Napi::TypeError::New(from.Env(), kExpectedNumber);
  return static_cast<T>(value);
}

std::optional<std::array<uint8_t, 16>> optional_address(const Napi::Object& from, const char* name) {
  const Napi::Value value = from.Get(name);
  if (value.IsUndefined()) return {};
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().ByteLength() != 16) {
    throw Napi::TypeError::New(from.Env(), std::string(name) + ": expected 16 bytes");
  }
  std::array<uint8_t, 16> address;
  memcpy(address.data(), value.As<Napi::Uint8Array>().Data(), address.size());
  return address;
}

CtPattern to_pattern(const Napi::Object& from, const char* name) {
  const Napi::Value value = from.Get(name);
  if (value.IsUndefined()) return {};
  if (!value.IsObject()) throw Napi::TypeError::New(from.Env(), std::string(name) + ": expected an object");
  const Napi::Object o = value.As<Napi::Object>();
  return {
      .family = optional_number<uint8_t>(o, "family"),
      .src = optional_address(o, "src"),
      .dst = optional_address(o, "dst"),
      .proto = optional_number<uint8_t>(o, "proto"),
      .src_port = optional_number<uint16_t>(o, "srcPort"),
      .dst_port = optional_number<uint16_t>(o, "dstPort"),
      .icmp_id = optional_number<uint16_t>(o, "icmpId"),
      .icmp_type = optional_number<uint8_t>(o, "icmpType"),
      .icmp_code = optional_number<uint8_t>(o, "icmpCode"),
  };
}

}  // namespace

CtFilter to_ct_filter(const Napi::Object& from) {
  return {
      .zone = optional_number<uint16_t>(from, "zone"),
      .orig = to_pattern(from, "orig"),
      .reply = to_pattern(from, "reply"),
      .either_way = get_bool(from, "eitherWay", false),
  };
}

Timeouts timeouts_argument(const Napi::CallbackInfo& info, size_t index) {
  const Napi::Value value = info[index];
  Timeouts timeouts;
  const bool is_right = value.IsTypedArray() && value.As<Napi::TypedArray>().TypedArrayType() == napi_uint32_array &&
                        value.As<Napi::TypedArray>().ByteLength() == sizeof timeouts;
  if (!is_right) throw Napi::TypeError::New(info.Env(), "timeouts: expected a Uint32Array, one for each timeoutNames");
  memcpy(timeouts.data(), value.As<Napi::Uint32Array>().Data(), sizeof timeouts);
  return timeouts;
}

}  // namespace pw
