// SPDX-License-Identifier: Apache-2.0
#include "notify/syslog_frame.h"

#include <gtest/gtest.h>

namespace iris::notify {
namespace {

constexpr std::uint64_t kTime = 1'793'613'600'123'456'789;  // 2026-11-02T10:00:00Z

SyslogHeader header() { return {16, 4, kTime, "gw-17.example.net", "command_and_control"}; }

TEST(SyslogFrame, TheNewHeader) {
  EXPECT_EQ(syslog_message(SyslogFormat::rfc5424, header(), "CEF:0|x", 2048),
            "<131>1 2026-11-02T10:00:00.123Z gw-17.example.net iris - command_and_control - CEF:0|x");
  EXPECT_EQ(syslog_message(SyslogFormat::rfc5424, {}, "CEF:0|x", 2048), "<132>1 - - iris - - - CEF:0|x");
}

TEST(SyslogFrame, TheOldHeader) {
  EXPECT_EQ(syslog_message(SyslogFormat::rfc3164, header(), "CEF:0|x", 2048), "<131>Nov  2 10:00:00 gw-17.example.net CEF:0|x");
}

TEST(SyslogFrame, PriorityIsFacilityAndSeverity) {
  const std::pair<int, const char*> cases[] = {{1, "<30>"}, {2, "<29>"}, {3, "<28>"}, {4, "<27>"}, {5, "<26>"}, {9, "<26>"}};
  for (const auto& [severity, priority] : cases) {
    auto one = header();
    one.facility = *syslog_facility("daemon");
    one.severity = severity;
    EXPECT_TRUE(syslog_message(SyslogFormat::rfc5424, one, "", 2048).starts_with(priority)) << severity;
  }
}

TEST(SyslogFrame, ForeignNamesStayInTheirField) {
  auto one = header();
  one.host = "gw 17\n<0>\u00e4";
  one.message_id = std::string(40, 'm');
  EXPECT_EQ(syslog_message(SyslogFormat::rfc5424, one, "x", 2048),
            "<131>1 2026-11-02T10:00:00.123Z gw_17_<0>__ iris - " + std::string(32, 'm') + " - x");
  one.host = std::string(300, 'h');
  const auto message = syslog_message(SyslogFormat::rfc5424, one, "", 2048);
  EXPECT_NE(message.find(" " + std::string(255, 'h') + " "), std::string::npos);
  EXPECT_LE(message.size(), kMaxSyslogHeaderBytes);
}

TEST(SyslogFrame, CutIsBetweenCharactersAndEscapes) {
  const auto cut = [](const std::string& content, std::size_t bytes) {
    const auto base = syslog_message(SyslogFormat::rfc5424, header(), "", 2048).size();
    return syslog_message(SyslogFormat::rfc5424, header(), content, base + bytes).substr(base);
  };
  EXPECT_EQ(cut("abcd", 4), "abcd");
  EXPECT_EQ(cut("abcd", 3), "abc");
  EXPECT_EQ(cut("ab\u00e4", 3), "ab");
  EXPECT_EQ(cut("ab\\=c", 3), "ab");      // half an escape
  EXPECT_EQ(cut("a\\\\bc", 3), "a\\\\");  // a whole one
  EXPECT_EQ(cut("\\\\\\\\", 3), "\\\\");
}

TEST(SyslogFrame, LengthsCountBytes) {
  EXPECT_EQ(framed(SyslogFraming::octet_counting, "a\u00e4"), "3 a\u00e4");
  EXPECT_EQ(framed(SyslogFraming::newline, "a\u00e4"), "a\u00e4\n");
}

TEST(SyslogFrame, FacilitiesByName) {
  EXPECT_EQ(syslog_facility("kern"), 0);
  EXPECT_EQ(syslog_facility("authpriv"), 10);
  EXPECT_EQ(syslog_facility("local7"), 23);
  EXPECT_EQ(syslog_facility("local8"), std::nullopt);
  EXPECT_EQ(syslog_facility(""), std::nullopt);
}

}  // namespace
}  // namespace iris::notify
