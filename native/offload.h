// Finishing what the sender left undone: partial checksums and GSO. Called by ports whose medium cannot carry them
// (geneve, pcap, memory on request); never by the pipeline.
#pragma once
#include <functional>

#include "packet.h"

namespace pw {

// Completes a CHECKSUM_PARTIAL frame in place. A computed UDP checksum of zero is stored as 0xffff (RFC 768).
// False (frame untouched) when csum_start/csum_offset lie outside the frame.
bool finish_checksum(Packet& packet);

// The same without touching the frame, for a port that sends bytes which another port may still hold.
struct FinishedChecksum {
  uint32_t at = 0;       // offset in the frame
  uint32_t size = 0;     // 2, or 4 for SCTP
  uint8_t bytes[4] = {};
};
bool compute_checksum(const Packet& packet, FinishedChecksum* result);

// The full L4 checksum of a frame is right (TCP, UDP with the zero rule, ICMP, ICMPv6; IPv4 header checksum too).
// For tests and for conntrack's validation of frames that the kernel does not vouch for.
bool checksums_valid(const Packet& packet);

// Cuts a GSO frame into segments of gso_size payload bytes, each with finished IP length, id, TCP seq and flags
// (CWR only on the first, FIN/PSH only on the last) and checksums, built in `scratch` (>= kHeadroom + one segment);
// calls `emit` for each in order with headroom >= kHeadroom. The segment is valid during the call only.
// Returns the number of segments, or -1 when the headers do not fit the GSO type.
int segment_gso(const Packet& packet, uint8_t* scratch, uint32_t scratch_size,
                const std::function<void(Packet& segment)>& emit);

}  // namespace pw
