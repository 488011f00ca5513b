// Token buckets by a clock of our own: who passes, who pays, what is counted. Part of core_test.
#include "check.h"
#include "meters.h"

namespace pw {
namespace {

constexpr uint64_t kMs = 1'000'000, kSecond = 1000 * kMs;

// How many of `n` frames of `size` bytes pass at once.
int passing(Meters& meters, int n, uint32_t size, uint64_t now) {
  int passed = 0;
  for (int i = 0; i < n; i++) passed += meters.pass(1, size, now);
  return passed;
}

TEST("meters: packets pass until the bucket is empty, and again as it fills") {
  Meters meters;
  meters.put(1, {.is_kbps = false, .bands = {{.rate = 10, .burst = 5}}}, kSecond);
  CHECK_EQ(passing(meters, 9, 60, kSecond), 5);
  CHECK_EQ(passing(meters, 3, 60, kSecond + 99 * kMs), 0);
  CHECK_EQ(passing(meters, 3, 60, kSecond + 100 * kMs), 1);
  CHECK_EQ(passing(meters, 9, 60, kSecond + 400 * kMs), 3);
  // It does not fill over its edge, however long nobody comes.
  CHECK_EQ(passing(meters, 9, 60, 5000 * kSecond), 5);
}

TEST("meters: kilobits are of whole frames; a frame that does not fit leaves what is there to a smaller one") {
  Meters meters;
  meters.put(1, {.is_kbps = true, .bands = {{.rate = 8, .burst = 20}}}, 0);
  CHECK_EQ(passing(meters, 9, 1000, 0), 2);   // 16 of 20 kilobits
  CHECK_EQ(passing(meters, 9, 500, 0), 1);    // the other 4
  CHECK_EQ(passing(meters, 9, 1000, 999 * kMs), 0);
  CHECK_EQ(passing(meters, 9, 1000, 1000 * kMs), 1);
}

TEST("meters: of several bands that are exceeded, the one with the highest rate drops and counts") {
  Meters meters;
  meters.put(1, {.is_kbps = false, .bands = {{.rate = 1, .burst = 1}, {.rate = 9, .burst = 3}}}, 0);
  CHECK_EQ(passing(meters, 5, 100, 0), 1);
  MeterStats stats;
  CHECK(meters.stats(1, &stats));
  CHECK_EQ(stats.packets, 5u);
  CHECK_EQ(stats.bytes, 500u);
  CHECK_EQ(stats.bands[0].packets, 2u);  // while the second had two more to give
  CHECK_EQ(stats.bands[1].packets, 2u);
  CHECK_EQ(stats.bands[1].bytes, 200u);
}

TEST("meters: one without bands, and one that is not there, let everything pass") {
  Meters meters;
  meters.put(1, {}, 0);
  CHECK_EQ(passing(meters, 5, 100, 0), 5);
  CHECK(meters.remove(1));
  CHECK(!meters.remove(1));
  CHECK_EQ(passing(meters, 5, 100, 0), 5);
  MeterStats stats;
  CHECK(!meters.stats(1, &stats));
}

TEST("meters: other bands begin with full buckets and counts of 0") {
  Meters meters;
  meters.put(1, {.is_kbps = false, .bands = {{.rate = 1, .burst = 2}}}, 0);
  CHECK_EQ(passing(meters, 5, 100, 0), 2);
  meters.put(1, {.is_kbps = false, .bands = {{.rate = 1, .burst = 3}}}, 0);
  CHECK_EQ(passing(meters, 5, 100, 0), 3);
  MeterStats stats;
  CHECK(meters.stats(1, &stats));
  CHECK_EQ(stats.packets, 5u);
}

}  // namespace
}  // namespace pw
