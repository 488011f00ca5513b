// Settings of an interface that only /sys/class/net can make. The /sys that is mounted shows the interfaces of the
// namespace it was mounted in, so one is mounted, unseen by anybody else, for the calling thread's namespace.
#pragma once
#include <string>

namespace pw {

// Lets this one CPU handle all frames that `ifname` receives: an unpinned sender would otherwise have its frames queued
// on two, and TCP would see them reordered. False on a kernel without RPS and with a /sys that may not be written,
// which costs speed only.
bool receive_on_cpu(const std::string& ifname, unsigned cpu);

}  // namespace pw
