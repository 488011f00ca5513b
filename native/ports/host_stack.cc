// Host stack guard: see host_stack.h.
#include "host_stack.h"

#include <linux/bpf.h>
#include <net/if.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>

#include "rtnl.h"

namespace pw {

namespace {

constexpr uint32_t kTcxIngress = 46;  // BPF_TCX_INGRESS, Linux 6.6
constexpr int kTcxDrop = 2;           // TCX_DROP

int bpf(int command, bpf_attr* attributes) {
  return static_cast<int>(syscall(SYS_bpf, command, attributes, sizeof *attributes));
}

// r0 = TCX_DROP; exit
Fd load_drop_program() {
  bpf_insn program[2]{};
  program[0].code = BPF_ALU64 | BPF_MOV | BPF_K;
  program[0].imm = kTcxDrop;
  program[1].code = BPF_JMP | BPF_EXIT;
  bpf_attr attributes;
  memset(&attributes, 0, sizeof attributes);
  attributes.prog_type = BPF_PROG_TYPE_SCHED_CLS;
  attributes.insns = reinterpret_cast<uint64_t>(program);
  attributes.insn_cnt = 2;
  attributes.license = reinterpret_cast<uint64_t>("");
  memcpy(attributes.prog_name, "packetwalk", 11);
  return Fd(bpf(BPF_PROG_LOAD, &attributes));
}

}  // namespace

bool HostStackGuard::install(int ifindex, const std::string& object, SysError* error) {
  const Fd program = load_drop_program();
  if (program) {
    bpf_attr attributes;
    memset(&attributes, 0, sizeof attributes);
    attributes.link_create.prog_fd = static_cast<uint32_t>(program.get());
    attributes.link_create.target_fd = static_cast<uint32_t>(ifindex);
    attributes.link_create.attach_type = kTcxIngress;
    link_ = Fd(bpf(BPF_LINK_CREATE, &attributes));
    if (link_) return true;
  }
  LinkChange change;
  change.answer_arp = false;
  if (!set_link(ifindex, change, object, error)) return false;
  no_arp_ifindex_ = ifindex;
  return true;
}

void HostStackGuard::remove() {
  link_.reset();
  if (no_arp_ifindex_ == 0) return;
  LinkChange change;
  change.answer_arp = true;
  set_link(no_arp_ifindex_, change, "", nullptr);
  no_arp_ifindex_ = 0;
}

}  // namespace pw
