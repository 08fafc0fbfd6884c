// SPDX-License-Identifier: Apache-2.0
#include "emulators/iot_hub/continuation.h"

#include <gmock/gmock.h>

namespace iris::iot_hub_emulator {
namespace {

using namespace std::string_literals;

TEST(Continuation, GivesBackThePosition) {
  const Continuations continuations;
  for (const auto& position : {""s, "7:gw1"s, "7:gw1\0$edgeAgent"s, "\xff\r\n"s}) {
    const auto token = continuations.make("query", position);
    EXPECT_EQ(continuations.read("query", token), position);
  }
}

TEST(Continuation, FitsAHeaderAndIsNasty) {
  const auto token = Continuations().make("query", "7:gw1\r\n");
  for (const char c : token) EXPECT_TRUE(c >= ' ' && c <= '~') << static_cast<int>(c);
  for (const char* nasty : {"\"", "'", "%2F", "\\", "+", "=", ";", " ", "{", "["}) EXPECT_THAT(token, testing::HasSubstr(nasty));
}

TEST(Continuation, AnyChangeBreaksIt) {
  const Continuations continuations;
  const auto token = continuations.make("query", "7:gw1");
  EXPECT_FALSE(continuations.read("another query", token));
  EXPECT_FALSE(Continuations().read("query", token));
  for (std::size_t i = 0; i < token.size(); ++i) {
    auto changed = token;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(continuations.read("query", changed)) << i;
    EXPECT_FALSE(continuations.read("query", token.substr(0, i))) << i;
  }
  EXPECT_FALSE(continuations.read("query", token + " "));
  EXPECT_FALSE(continuations.read("query", ""));
}

}  // namespace
}  // namespace iris::iot_hub_emulator
