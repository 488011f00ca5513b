// The Geneve header (RFC 8926 3.4) and its options, to and from the tunnel part of a flow key. Used by the geneve
// port; knows nothing of sockets.
//
//    0                   1                   2                   3
//    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//   |Ver|  Opt Len  |O|C|    Rsvd.  |          Protocol Type        |
//   |        Virtual Network Identifier (VNI)       |    Reserved   |
//   and each option:
//   |          Option Class         |      Type     |R|R|R| Length  |
//   |                  Variable-Length Option Data                  |
#pragma once
#include <cstdint>
#include <vector>

#include "key.h"

namespace pw {

constexpr uint32_t kGeneveHeader = 8, kGeneveOptionHeader = 4;
constexpr uint32_t kGeneveMaxOptions = 63 * 4;  // Opt Len has six bits and counts words
constexpr uint32_t kGeneveMaxHeader = kGeneveHeader + kGeneveMaxOptions;

// Where an option's value lies in tun_metadata: what `ovs-ofctl add-tlv-map` says.
struct TlvOption {
  uint16_t opt_class = 0;
  uint8_t type = 0;     // with the critical bit
  uint8_t size = 0;     // bytes of data, a multiple of 4
  uint8_t index = 0;    // bit of tun_metadata_present
  uint8_t offset = 0;   // of the value in tun_metadata
};

class TlvMap {
 public:
  // Entries that do not fit tun_metadata are left out: the caller has checked them.
  void set(const std::vector<TlvOption>& options);

  enum class Result : uint8_t { ok, malformed, unknown_option };
  // Reads the header at `p` and fills tun_id, tun_flags (OAM), tun_metadata and its presence bits in `key`, whose
  // tunnel part is zero. On ok, *header_size bytes precede the inner frame. An option that the map does not know
  // (class, type and size) is passed over, unless it is critical.
  Result parse(const uint8_t* p, uint32_t size, FlowKey& key, uint32_t* header_size) const;

  // Writes the header that `key` asks for, options in the order of their index; at most kGeneveMaxHeader bytes. An
  // option beyond that room is left out. Returns its size.
  uint32_t build(const FlowKey& key, uint8_t* p) const;

 private:
  std::vector<TlvOption> options_;  // by index
};

}  // namespace pw
