// read(2), write(2) and writev(2) without what the C library does around them so that pthread_cancel() could interrupt
// them: two atomic operations a call, 4 % of the time of a thread that moves small frames (perf, trial udp-64b). Nobody
// cancels the datapath thread. Results and errno are those of the system calls.
#pragma once
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cstddef>

namespace pw {

inline ssize_t plain_read(int fd, void* to, size_t size) { return syscall(SYS_read, fd, to, size); }
inline ssize_t plain_write(int fd, const void* from, size_t size) { return syscall(SYS_write, fd, from, size); }
inline ssize_t plain_writev(int fd, const iovec* parts, int count) { return syscall(SYS_writev, fd, parts, count); }

}  // namespace pw
