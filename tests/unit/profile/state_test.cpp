// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "observations.h"

namespace iris::profile {
namespace {

using namespace testing;

Profile taught() {
  Profile profile;
  const auto time = teach_routine(profile, 3);
  profile.learn_process("/usr/bin/modbusd", time, Lesson::normal);
  profile.learn_exit(flow::ExitClass::crash, true, time);
  profile.learn_hour(service_key(observe(outbound(time, "10.0.0.9", 502))), 1000, 2000);
  profile.learn(observe(outbound(time, "203.0.113.1", 50)), Lesson::suspicious);
  return profile;
}

TEST(State, ComesBackAsItWas) {
  const Profile before = taught();
  const auto bytes = before.save();
  const auto after = Profile::load(bytes);
  ASSERT_TRUE(after) << after.error().message;
  EXPECT_EQ(after->save(), bytes);
  EXPECT_EQ(after->maturity(), before.maturity());
  EXPECT_DOUBLE_EQ(after->novelty_bound(), before.novelty_bound());
  EXPECT_TRUE(after->assess(observe(outbound(kStart, "10.0.0.9", 502))).learned);
  EXPECT_TRUE(after->assess(observe(outbound(kStart, "203.0.113.1", 50))).quarantined);
  EXPECT_EQ(after->exits().by_class[static_cast<std::size_t>(flow::ExitClass::crash)], 1u);
}

TEST(State, LearnsOnAsIfNothingHadHappened) {
  Profile one = taught();
  Profile other = *Profile::load(one.save());
  for (auto* profile : {&one, &other}) teach_routine(*profile, 1, kStart + 4 * kDay);
  EXPECT_EQ(one.save(), other.save());
}

TEST(State, DamageIsAnErrorAndNeverMore) {
  const auto bytes = taught().save();
  for (std::size_t length = 0; length < bytes.size(); ++length)
    EXPECT_FALSE(Profile::load(std::string_view(bytes).substr(0, length)));
  EXPECT_FALSE(Profile::load(bytes + "x"));
  auto version = bytes;
  version[4] = 9;
  ASSERT_FALSE(Profile::load(version));
  EXPECT_NE(Profile::load(version).error().message.find("version 9"), std::string::npos);
  // Any flipped byte: an error or a profile, within bounds.
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    auto flipped = bytes;
    flipped[i] = static_cast<char>(flipped[i] ^ 0xff);
    const auto loaded = Profile::load(flipped);
    if (loaded) {
      EXPECT_LE(loaded->memory_bytes(), Profile::kMaxBytes);
    }
  }
}

}  // namespace
}  // namespace iris::profile
