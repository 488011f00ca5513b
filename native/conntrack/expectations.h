// Connections that a control channel has announced, until the control connection ends. alg.cc adds them, tracker.cc
// asks for each packet that would open a connection.
#pragma once
#include <deque>
#include <unordered_map>

#include "nat.h"

namespace pw {

struct Expectation {
  Tuple key;     // of its first packet; src_port 0: any
  Tuple parent;  // original tuple of the control connection
  uint32_t mark;
  uint8_t label[16];
  NatKind nat;              // what ct(nat) does to it, so that each end sees the addresses it knows
  uint8_t nat_address[16];  // the other end of the answers
};

struct ExpectationHash {
  SipKey key = random_sip_key();
  size_t operator()(const Tuple& tuple) const { return hash_tuple(key, tuple); }
};

class Expectations {
 public:
  // Nothing when there is one for the same packets already. A control connection that announces without end loses
  // what it announced first; when all of them together hold too many, no more are taken.
  void add(const Expectation& expectation, uint32_t parent);
  const Expectation* find(const Tuple& tuple) const;
  // The control connection has ended.
  void forget(uint32_t parent);
  size_t size() const { return by_key_.size(); }

  static constexpr size_t kMostOfOne = 256, kMost = 65536;

 private:
  std::unordered_map<Tuple, Expectation, ExpectationHash> by_key_;
  std::unordered_map<uint32_t, std::deque<Tuple>> by_parent_;  // keys, the oldest first
};

}  // namespace pw
