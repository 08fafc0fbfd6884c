// SPDX-License-Identifier: Apache-2.0
#include "cli/text_format.h"

#include <gtest/gtest.h>

#include <clocale>

namespace iris::cli {
namespace {

TEST(TextFormat, BytesInBinaryUnits) {
  const std::pair<std::uint64_t, const char*> cases[] = {
      {0, "0 B"},           {1023, "1023 B"},           {1024, "1.0 KiB"},          {1229, "1.2 KiB"},
      {102'297, "99.9 KiB"}, {102'400, "100 KiB"},      {1'048'063, "1023 KiB"},    {1'048'064, "1.0 MiB"},
      {1ULL << 30, "1.0 GiB"}, {UINT64_MAX, "16.0 EiB"},
  };
  for (const auto& [bytes, text] : cases) EXPECT_EQ(human_bytes(bytes), text) << bytes;
}

TEST(TextFormat, Durations) {
  Terminal terminal;
  const std::pair<std::uint64_t, const char*> cases[] = {
      {0, "0 µs"},           {999, "999 µs"},          {1000, "1.0 ms"},           {12'340, "12.3 ms"},
      {999'499, "999 ms"},   {999'500, "1.0 s"},       {59'940'000, "59.9 s"},     {59'950'000, "1 min 0 s"},
      {182'000'000, "3 min 2 s"}, {10'920'000'000, "3 h 2 min"}, {183'600'000'000, "2 d 3 h"},
  };
  for (const auto& [us, text] : cases) EXPECT_EQ(human_duration(us, terminal), text) << us;
  terminal.utf8 = false;
  EXPECT_EQ(human_duration(5, terminal), "5 us");
}

TEST(TextFormat, Counts) {
  EXPECT_EQ(human_count(0), "0");
  EXPECT_EQ(human_count(999), "999");
  EXPECT_EQ(human_count(1000), "1,000");
  EXPECT_EQ(human_count(1'234'567), "1,234,567");
}

TEST(TextFormat, NothingReachesTheTerminalButText) {
  EXPECT_EQ(printable("a\x1b[2Jb"), "a\xef\xbf\xbd[2Jb");
  EXPECT_EQ(printable("a\nb\tc\x7f"), "a\xef\xbf\xbd" "b\xef\xbf\xbd" "c\xef\xbf\xbd");
  EXPECT_EQ(printable("\xc2\x9b"), "\xef\xbf\xbd") << "C1 escape";
  EXPECT_EQ(printable("\xe2\x80\xae"), "\xef\xbf\xbd") << "right-to-left override";
  EXPECT_EQ(printable("\xff"), "\xef\xbf\xbd");
  EXPECT_EQ(printable("h\xc3\xbcgel \xe6\xb0\xb4"), "h\xc3\xbcgel \xe6\xb0\xb4");
}

TEST(TextFormat, WidthIsInColumns) {
  ASSERT_NE(std::setlocale(LC_CTYPE, "C.UTF-8"), nullptr);
  EXPECT_EQ(display_width("h\xc3\xbcgel"), 5U);
  EXPECT_EQ(display_width("\xe6\xb0\xb4"), 2U) << "wide";
  EXPECT_EQ(display_width("e\xcc\x81"), 1U) << "combining";
  EXPECT_EQ(cut_to_width("h\xc3\xbcgel", 2), "h\xc3\xbc");
  EXPECT_EQ(cut_to_width("a\xe6\xb0\xb4", 2), "a");
  std::setlocale(LC_CTYPE, "C");
}

TEST(TextFormat, OwnersByNameBeforeId) {
  flow::Owner owner;
  const auto name = [&owner] { return owner_name(std::make_shared<const flow::Owner>(owner)); };
  EXPECT_EQ(owner_name(nullptr), "unknown");
  EXPECT_EQ(name(), "unknown");
  owner.cgroup_id = 77;
  EXPECT_EQ(name(), "cgroup 77");
  owner.container_id = "0123456789abcdef0123";
  EXPECT_EQ(name(), "0123456789ab");
  owner.name = "modbus1";
  EXPECT_EQ(name(), "modbus1");
  owner.module_id = "modbus";
  EXPECT_EQ(name(), "modbus");
}

TEST(TextFormat, EndpointsOfBothFamilies) {
  EXPECT_EQ(endpoint(*base::IpAddress::parse("198.51.100.7"), 502), "198.51.100.7:502");
  EXPECT_EQ(endpoint(*base::IpAddress::parse("2001:db8::1"), 502), "[2001:db8::1]:502");
  EXPECT_EQ(endpoint(*base::IpAddress::parse("2001:db8::1"), 0), "2001:db8::1");
}

TEST(TextFormat, TheLedgerInWords) {
  flow::Ledger ledger;
  EXPECT_EQ(ledger_words(ledger), "complete");
  ledger.dropped = {{"decode", 0}};
  EXPECT_EQ(ledger_words(ledger), "complete");
  ledger.dropped = {{"decode", 2}, {"ring_full", 1003}};
  EXPECT_EQ(ledger_words(ledger), "1,005 lost: decode 2, ring_full 1,003");
  ledger.dropped.clear();
  ledger.folded = 4;
  EXPECT_EQ(ledger_words(ledger), "complete; 4 folded into coarser flows");
}

}  // namespace
}  // namespace iris::cli
