// Why a packet ended without being sent: the list of drop_reasons.def as an enum, with names for those who print.
#pragma once
#include <cstddef>
#include <cstdint>

namespace pw {

enum class Drop : uint8_t {
#define PW_DROP(name, severity, text) name,
#include "drop_reasons.def"
#undef PW_DROP
};

struct DropReason {
  const char* name;
  const char* severity;
  const char* text;
};
constexpr DropReason kDropReasons[] = {
#define PW_DROP(name, severity, text) {#name, #severity, text},
#include "drop_reasons.def"
#undef PW_DROP
};
constexpr size_t kDropCount = sizeof kDropReasons / sizeof kDropReasons[0];

}  // namespace pw
