// Which connections a filter means. For tracker.cc's flush and dump.
#pragma once
#include "connection.h"

namespace pw {

bool is_selected(const Connection&, const CtFilter&);

}  // namespace pw
