// The port without a kernel: frames come from inject() and wait in a queue for collect(). For tests, and for running
// the datapath alone. With `wire` it sends as a wire would: checksums finished, GSO frames cut into segments.
#pragma once
#include <deque>
#include <memory>
#include <vector>

#include "port.h"

namespace pw {

struct MemorySpec {
  uint32_t no = 0;
  std::string name;
  uint32_t mtu = 1500;
  bool wire = true;
};

// Offload state of an injected frame, as a virtio-net header would carry it.
struct InjectedOffload {
  bool csum_partial = false;
  uint16_t csum_start = 0, csum_offset = 0;
  GsoType gso_type = GsoType::none;
  uint16_t gso_size = 0;
};

class MemoryPort : public Port {
 public:
  explicit MemoryPort(const MemorySpec& spec);

  // The frame will be read by the next rx(). False when it is larger than any frame, or its offload state lies about
  // it; counted as such.
  bool inject(const uint8_t* frame, uint32_t size, const InjectedOffload& offload = {});
  // The frames sent since the last call.
  std::vector<std::vector<uint8_t>> collect();
  bool has_pending() const { return read_ < arrived_.size(); }

  int rx(Packet** packets, int max) override;
  void tx(Packet** packets, int count) override;
  void release() override;

 private:
  struct Arrived {
    std::unique_ptr<uint8_t[]> bytes;
    uint32_t size;
    InjectedOffload offload;
  };
  void keep(const Packet& packet);

  const bool wire_;
  std::deque<Arrived> arrived_;
  size_t read_ = 0;  // how many of arrived_ the burst under way has taken
  std::vector<std::vector<uint8_t>> sent_;
  std::vector<uint8_t> scratch_;
};

}  // namespace pw
