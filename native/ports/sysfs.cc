// Interface settings in sysfs: see sysfs.h.
#include "sysfs.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cstdio>

#include "netns.h"

namespace pw {

namespace {

// A /sys of the calling thread's namespace, not mounted anywhere; it goes with its file. Needs CAP_SYS_ADMIN.
Fd detached_sysfs() {
  const Fd context(fsopen("sysfs", FSOPEN_CLOEXEC));
  if (!context || fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) return Fd();
  return Fd(fsmount(context.get(), FSMOUNT_CLOEXEC, 0));
}

// As the kernel reads a set of CPUs: words of 32 in hexadecimal, the highest first.
std::string cpu_mask(unsigned cpu) {
  char word[9];
  snprintf(word, sizeof word, "%x", 1u << cpu % 32);
  std::string mask = word;
  for (unsigned i = 0; i < cpu / 32; i++) mask += ",00000000";
  return mask;
}

}  // namespace

bool receive_on_cpu(const std::string& ifname, unsigned cpu) {
  const Fd sysfs = detached_sysfs();
  if (!sysfs) return false;
  const std::string mask = cpu_mask(cpu);
  for (int queue = 0;; queue++) {
    const std::string file = "class/net/" + ifname + "/queues/rx-" + std::to_string(queue) + "/rps_cpus";
    const Fd fd(openat(sysfs.get(), file.c_str(), O_WRONLY | O_CLOEXEC));
    if (!fd) return queue > 0;
    if (write(fd.get(), mask.data(), mask.size()) != static_cast<ssize_t>(mask.size())) return false;
  }
}

}  // namespace pw
