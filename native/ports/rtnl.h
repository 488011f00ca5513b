// The little of rtnetlink that the ports need: look at a device, and move, name and configure one in one message.
// Acts in the calling thread's namespace. Not used per packet.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "netns.h"

namespace pw {

using MacAddress = std::array<uint8_t, 6>;
// "02:00:00:00:00:01"; none when malformed.
std::optional<MacAddress> parse_mac(const std::string& text);

struct LinkInfo {
  int index = 0;
  uint32_t flags = 0;       // IFF_*
  uint32_t mtu = 0;
  uint64_t tx_dropped = 0;  // of the device: frames its owner sent and its queue refused
};

// False when there is no such device (errno ENODEV) or the kernel refuses.
bool get_link(const std::string& ifname, LinkInfo* info, SysError* error);

struct LinkChange {
  int netns_fd = -1;  // move it there first
  std::string ifname;
  std::optional<MacAddress> mac;
  uint32_t mtu = 0;         // 0: as it is
  uint32_t txqueuelen = 0;  // 0: as it is
  bool up = false;
  std::optional<bool> answer_arp;  // false: IFF_NOARP
};
bool set_link(int index, const LinkChange& change, const std::string& object, SysError* error);

// One rtnetlink request under construction.
class RtnlRequest {
 public:
  RtnlRequest(uint16_t type, uint16_t flags, const void* body, uint32_t body_size);
  void put(uint16_t type, const void* value, uint32_t size);
  void put_u32(uint16_t type, uint32_t value) { put(type, &value, sizeof value); }
  void put_string(uint16_t type, const std::string& value) {
    put(type, value.c_str(), static_cast<uint32_t>(value.size() + 1));
  }
  uint32_t begin_nest(uint16_t type);
  void end_nest(uint32_t begin);
  // Sends it and waits for the answer. On success *reply (when not null) holds the first answer's message.
  // Returns 0 or an errno.
  int transact(std::string* reply = nullptr);

 private:
  std::string message_;
};

}  // namespace pw
