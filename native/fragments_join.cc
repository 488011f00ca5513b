// From fragments to the datagram and back, see fragments.h.
#include "checksum.h"
#include "extract.h"
#include "fragments.h"
#include "protocols.h"

namespace pw {
namespace {

// Addresses as the datagram has them now, the checksum mended.
void copy_addresses(const uint8_t* from, uint8_t* to, bool is_v4) {
  if (!is_v4) {
    memcpy(to + 8, from + 8, 32);
    return;
  }
  uint16_t csum;
  memcpy(&csum, to + kIpv4Csum, 2);
  csum = csum_update(csum, to + 12, from + 12, 8);
  memcpy(to + kIpv4Csum, &csum, 2);
  memcpy(to + 12, from + 12, 8);
}

}  // namespace

Packet* Fragments::join(const Fragment* first) {
  const uint32_t link = first->packet.l3_offset;  // bytes before the IP header
  const Fragment* last = first;
  while (last->next) last = last->next;
  whole_bytes_.resize(kMaxFrame + kHeadroom);
  uint8_t* const data = whole_bytes_.data();
  if (link + first->header + last->end > whole_bytes_.size()) return nullptr;

  memcpy(data, first->packet.data, link + first->header);
  FragmentRead read{};
  read.header = first->header;
  read.key.family = first->packet.key.dl_type == to_be16(kEthIpv4) ? 4 : 6;
  if (!write_whole_header(data + link, read, last->end)) return nullptr;
  uint8_t* const payload = data + link + first->header;
  for (const Fragment* f = first; f; f = f->next)
    memcpy(payload + f->start, f->packet.data + f->packet.l3_offset + f->header, f->end - f->start);

  whole_ = first->packet;
  whole_.data = data;
  whole_.size = link + first->header + last->end;
  whole_.headroom = 0;
  whole_.tailroom = static_cast<uint32_t>(whole_bytes_.size()) - whole_.size;
  whole_.csum_valid = false;  // whatever was said, it was not about this
  extract(whole_);
  return &whole_;
}

void Fragments::spread(const Packet& whole, Fragment* first, bool rewritten) {
  constexpr size_t kFrom = offsetof(FlowKey, ct_state), kSize = offsetof(FlowKey, dl_dst) - kFrom;
  const uint8_t* const l3 = whole.data + whole.l3_offset;
  const uint8_t* const payload = l3 + first->header;
  const bool is_v4 = whole.key.dl_type == to_be16(kEthIpv4);
  for (Fragment* f = first; f; f = f->next) {
    Packet& p = f->packet;
    memcpy(reinterpret_cast<uint8_t*>(&p.key) + kFrom, reinterpret_cast<const uint8_t*>(&whole.key) + kFrom, kSize);
    p.ct = whole.ct;
    if (!rewritten) continue;
    uint8_t* const own = p.data + p.l3_offset;
    copy_addresses(l3, own, is_v4);
    memcpy(own + f->header, payload + f->start, f->end - f->start);
    extract(p);
  }
}

}  // namespace pw
