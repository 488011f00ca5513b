// A connection as a line of dpctl/dump-conntrack. Used by tracker.cc's dump.
#pragma once
#include <string>

#include "connection.h"

namespace pw {

struct DumpStyle {
  bool more;   // -m
  bool stats;  // -s
};
std::string format_connection(const Connection&, DumpStyle, uint64_t now_ns);

}  // namespace pw
