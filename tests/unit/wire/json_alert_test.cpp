// SPDX-License-Identifier: Apache-2.0
#include "wire/json_alert.h"

#include <gtest/gtest.h>

#include "wire/alert_text.h"

namespace iris::wire {
namespace {

constexpr std::uint64_t kTime = 1'767'323'045'000'000'000;  // 2026-01-02T03:04:05Z

TEST(AlertHead, SaysWhatIsKnown) {
  const auto head = read_alert_head(R"({"type":"alert","id":"a-1","severity":4,"last_time":"2026-01-02T03:04:05.000000001Z"})");
  ASSERT_TRUE(head) << head.error().message;
  EXPECT_EQ(head->id, "a-1");
  EXPECT_EQ(head->severity, 4);
  EXPECT_EQ(head->last_wall_ns, kTime + 1);
  for (const auto* strange : {R"({"type":"alert","id":"a"})", R"({"type":"alert","id":"a","severity":"4","last_time":5})",
                              R"({"type":"alert","id":"a","severity":99,"last_time":"soon"})",
                              R"({"type":"alert","id":"a","severity":-1})"}) {
    const auto bare = read_alert_head(strange);
    ASSERT_TRUE(bare) << strange;
    EXPECT_EQ(bare->severity, 0);
    EXPECT_EQ(bare->last_wall_ns, 0U);
  }
}

TEST(AlertHead, WhatIsNoAlertIsRefusedAndNotQuoted) {
  const std::vector<std::string> refused{
      "",
      "secret",
      R"(["secret"])",
      R"({"type":"alert"})",
      R"({"type":"alert","id":""})",
      R"({"type":"alert","id":5})",
      R"({"type":"flow","id":"secret"})",
      R"({"type":"alert","id":"secret")",
      "{\"type\":\"alert\",\n\"id\":\"secret\"}",
      "{\"type\":\"alert\",\"id\":\"secret\",\"peer\":\"\xff\"}",
      R"({"type":"alert","id":")" + std::string(129, 's') + "\"}",
      R"({"type":"alert","id":"secret","peer":)" + std::string(20'000, '[') + std::string(20'000, ']') + "}",
      R"({"type":"alert","id":"secret","peer":")" + std::string(kMaxAlertBytes, 'x') + "\"}",
  };
  for (const auto& text : refused) {
    const auto head = read_alert_head(text);
    ASSERT_FALSE(head) << text.substr(0, 80);
    EXPECT_EQ(head.error().message.find("secret"), std::string::npos);
  }
}

TEST(ShortAlert, KeepsTheFirstOfTheEvidence) {
  EXPECT_EQ(short_alert(R"({"type":"alert","id":"a","evidence":[{"z":1,"a":2},{"n":3}],"count":7})"),
            R"({"type":"alert","id":"a","evidence":[{"z":1,"a":2}],"count":7})");
  EXPECT_EQ(short_alert("[]"), std::nullopt);
  EXPECT_EQ(short_alert("{"), std::nullopt);
}

TEST(ShortAlert, NeverLargerThanAGatewayTakes) {
  const std::string large(kMaxAlertBytes, 'x');
  EXPECT_EQ(short_alert(R"({"id":"a","device":{"id":"d","configuration":{"c":")" + large + R"("}},"evidence":[1]})"),
            R"({"id":"a","device":{"id":"d","configuration":null,"tags":null},"evidence":[]})");
  EXPECT_EQ(short_alert(R"({"id":"a","summary":")" + large + R"(","evidence":[]})"), std::nullopt);
}

TEST(AlertText, TwoLinesWithoutControlCharacters) {
  EXPECT_EQ(alert_text(R"({"type":"alert","id":"a-1","last_time":"2026-01-02T03:04:05.5Z","class":"lateral_movement",)"
                       R"("severity":4,"subject":"modbus1","peer":"198.51.100.7","summary":"tried\u001b[31m 40 ports",)"
                       R"("count":3,"status":"open"})",
                       false),
            "2026-01-02T03:04:05Z  high         lateral_movement      modbus1 -> 198.51.100.7  x3  open  a-1\n"
            "    tried?[31m 40 ports\n");
}

}  // namespace
}  // namespace iris::wire
