// A connection as a line of dpctl/dump-conntrack. Used by tracker.cc's dump.
#pragma once
#include <string>

#include "connection.h"

namespace pw {

// `parent`: the original tuple of the connection that announced it, or null.
std::string format_connection(const Connection&, const Tuple* parent, CtDumpStyle style, uint64_t now_ns);

}  // namespace pw
