// Memory for large tables, straight from the kernel: zeroed, and pages that nobody touched cost nothing. From 2 MB on
// in huge pages, where the kernel has them to give: such a table is read all over, and 4 KB pages of it would be more
// than the processor keeps translations of.
#pragma once
#include <sys/mman.h>

#include <cstddef>
#include <cstdlib>
#include <memory>

namespace pw {

struct UnmapPages {
  size_t bytes = 0;
  void operator()(void* p) const { munmap(p, bytes); }
};
template <typename T>
using Pages = std::unique_ptr<T[], UnmapPages>;

// `count` of T, all zeros. T needs no construction.
template <typename T>
Pages<T> map_pages(size_t count) {
  constexpr size_t kHugePage = 2 << 20;
  const size_t bytes = count * sizeof(T);
  void* p = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (p == MAP_FAILED) abort();  // address space only: there is always some
  if (bytes >= kHugePage) madvise(p, bytes, MADV_HUGEPAGE);
  return Pages<T>(static_cast<T*>(p), UnmapPages{bytes});
}

}  // namespace pw
