// Where connections live: slabs that are taken as the number grows and given back when the last connection is gone.
// A connection never moves; its index (and its serial) name it in the table, the wheel and packets.
#pragma once
#include <vector>

#include "../pages.h"
#include "connection.h"

namespace pw {

class Pool {
 public:
  // A zeroed connection with `self` and a fresh serial.
  Connection& allocate();
  void free(Connection&);
  Connection& at(uint32_t index) { return slabs_[index / kSlab][index % kSlab]; }
  const Connection& at(uint32_t index) const { return slabs_[index / kSlab][index % kSlab]; }
  // The connection of that index if it still is the one of that serial, else null.
  Connection* find(uint32_t index, uint32_t serial) {
    if (serial == 0 || index >= used_) return nullptr;
    Connection& c = at(index);
    return c.serial == serial ? &c : nullptr;
  }
  const Connection* find(uint32_t index, uint32_t serial) const { return const_cast<Pool*>(this)->find(index, serial); }
  // The line that every packet needs. For an index that was handed out once.
  void prefetch(uint32_t index) const {
    if (index < used_) __builtin_prefetch(&at(index), 1);
  }
  // Calls visit(Connection&) for each; visit may free the one that it is given.
  template <typename Visit>
  void for_each(Visit&& visit) {
    for (uint32_t i = 0; i < used_; i++)
      if (at(i).serial) visit(at(i));
  }
  template <typename Visit>
  void for_each(Visit&& visit) const {
    for (uint32_t i = 0; i < used_; i++)
      if (at(i).serial) visit(at(i));
  }
  uint32_t size() const { return size_; }
  size_t bytes() const { return size_t{used_} * sizeof(Connection); }
  // Gives every slab back. Only when size() is 0.
  void release();

 private:
  static constexpr uint32_t kSlab = 32768;  // three huge pages
  std::vector<Pages<Connection>> slabs_;
  uint32_t free_ = kNoConnection;  // head of the list of free slots
  uint32_t used_ = 0;              // slots ever handed out; those beyond are untouched memory
  uint32_t size_ = 0;
  uint32_t serial_ = 0;
};

}  // namespace pw
