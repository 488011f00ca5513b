// Slots of waiting packets, see upcall.h. execute.cc and pipeline.cc fill them; the addon reads them.
#include "upcall.h"

#include <algorithm>

namespace pw {
namespace {
constexpr uint32_t kTailroom = 64;
constexpr uint32_t kKeepCapacity = 4096;  // larger buffers (GSO frames) go when the slot is given back
}  // namespace

UpcallSlots::UpcallSlots(uint32_t count) : count_(count), reserve_(count / 4), slots_(count), ring_(count + 1) {
  free_.reserve(count);
  for (uint32_t i = count; i > 0; i--) free_.push_back(i - 1);
}

UpcallSlot* UpcallSlots::take(uint32_t in_port, size_t port_count, UpcallReason reason) {
  if (free_.empty()) return nullptr;
  const bool is_action = reason == UpcallReason::action;
  const bool is_trace = reason == UpcallReason::trace;
  if (is_action && used_by_actions_ >= std::max(count_ / 2, 1u)) return nullptr;
  if (is_trace && used_by_traces_ >= std::max(count_ / 4, 1u)) return nullptr;
  const auto shares = static_cast<uint32_t>(std::max<size_t>(port_count, 1));
  const uint32_t share = std::max<uint32_t>((count_ - reserve_) / shares, 1);
  uint32_t& used = used_by_port_[in_port];
  const bool from_reserve = used >= share;
  if (from_reserve && reserve_used_ >= reserve_) return nullptr;
  const uint32_t index = free_.back();
  free_.pop_back();
  if (!slots_[index]) {
    slots_[index] = std::make_unique<UpcallSlot>();
    slots_[index]->number = index;
  }
  UpcallSlot& slot = *slots_[index];
  slot.from_reserve = from_reserve;
  slot.charged_port = in_port;
  slot.waiting = true;
  slot.reason = reason;
  if (is_action) used_by_actions_++;
  if (is_trace) used_by_traces_++;
  (from_reserve ? reserve_used_ : used)++;
  in_use_++;
  return &slot;
}

void UpcallSlots::fill(UpcallSlot& slot, const Packet& packet) {
  const uint32_t need = kHeadroom + packet.size + kTailroom;
  if (slot.capacity < need) {
    slot.capacity = std::max<uint32_t>(need, 2048);
    slot.bytes.reset(new uint8_t[slot.capacity]);
  }
  slot.packet = packet;
  slot.packet.path = nullptr;
  slot.packet.data = slot.bytes.get() + kHeadroom;
  slot.packet.headroom = kHeadroom;
  slot.packet.tailroom = slot.capacity - kHeadroom - packet.size;
  memcpy(slot.packet.data, packet.data, packet.size);
}

void UpcallSlots::publish(UpcallSlot& slot) {
  const uint32_t head = head_.load(std::memory_order_relaxed);
  ring_[head] = slot.number % count_;
  head_.store(static_cast<uint32_t>((head + 1) % ring_.size()), std::memory_order_release);
}

const UpcallSlot* UpcallSlots::next_published() {
  const uint32_t tail = tail_.load(std::memory_order_relaxed);
  if (tail == head_.load(std::memory_order_acquire)) return nullptr;
  const UpcallSlot* slot = slots_[ring_[tail]].get();
  tail_.store(static_cast<uint32_t>((tail + 1) % ring_.size()), std::memory_order_release);
  return slot;
}

UpcallSlot* UpcallSlots::waiting(uint32_t number) {
  UpcallSlot* slot = slots_[number % count_].get();
  return slot != nullptr && slot->waiting && slot->number == number ? slot : nullptr;
}

void UpcallSlots::give_back(UpcallSlot& slot) {
  const auto used = used_by_port_.find(slot.charged_port);
  if (slot.reason == UpcallReason::action) used_by_actions_--;
  if (slot.reason == UpcallReason::trace) used_by_traces_--;
  if (slot.from_reserve) reserve_used_--;
  else if (--used->second == 0) used_by_port_.erase(used);
  if (slot.capacity > kKeepCapacity) {
    slot.bytes.reset();
    slot.capacity = 0;
  }
  in_use_--;
  free_.push_back(slot.number % count_);
  const bool is_last_use = slot.number > 0xffffffff - count_;
  slot.number = is_last_use ? slot.number % count_ : slot.number + count_;
}

uint32_t UpcallSlots::clear() {
  uint32_t waited = 0;
  for (auto& slot : slots_) {
    if (!slot || !slot->waiting) continue;
    slot->waiting = false;
    give_back(*slot);
    waited++;
  }
  tail_.store(head_.load(std::memory_order_relaxed), std::memory_order_relaxed);
  return waited;
}

}  // namespace pw
