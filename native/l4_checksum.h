// Which L4 checksum a header change disturbs, and how it is mended. rewrite.cc and NAT call it before they write.
// Rules: a UDP checksum of zero means "none" and stays; one that would become zero is stored as 0xffff (RFC 768); a
// CHECKSUM_PARTIAL field holds the pseudo-header sum only, so address changes count there and payload changes do not;
// SCTP has a CRC and no pseudo-header (RFC 9260).
#pragma once
#include "packet.h"

namespace pw {

// An address of the pseudo-header changes from `old_bytes` to `new_bytes`. Needs l4_offset.
void mend_pseudo_header(Packet& packet, const void* old_bytes, const void* new_bytes, size_t size);

// `size` bytes of the L4 header (2-byte aligned in it, the checksum not among them) change. Not for SCTP.
void mend_l4_checksum(Packet& packet, const void* old_bytes, const void* new_bytes, size_t size);

// CRC32c of an SCTP packet as its field would hold it; take it before the change, then mend.
uint32_t sctp_crc(const Packet& packet);
void mend_sctp_crc(Packet& packet, uint32_t crc_before);

// Bytes from l4_offset to the end of the IP packet (not of the frame: that may be padded).
uint32_t l4_size(const Packet& packet);

// An IPv6 routing header has segments left: the last destination is not the one in the IPv6 header.
bool routing_segments_left(const Packet& packet);

}  // namespace pw
