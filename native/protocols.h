// Protocol numbers and header offsets, by the names that the RFCs use. No code: extract.cc and rewrite.cc share them.
#pragma once
#include <cstdint>

namespace pw {

// EtherTypes (IEEE). Below 0x600 the field is a length (802.3); OVS calls what is then unknown 0x05ff.
constexpr uint16_t kEthIpv4 = 0x0800, kEthArp = 0x0806, kEthRarp = 0x8035, kEthIpv6 = 0x86dd;
constexpr uint16_t kEthVlan = 0x8100, kEthQinq = 0x88a8;
constexpr uint16_t kEthMin = 0x0600, kEthNone = 0x05ff;
constexpr bool is_vlan(uint16_t ethertype) { return ethertype == kEthVlan || ethertype == kEthQinq; }

// IP protocol numbers (IANA).
constexpr uint8_t kIpHopopts = 0, kIpIcmp = 1, kIpTcp = 6, kIpUdp = 17, kIpRouting = 43, kIpFragment = 44, kIpAh = 51,
                  kIpIcmpv6 = 58, kIpDstopts = 60, kIpSctp = 132;

// Smallest headers, in bytes.
constexpr uint32_t kVlanTagSize = 4, kArpSize = 28, kIpv4Size = 20, kIpv6Size = 40;
constexpr uint32_t kTcpSize = 20, kUdpSize = 8, kSctpSize = 12, kIcmpSize = 8;

// Where the checksum of an L4 header lies, from its start (RFC 9293, 768, 9260, 792, 4443).
constexpr uint32_t kTcpCsum = 16, kUdpCsum = 6, kSctpCsum = 8, kIcmpCsum = 2;
constexpr uint32_t kIpv4Csum = 10;

// Neighbour discovery (RFC 4861).
constexpr uint8_t kNdSolicit = 135, kNdAdvert = 136, kNdOptSource = 1, kNdOptTarget = 2;
constexpr uint32_t kNdTarget = 8, kNdOptions = 24;

}  // namespace pw
