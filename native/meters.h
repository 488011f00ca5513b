// Meters: token buckets that packets pass on their way. execute.cc asks one; TypeScript puts and removes them.
// The arithmetic is that of OVS's userspace datapath: time in whole milliseconds, a bucket for each band that holds
// thousandths of packets, or bits, and of the bands that are empty the one with the highest rate drops.
#pragma once
#include <cstdint>
#include <unordered_map>
#include <vector>

namespace pw {

struct MeterBand {
  uint32_t rate = 0;   // packets or kilobits for each second
  uint32_t burst = 0;  // the bucket's size, in packets or kilobits
};

struct MeterSpec {
  bool is_kbps = false;  // else packets
  std::vector<MeterBand> bands;
};

struct MeterStats {
  uint64_t packets = 0, bytes = 0;
  struct Band {
    uint64_t packets = 0, bytes = 0;  // dropped
  };
  std::vector<Band> bands;
};

class Meters {
 public:
  // A new one with full buckets, or one that is there, with other bands: its statistics begin anew, as in OVS.
  void put(uint32_t id, const MeterSpec& spec, uint64_t now_ns);
  bool remove(uint32_t id) { return meters_.erase(id) != 0; }
  // True when the packet may go on. Also when there is no such meter.
  bool pass(uint32_t id, uint32_t size, uint64_t now_ns);
  // False: there is no such meter.
  bool stats(uint32_t id, MeterStats* stats) const;

 private:
  struct Bucket {
    MeterBand band;
    uint64_t level;  // thousandths of packets, or bits
  };
  struct Meter {
    bool is_kbps;
    uint64_t used_ms, max_delta_ms;
    std::vector<Bucket> buckets;
    MeterStats stats;
  };
  std::unordered_map<uint32_t, Meter> meters_;
};

}  // namespace pw
