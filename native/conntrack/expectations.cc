// See expectations.h.
#include "expectations.h"

namespace pw {

void Expectations::add(const Expectation& expectation, uint32_t parent) {
  if (by_key_.contains(expectation.key)) return;
  std::deque<Tuple>& keys = by_parent_[parent];
  if (keys.size() == kMostOfOne || (by_key_.size() >= kMost && !keys.empty())) {
    by_key_.erase(keys.front());
    keys.pop_front();
  }
  if (by_key_.size() < kMost) {
    by_key_.emplace(expectation.key, expectation);
    keys.push_back(expectation.key);
  }
  if (keys.empty()) by_parent_.erase(parent);
}

const Expectation* Expectations::find(const Tuple& tuple) const {
  if (by_key_.empty()) return nullptr;
  Tuple key = tuple;
  key.src_port = {};
  const auto found = by_key_.find(key);
  return found == by_key_.end() ? nullptr : &found->second;
}

void Expectations::forget(uint32_t parent) {
  const auto found = by_parent_.find(parent);
  if (found == by_parent_.end()) return;
  for (const Tuple& key : found->second) by_key_.erase(key);
  by_parent_.erase(found);
}

}  // namespace pw
