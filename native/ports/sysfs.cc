// Interface settings in sysfs: see sysfs.h.
#include "sysfs.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include "netns.h"

namespace pw {

namespace {

// A /sys of the calling thread's namespace, not mounted anywhere; it goes with its file. Needs CAP_SYS_ADMIN.
Fd detached_sysfs() {
  const Fd context(fsopen("sysfs", FSOPEN_CLOEXEC));
  if (!context || fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) return Fd();
  return Fd(fsmount(context.get(), FSMOUNT_CLOEXEC, 0));
}

}  // namespace

void receive_on_one_cpu(const std::string& ifname) {
  const Fd sysfs = detached_sysfs();
  if (!sysfs) return;
  for (int queue = 0;; queue++) {
    const std::string file = "class/net/" + ifname + "/queues/rx-" + std::to_string(queue) + "/rps_cpus";
    const Fd fd(openat(sysfs.get(), file.c_str(), O_WRONLY | O_CLOEXEC));
    if (!fd || write(fd.get(), "1", 1) != 1) return;  // CPU 0, as a mask
  }
}

}  // namespace pw
