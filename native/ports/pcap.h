// Frames from a capture, once or for ever, as fast as they are taken; what is sent here is counted and gone. For
// measuring the datapath with no kernel around it, and for playing a capture to a pipeline. TypeScript reads the file.
#pragma once
#include <vector>

#include "port.h"
#include "rx_arena.h"

namespace pw {

struct PcapSpec {
  uint32_t no = 0;
  std::string name;
  uint32_t mtu = 1500;
  std::vector<std::vector<uint8_t>> frames;
  bool loop = false;
};

class PcapPort : public Port {
 public:
  explicit PcapPort(const PcapSpec& spec);
  bool has_memory() const { return arena_.ok(); }

  // A frame larger than kMaxFrame is counted as oversize and left out.
  int rx(Packet** packets, int max) override;
  void tx(Packet** packets, int count) override;
  void release() override { arena_.reset(); }

 private:
  struct Frame {
    size_t at;  // in bytes_
    uint32_t size;
  };
  std::vector<uint8_t> bytes_;
  std::vector<Frame> frames_;
  size_t next_ = 0;
  const bool loop_;
  RxArena arena_;
};

}  // namespace pw
