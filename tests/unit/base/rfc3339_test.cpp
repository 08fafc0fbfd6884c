// SPDX-License-Identifier: Apache-2.0
#include "base/rfc3339.h"

#include <gtest/gtest.h>

namespace iris::base {
namespace {

constexpr std::uint64_t kTime = 1'767'323'045'006'000'007;

TEST(Rfc3339, GoesBothWays) {
  EXPECT_EQ(format_rfc3339(kTime), "2026-01-02T03:04:05.006000007Z");
  EXPECT_EQ(parse_rfc3339("2026-01-02T03:04:05.006000007Z"), kTime);
  EXPECT_EQ(parse_rfc3339("2026-01-02T05:04:05.006000007+02:00"), kTime);
  EXPECT_EQ(format_rfc3339(0), "1970-01-01T00:00:00Z");
}

TEST(Rfc3339, RefusesWhatIsNoTime) {
  for (const char* text : {"", "yesterday", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z", "2026-01-01T24:00:00Z",
                           "2026-01-01T00:00:00", "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00.1234567890Z",
                           "2026-01-01T00:00:00Zx", "1969-12-31T23:59:59Z", "9999-01-01T00:00:00Z",
                           "2026-01-01T00:00:00+99:00"}) {
    EXPECT_FALSE(parse_rfc3339(text)) << text;
  }
}

}  // namespace
}  // namespace iris::base
