// SPDX-License-Identifier: Apache-2.0
#include "identity/token_expiry.h"

#include <gmock/gmock.h>

namespace iris::identity {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kStart = 1'893'553'445 * kSecond;

flow::SecurityRecord refused(std::uint64_t second, const std::string& device = "d1", const std::string& code = "401003") {
  flow::SecurityRecord record;
  record.wall_ns = kStart + second * kSecond;
  record.device_id = device;
  record.code = code;
  record.hub = "hub";
  return record;
}

LogReading connect(std::uint64_t second, const std::string& device = "d1", const std::string& hub = "hub") { return {{}, {{kStart + second * kSecond, device, "", hub}}, {}}; }
LogReading refusal(std::uint64_t second, const std::string& device = "d1", const std::string& code = "401003") { return {{refused(second, device, code)}, {}, {}}; }

/// "device@second reason severity"
std::vector<std::string> shown(const std::vector<flow::SecurityRecord>& records) {
  std::vector<std::string> out;
  for (const auto& one : records) {
    out.push_back(one.device_id + "@" + std::to_string((one.wall_ns - kStart) / kSecond) + " " + flow::to_string(one.reason) + " " + std::to_string(one.severity));
  }
  return out;
}

TEST(TokenExpiry, AReconnectExplainsTheRefusal) {
  TokenExpiryFilter filter;
  EXPECT_THAT(filter.take(refusal(0), 7), IsEmpty());
  EXPECT_EQ(filter.oldest_held_position(), 7U);
  EXPECT_THAT(filter.take(connect(20, "d2"), 8), IsEmpty());
  EXPECT_THAT(filter.take(connect(20, "d1", "other"), 8), IsEmpty()) << "of another hub";
  EXPECT_THAT(shown(filter.take(connect(60), 9)), ElementsAre("d1@0 token_expired 1"));
  EXPECT_EQ(filter.oldest_held_position(), std::nullopt);
}

TEST(TokenExpiry, WithoutOneItStaysWhatItIs) {
  TokenExpiryFilter filter;
  filter.take(refusal(0), 1);
  EXPECT_THAT(filter.take(connect(61), 2), IsEmpty()) << "too late, but others may come out of order";
  EXPECT_THAT(filter.take(refusal(90, "d2", "404001"), 3), SizeIs(1));
  EXPECT_THAT(shown(filter.take(refusal(91, "d2", "404001"), 4)), ElementsAre("d2@91 unauthorized 3", "d1@0 unauthorized 3"));
  EXPECT_EQ(filter.held(), 0U);
}

TEST(TokenExpiry, OrderOfArrivalDoesNotMatter) {
  TokenExpiryFilter filter;
  EXPECT_THAT(filter.take(connect(30), 1), IsEmpty());
  EXPECT_THAT(shown(filter.take(refusal(0), 2)), ElementsAre("d1@0 token_expired 1"));
  EXPECT_THAT(filter.take(refusal(31), 3), IsEmpty()) << "after the connect";
  EXPECT_THAT(shown(filter.flush()), ElementsAre("d1@31 unauthorized 3"));
  LogReading both = refusal(40);
  both.connects = connect(50).connects;
  EXPECT_THAT(shown(filter.take(both, 4)), ElementsAre("d1@40 token_expired 1")) << "in one event";
}

TEST(TokenExpiry, OthersGoThroughAtOnce) {
  TokenExpiryFilter filter;
  EXPECT_THAT(filter.take(refusal(0, "d1", "401002"), 1), SizeIs(1));
  EXPECT_THAT(filter.take(refusal(0, ""), 1), SizeIs(1)) << "nobody can come back for it";
  EXPECT_THAT(filter.flush(), IsEmpty());
}

TEST(TokenExpiry, NeverLosesARecordAndStaysBounded) {
  TokenExpiryFilter filter;
  std::size_t released = 0;
  std::size_t explained = 0;
  const std::size_t count = 3 * TokenExpiryFilter::kMaxHeld;
  for (std::size_t i = 0; i < count; ++i) {
    for (const auto& one : filter.take(refusal(0, "d" + std::to_string(i)), i)) {
      ++released;
      EXPECT_EQ(one.device_id, "d" + std::to_string(released - 1)) << "the oldest first";
    }
    EXPECT_LE(filter.held(), TokenExpiryFilter::kMaxHeld);
  }
  EXPECT_EQ(filter.oldest_held_position(), count - TokenExpiryFilter::kMaxHeld);
  for (std::size_t i = 0; i < 2 * TokenExpiryFilter::kMaxConnects; ++i) {
    for (const auto& one : filter.take(connect(1, "d" + std::to_string(i)), count)) {
      ++released;
      explained += one.reason == flow::SecurityReason::token_expired ? 1 : 0;
    }
  }
  EXPECT_EQ(explained, TokenExpiryFilter::kMaxHeld);
  released += filter.flush().size();
  EXPECT_EQ(released, count);
}

TEST(TokenExpiry, OddTimes) {
  TokenExpiryFilter filter;
  flow::SecurityRecord none = refused(0);
  none.wall_ns = 0;
  filter.take({{none}, {}, {}}, 1);
  EXPECT_THAT(filter.take(connect(0), 2), SizeIs(1)) << "long ago";
  filter.take({{refused(0)}, {{0, "d1", "", "hub"}, {UINT64_MAX, "d1", "", "hub"}}, {}}, 3);
  EXPECT_EQ(filter.held(), 0U);
}

}  // namespace
}  // namespace iris::identity
