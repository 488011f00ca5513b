// What an FTP control channel says about data connections (RFC 959 section 4.1.2, RFC 2428). Bytes in, an announcement
// out; alg.cc decides what comes of it.
//
//   IPv4   PORT h1,h2,h3,h4,p1,p2        227 Entering Passive Mode (h1,h2,h3,h4,p1,p2).
//   IPv6   EPRT |2|ADDRESS|PORT|         229 Entering Extended Passive Mode (|||PORT|)
//
// As in OVS 3.1, EPRT and EPSV over IPv4 are not looked at, and a message is read only from the start of a segment.
#pragma once
#include <cstdint>

namespace pw {

struct FtpMessage {
  enum Kind : uint8_t {
    other,      // announces nothing
    malformed,  // begins like an announcement, and is none
    active,     // the client will listen
    passive,    // the server will
  } kind = other;
  bool has_address = false;
  uint8_t address[16] = {};              // IPv4 in the first 4 bytes
  uint32_t address_at = 0, address_size = 0;  // its text, in the payload
  uint16_t port = 0;                     // host order
};

// `family` 4 or 6, of the connection.
FtpMessage read_ftp(const uint8_t* payload, uint32_t size, uint8_t family);

}  // namespace pw
