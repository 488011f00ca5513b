// Partial checksums, verification and segmentation, against a plain re-implementation; and hostile frames under ASan.
#include "offload.h"

#include <memory>
#include <random>

#include "check.h"
#include "frames.h"
#include "gso.h"
#include "ports/vnet.h"

using namespace pw;

namespace {

// The bytes on the heap at their exact size, so that ASan sees a read one byte too far.
struct Boxed {
  explicit Boxed(const Bytes& bytes) : box(new uint8_t[bytes.size() ? bytes.size() : 1]) {
    memcpy(box.get(), bytes.data(), bytes.size());
    packet.data = box.get();
    packet.size = static_cast<uint32_t>(bytes.size());
  }
  Bytes bytes() const { return Bytes(packet.data, packet.data + packet.size); }
  std::unique_ptr<uint8_t[]> box;
  Packet packet;
};

Boxed partial(const FrameSpec& spec) {
  const Frame frame = build_frame(spec, false);
  Boxed boxed(frame.bytes);
  boxed.packet.csum_partial = true;
  boxed.packet.csum_start = static_cast<uint16_t>(frame.l4);
  boxed.packet.csum_offset = spec.proto == 6 ? 16 : spec.proto == 17 ? 6 : 8;
  return boxed;
}

Boxed gso(const FrameSpec& spec, uint16_t size) {
  Boxed boxed = partial(spec);
  boxed.packet.gso_size = size;
  boxed.packet.gso_type = spec.proto == 17 ? GsoType::udp4 : spec.version == 4 ? GsoType::tcp4 : GsoType::tcp6;
  return boxed;
}

std::vector<Bytes> cut(const Packet& packet, int* result, uint32_t room = 70000) {
  std::vector<uint8_t> scratch(room);
  std::vector<Bytes> segments;
  *result = segment_gso(packet, scratch.data(), room, [&](Packet& s) {
    CHECK(s.headroom >= kHeadroom && !s.csum_partial && s.gso_type == GsoType::none && s.gso_size == 0);
    segments.emplace_back(s.data, s.data + s.size);
  });
  return segments;
}

// What segmentation means, written the long way: each segment is built as a frame of its own.
std::vector<Bytes> plain_segments(const FrameSpec& whole, uint32_t size) {
  const Frame frame = build_frame(whole, true);
  std::vector<Bytes> segments;
  for (uint32_t done = 0, i = 0; done < whole.payload || i == 0; i++) {
    FrameSpec s = whole;
    s.payload = std::min(size, whole.payload - done);
    const bool last = done + s.payload == whole.payload;
    s.ip_id = static_cast<uint16_t>(whole.ip_id + i);
    s.seq = whole.seq + done;
    if (i > 0) s.tcp_flags &= ~0x80;
    if (!last) s.tcp_flags &= ~0x09;
    Frame f = build_frame(s, true);
    memcpy(&f.bytes[f.payload], &frame.bytes[frame.payload + done], s.payload);
    uint8_t* field = &f.bytes[f.l4 + (s.proto == 6 ? 16 : 6)];
    put16(field, 0);
    const uint32_t l4_size = f.bytes.size() - f.l4;
    uint32_t csum = 0xffff & ~slow_sum(&f.bytes[f.l4], l4_size, slow_pseudo(f, s.version, s.proto, l4_size));
    if (csum == 0 && s.proto == 17) csum = 0xffff;
    put16(field, csum);
    segments.push_back(f.bytes);
    done += s.payload;
  }
  return segments;
}

const FrameSpec kShapes[] = {
    {.version = 4, .proto = 6},
    {.version = 4, .proto = 6, .ip_options = 8, .tcp_options = 12},
    {.version = 4, .proto = 6, .tags = 1, .tcp_options = 40, .payload = 101},
    {.version = 4, .proto = 6, .tags = 2, .payload = 0},
    {.version = 6, .proto = 6, .tcp_options = 12},
    {.version = 6, .proto = 6, .tags = 1, .ip_options = 16, .payload = 77},
    {.version = 4, .proto = 17},
    {.version = 4, .proto = 17, .tags = 1, .payload = 33},
    {.version = 6, .proto = 17, .ip_options = 8, .payload = 1},
};

}  // namespace

TEST("a partial checksum of TCP and UDP over IPv4 and IPv6 is finished as a plain sum says") {
  for (const FrameSpec& shape : kShapes) {
    for (uint32_t seed = 1; seed < 20; seed++) {
      FrameSpec spec = shape;
      spec.payload_seed = seed;
      Boxed boxed = partial(spec);
      CHECK(!checksums_valid(boxed.packet) || spec.payload == 0);
      CHECK(finish_checksum(boxed.packet) && !boxed.packet.csum_partial);
      CHECK(boxed.bytes() == build_frame(spec, true).bytes);
      CHECK(checksums_valid(boxed.packet));
      if (check_failures()) return (void)printf("    %s seed %u\n", describe(spec).c_str(), seed);
    }
  }
}

TEST("a UDP checksum that comes out as zero is stored as 0xffff, and zero means none over IPv4 only") {
  FrameSpec spec{.version = 4, .proto = 17, .payload = 2};
  Boxed boxed = partial(spec);
  // Choose the payload so that the sum becomes 0xffff.
  uint8_t* payload = boxed.packet.data + boxed.packet.size - 2;
  put16(payload, 0);
  put16(payload, 0xffff - slow_sum(boxed.packet.data + boxed.packet.csum_start, 10));
  CHECK(finish_checksum(boxed.packet));
  CHECK_EQ(get16(boxed.packet.data + boxed.packet.csum_start + 6), 0xffffu);
  CHECK(checksums_valid(boxed.packet));
  put16(boxed.packet.data + boxed.packet.csum_start + 6, 0);
  CHECK(checksums_valid(boxed.packet));
  Boxed v6 = partial({.version = 6, .proto = 17});
  put16(v6.packet.data + v6.packet.csum_start + 6, 0);
  CHECK(!checksums_valid(v6.packet));
}

TEST("an SCTP checksum is CRC32c, whatever the kernel calls it") {
  auto slow_crc32c = [](const uint8_t* p, size_t size) {
    uint32_t crc = ~0u;
    for (size_t i = 0; i < size * 8; i++) {
      const uint32_t bit = ((p[i / 8] >> (i % 8)) ^ crc) & 1;
      crc = (crc >> 1) ^ (bit ? 0x82f63b78u : 0);
    }
    return ~crc;
  };
  CHECK_EQ(slow_crc32c(reinterpret_cast<const uint8_t*>("123456789"), 9), 0xe3069283u);  // the published check value
  Boxed boxed = partial({.version = 4, .proto = 132, .payload = 40});
  const uint32_t l4 = boxed.packet.csum_start;
  const uint32_t want = slow_crc32c(boxed.packet.data + l4, boxed.packet.size - l4);  // its field is still zero
  CHECK(finish_checksum(boxed.packet));
  uint32_t got = 0;
  memcpy(&got, boxed.packet.data + l4 + 8, 4);
  CHECK_EQ(got, want);
  CHECK(checksums_valid(boxed.packet));
  boxed.packet.data[l4 + 20] ^= 1;
  CHECK(!checksums_valid(boxed.packet));
}

TEST("a flipped bit anywhere in the IP packet is noticed") {
  for (const FrameSpec& shape : kShapes) {
    if (shape.version == 6) continue;  // no checksum over the IPv6 header itself
    Boxed boxed(build_frame(shape, true).bytes);
    const Frame frame = build_frame(shape, true);
    for (uint32_t i = frame.l3; i < boxed.packet.size; i++) {
      boxed.packet.data[i] ^= 0x04;
      if (checksums_valid(boxed.packet)) {
        printf("    byte %u of %s\n", i - frame.l3, describe(shape).c_str());
        CHECK(false);
      }
      boxed.packet.data[i] ^= 0x04;
    }
  }
}

TEST("an ICMP and an ICMPv6 message are verified, and fragments are left alone") {
  Bytes icmp = build_frame({.version = 4, .proto = 6, .payload = 0}, true).bytes;
  const uint32_t l3 = 14, l4 = 34;
  icmp.resize(l4 + 12);
  icmp[l3 + 9] = 1;
  put16(&icmp[l3 + 2], 32);
  put16(&icmp[l3 + 10], 0);
  put16(&icmp[l3 + 10], 0xffff & ~slow_sum(&icmp[l3], 20));
  const uint8_t echo[12] = {8, 0, 0, 0, 0, 1, 0, 2, 'a', 'b', 'c', 'd'};
  memcpy(&icmp[l4], echo, 12);
  put16(&icmp[l4 + 2], 0xffff & ~slow_sum(echo, 12));
  CHECK(checksums_valid(Boxed(icmp).packet));
  icmp[l4 + 9] ^= 1;
  CHECK(!checksums_valid(Boxed(icmp).packet));
  put16(&icmp[l3 + 6], 0x2000);  // more fragments
  put16(&icmp[l3 + 10], 0);
  put16(&icmp[l3 + 10], 0xffff & ~slow_sum(&icmp[l3], 20));
  CHECK(checksums_valid(Boxed(icmp).packet));

  Frame v6 = build_frame({.version = 6, .proto = 17, .payload = 4}, true);
  v6.bytes[v6.l3 + 6] = 58;
  uint8_t* l4v6 = &v6.bytes[v6.l4];
  l4v6[0] = 128;
  l4v6[1] = 0;
  put16(l4v6 + 2, 0);
  put16(l4v6 + 2, 0xffff & ~slow_sum(l4v6, 12, slow_pseudo(v6, 6, 58, 12)));
  CHECK(checksums_valid(Boxed(v6.bytes).packet));
  l4v6[8] ^= 0x80;
  CHECK(!checksums_valid(Boxed(v6.bytes).packet));
}

TEST("segments are what a plain re-implementation builds: lengths, ids, sequence numbers, flags, checksums") {
  for (const FrameSpec& shape : kShapes) {
    for (uint32_t payload : {0u, 1u, 1399u, 1400u, 1401u, 2800u, 5555u, 64000u}) {
      for (uint8_t flags : {0x10, 0x99, 0x19}) {
        FrameSpec spec = shape;
        spec.payload = payload;
        spec.tcp_flags = flags;
        const uint16_t size = payload == 5555 ? 555 : 1400;
        Boxed boxed = gso(spec, size);
        int count = 0;
        const std::vector<Bytes> got = cut(boxed.packet, &count), want = plain_segments(spec, size);
        CHECK_EQ(static_cast<size_t>(count), want.size());
        CHECK(got == want);
        if (check_failures()) return (void)printf("    %s\n", describe(spec).c_str());
      }
    }
  }
}

TEST("a GSO frame whose checksum is not partial gets right checksums too") {
  FrameSpec spec{.version = 4, .proto = 6, .payload = 5000};
  Boxed boxed = gso(spec, 1000);
  boxed.packet.csum_partial = false;
  int count = 0;
  CHECK(cut(boxed.packet, &count) == plain_segments(spec, 1000));
}

TEST("Ethernet padding behind the IP packet is in no segment") {
  FrameSpec spec{.version = 4, .proto = 6, .payload = 3000};
  Bytes padded = build_frame(spec, false).bytes;
  padded.insert(padded.end(), 10, 0xee);
  Boxed boxed(padded);
  boxed.packet.gso_size = 1000;
  boxed.packet.gso_type = GsoType::tcp4;
  boxed.packet.csum_partial = true;
  boxed.packet.csum_start = 34;
  boxed.packet.csum_offset = 16;
  int count = 0;
  CHECK(cut(boxed.packet, &count) == plain_segments(spec, 1000));
}

TEST("a GSO frame that does not fit its type is refused") {
  int count = 0;
  Boxed tcp = gso({.version = 4, .proto = 6, .payload = 5000}, 1000);
  for (GsoType wrong : {GsoType::tcp6, GsoType::udp4, GsoType::none}) {
    tcp.packet.gso_type = wrong;
    cut(tcp.packet, &count);
    CHECK_EQ(count, -1);
  }
  tcp.packet.gso_type = GsoType::tcp4;
  tcp.packet.csum_start = 30;
  cut(tcp.packet, &count);
  CHECK_EQ(count, -1);
  tcp.packet.csum_start = 34;
  cut(tcp.packet, &count, kHeadroom + 1000);  // a scratch too small for one segment
  CHECK_EQ(count, -1);
  tcp.packet.gso_size = 1;                    // 5000 segments: more than kMaxSegments
  cut(tcp.packet, &count);
  CHECK_EQ(count, -1);
  tcp.packet.gso_size = 0;
  cut(tcp.packet, &count);
  CHECK_EQ(count, -1);
}

TEST("hostile checksum offsets leave the frame untouched") {
  for (uint32_t start : {0u, 13u, 34u, 152u, 153u, 154u, 0xfffeu, 0xffffu}) {
    for (uint32_t offset : {0u, 6u, 16u, 119u, 120u, 0xffffu}) {
      const Bytes before = build_frame({.payload = 100}, false).bytes;
      Boxed boxed(before);
      boxed.packet.csum_partial = true;
      boxed.packet.csum_start = static_cast<uint16_t>(start);
      boxed.packet.csum_offset = static_cast<uint16_t>(offset);
      const bool inside = start < before.size() && start + offset + 2 <= before.size();
      CHECK_EQ(finish_checksum(boxed.packet), inside);
      if (!inside) CHECK(boxed.bytes() == before && boxed.packet.csum_partial);
    }
  }
}

TEST("a virtio header survives the way to a packet and back, and a lying one is refused") {
  Boxed boxed = gso({.version = 6, .proto = 6, .tcp_options = 12, .payload = 3000}, 1000);
  boxed.packet.gso_ecn = true;
  VnetHeader header;
  vnet_from_packet(boxed.packet, header);
  CHECK_EQ(header.hdr_len, 14 + 40 + 32);
  Packet back;
  back.data = boxed.packet.data;
  back.size = boxed.packet.size;
  CHECK(vnet_to_packet(header, back));
  CHECK(back.csum_partial && back.csum_start == 54 && back.csum_offset == 16);
  CHECK(back.gso_type == GsoType::tcp6 && back.gso_size == 1000 && back.gso_ecn);

  auto refused = [&](auto change) {
    VnetHeader h = header;
    change(h);
    const bool ok = vnet_to_packet(h, back);
    return !ok && !back.csum_partial && back.gso_type == GsoType::none && back.gso_size == 0;
  };
  CHECK(refused([](VnetHeader& h) { h.csum_start = 0xffff; }));
  CHECK(refused([](VnetHeader& h) { h.csum_offset = 0xffff; }));
  CHECK(refused([](VnetHeader& h) { h.csum_start = 3; }));
  CHECK(refused([&](VnetHeader& h) { h.csum_start = static_cast<uint16_t>(boxed.packet.size - 17); }));
  CHECK(refused([](VnetHeader& h) { h.gso_size = 0; }));
  CHECK(refused([](VnetHeader& h) { h.gso_type = 3; }));   // UFO, which we never offered
  CHECK(refused([](VnetHeader& h) { h.gso_type = 77; }));
  CHECK(refused([](VnetHeader& h) { h.flags = 0; }));      // GSO without a checksum to finish
  CHECK(refused([](VnetHeader& h) { h.csum_offset = 6; })); // TCP's checksum is not there
}

TEST("random and mutated frames with random offloads never read or write outside the frame") {
  const uint32_t seed = getenv("SEED") ? static_cast<uint32_t>(atoi(getenv("SEED"))) : 20240601;
  printf("(seed %u) ", seed);
  std::mt19937 random(seed);
  int cuts = 0, refusals = 0;
  for (int round = 0; round < 60000; round++) {
    FrameSpec spec = kShapes[random() % std::size(kShapes)];
    spec.payload = random() % 300;
    Bytes bytes = build_frame(spec, false).bytes;
    for (int flips = static_cast<int>(random() % 4); flips > 0; flips--) {
      const uint32_t range = random() % 2 ? std::min<uint32_t>(80, bytes.size()) : bytes.size();
      bytes[random() % range] = static_cast<uint8_t>(random());
    }
    if (random() % 4 == 0) bytes.resize(random() % (bytes.size() + 1));
    Boxed boxed(bytes);
    VnetHeader header{};
    header.flags = static_cast<uint8_t>(random() % 4);
    header.gso_type = static_cast<uint8_t>(random() % 3 ? (const uint8_t[]){1, 4, 5, 0x81}[random() % 4] : random());
    header.gso_size = static_cast<uint16_t>(random() % 3 ? 1 + random() % 200 : random());
    header.csum_start = static_cast<uint16_t>(random() % 3 ? 34 + 20 * (random() % 2) : random());
    header.csum_offset = static_cast<uint16_t>(random() % 3 ? (random() % 2 ? 16 : 6) : random());
    vnet_to_packet(header, boxed.packet);
    vnet_from_packet(boxed.packet, header);
    if (random() % 4 == 0) {  // metadata that did not come through vnet_to_packet's checks
      boxed.packet.gso_type = static_cast<GsoType>(random() % 4);
      boxed.packet.gso_size = static_cast<uint16_t>(random() % 100);
      boxed.packet.csum_partial = random() % 2;
      boxed.packet.csum_start = static_cast<uint16_t>(random());
      boxed.packet.csum_offset = static_cast<uint16_t>(random());
    }
    int count = 0;
    uint32_t room = kHeadroom + 1 + random() % 600;
    std::unique_ptr<uint8_t[]> scratch(new uint8_t[room]);
    int emitted = 0;
    count = segment_gso(boxed.packet, scratch.get(), room, [&](Packet& s) {
      emitted++;
      CHECK(s.size <= room - kHeadroom);
    });
    CHECK(count == -1 ? emitted == 0 : count == emitted);
    count == -1 ? refusals++ : cuts++;
    checksums_valid(boxed.packet);
    finish_checksum(boxed.packet);
  }
  CHECK(cuts > 1000 && refusals > 1000);
}

TEST_MAIN()
