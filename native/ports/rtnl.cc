// rtnetlink for the ports: see rtnl.h.
#include "rtnl.h"

#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace pw {

std::optional<MacAddress> parse_mac(const std::string& text) {
  MacAddress mac;
  int end = 0;
  if (text.size() != 17 ||
      sscanf(text.c_str(), "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%n", &mac[0], &mac[1], &mac[2], &mac[3], &mac[4],
             &mac[5], &end) != 6 ||
      end != 17) {
    return std::nullopt;
  }
  return mac;
}

RtnlRequest::RtnlRequest(uint16_t type, uint16_t flags, const void* body, uint32_t body_size) {
  nlmsghdr header{};
  header.nlmsg_type = type;
  header.nlmsg_flags = static_cast<uint16_t>(NLM_F_REQUEST | flags);
  header.nlmsg_seq = 1;
  message_.assign(reinterpret_cast<const char*>(&header), sizeof header);
  message_.append(static_cast<const char*>(body), body_size);
  message_.resize(NLMSG_ALIGN(message_.size()));
}

void RtnlRequest::put(uint16_t type, const void* value, uint32_t size) {
  const rtattr attribute{static_cast<uint16_t>(RTA_LENGTH(size)), type};
  message_.append(reinterpret_cast<const char*>(&attribute), sizeof attribute);
  message_.append(static_cast<const char*>(value), size);
  message_.resize(NLMSG_ALIGN(message_.size()));
}

uint32_t RtnlRequest::begin_nest(uint16_t type) {
  const uint32_t begin = static_cast<uint32_t>(message_.size());
  put(type, nullptr, 0);
  return begin;
}

void RtnlRequest::end_nest(uint32_t begin) {
  const uint16_t size = static_cast<uint16_t>(message_.size() - begin);
  memcpy(message_.data() + begin + offsetof(rtattr, rta_len), &size, sizeof size);
}

int RtnlRequest::transact(std::string* reply) {
  Fd fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  if (!fd) return errno;
  const uint32_t size = static_cast<uint32_t>(message_.size());
  memcpy(message_.data() + offsetof(nlmsghdr, nlmsg_len), &size, sizeof size);
  if (send(fd.get(), message_.data(), message_.size(), 0) < 0) return errno;
  alignas(nlmsghdr) char answer[16384];
  const ssize_t got = recv(fd.get(), answer, sizeof answer, 0);
  if (got < 0) return errno;
  const auto* header = reinterpret_cast<const nlmsghdr*>(answer);
  if (!NLMSG_OK(header, static_cast<size_t>(got))) return EBADMSG;
  if (header->nlmsg_type == NLMSG_ERROR) return -static_cast<const nlmsgerr*>(NLMSG_DATA(header))->error;
  if (reply) reply->assign(answer, header->nlmsg_len);
  return 0;
}

bool get_link(const std::string& ifname, LinkInfo* info, SysError* error) {
  const ifinfomsg body{};
  RtnlRequest request(RTM_GETLINK, 0, &body, sizeof body);
  request.put_string(IFLA_IFNAME, ifname);
  std::string reply;
  const int err = request.transact(&reply);
  if (err) return refuse(error, "netlink(RTM_GETLINK)", ifname, err);
  const auto* header = reinterpret_cast<const nlmsghdr*>(reply.data());
  if (header->nlmsg_type != RTM_NEWLINK || header->nlmsg_len < NLMSG_LENGTH(sizeof body)) {
    return refuse(error, "netlink(RTM_GETLINK)", ifname, EBADMSG);
  }
  const auto* link = static_cast<const ifinfomsg*>(NLMSG_DATA(header));
  *info = LinkInfo{};
  info->index = link->ifi_index;
  info->flags = link->ifi_flags;
  int left = static_cast<int>(IFLA_PAYLOAD(header));
  for (const rtattr* a = IFLA_RTA(link); RTA_OK(a, left); a = RTA_NEXT(a, left)) {
    if (a->rta_type == IFLA_MTU && RTA_PAYLOAD(a) >= sizeof info->mtu) {
      memcpy(&info->mtu, RTA_DATA(a), sizeof info->mtu);
    } else if (a->rta_type == IFLA_STATS64 && RTA_PAYLOAD(a) > offsetof(rtnl_link_stats64, tx_dropped) + 8) {
      const char* stats = static_cast<const char*>(RTA_DATA(a));
      memcpy(&info->tx_dropped, stats + offsetof(rtnl_link_stats64, tx_dropped), sizeof info->tx_dropped);
    }
  }
  return true;
}

bool set_link(int index, const LinkChange& change, const std::string& object, SysError* error) {
  ifinfomsg body{};
  body.ifi_index = index;
  if (change.up) body.ifi_flags = body.ifi_change = IFF_UP;
  if (change.answer_arp) {
    body.ifi_change |= IFF_NOARP;
    if (!*change.answer_arp) body.ifi_flags |= IFF_NOARP;
  }
  RtnlRequest request(RTM_NEWLINK, NLM_F_ACK, &body, sizeof body);
  if (change.netns_fd >= 0) request.put_u32(IFLA_NET_NS_FD, static_cast<uint32_t>(change.netns_fd));
  if (!change.ifname.empty()) request.put_string(IFLA_IFNAME, change.ifname);
  if (change.mac) request.put(IFLA_ADDRESS, change.mac->data(), 6);
  if (change.mtu) request.put_u32(IFLA_MTU, change.mtu);
  if (change.txqueuelen) request.put_u32(IFLA_TXQLEN, change.txqueuelen);
  const int err = request.transact();
  return err == 0 || refuse(error, "netlink(RTM_NEWLINK)", object, err);
}

}  // namespace pw
