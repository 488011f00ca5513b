// Slabs of connections, see pool.h.
#include "pool.h"

namespace pw {

Connection& Pool::allocate() {
  uint32_t index = free_;
  if (index != kNoConnection) {
    free_ = at(index).next_free;
  } else {
    if (used_ == slabs_.size() * kSlab) slabs_.push_back(map_pages<Connection>(kSlab));
    index = used_++;
  }
  Connection& c = at(index);
  c = Connection{};
  c.self = index;
  if (++serial_ == 0) serial_ = 1;  // after 2^32 connections; 0 means free
  c.serial = serial_;
  size_++;
  return c;
}

void Pool::free(Connection& c) {
  c.serial = 0;
  c.next_free = free_;
  free_ = c.self;
  size_--;
}

void Pool::release() {
  slabs_.clear();
  slabs_.shrink_to_fit();
  free_ = kNoConnection;
  used_ = 0;
}

}  // namespace pw
