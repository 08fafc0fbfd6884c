// SPDX-License-Identifier: Apache-2.0
#include "cli/table.h"

#include <gtest/gtest.h>

#include "cli/text_format.h"

namespace iris::cli {
namespace {

std::string shown(std::vector<Column> columns, const std::vector<Row>& rows, Terminal terminal) {
  Table table(std::move(columns), terminal);
  for (const auto& row : rows) table.measure(row);
  std::string out;
  table.append_header(out);
  for (const auto& row : rows) table.append_row(out, row);
  return out;
}

const std::vector<Column> kColumns{{.title = "NAME", .shortest = 4},
                                   {.title = "N", .right = true},
                                   {.title = "EXTRA", .drop_order = 1},
                                   {.title = "LAST"}};

TEST(Table, AlignsAndLeavesNoBlanksAtTheEnd) {
  EXPECT_EQ(shown(kColumns, {{{"a"}, {"1"}, {"x"}, {"why"}}, {{"longer"}, {"1234"}, {"y"}, {""}}}, {}),
            "NAME       N  EXTRA  LAST\n"
            "a          1  x      why\n"
            "longer  1234  y\n");
}

TEST(Table, ShortensThenLeavesOut) {
  const std::vector<Row> rows{{{"abcdefghij"}, {"12"}, {"extra"}, {"z"}}};
  Terminal terminal;
  terminal.width = 24;
  EXPECT_EQ(shown(kColumns, rows, terminal),
            "NAME      N  EXTRA  LAST\n"
            "abcdef…  12  extra  z\n");
  terminal.width = 19;
  EXPECT_EQ(shown(kColumns, rows, terminal),
            "NAME   N  LAST\n"
            "abc…  12  z\n");
}

TEST(Table, KeepsTheTailOfWhatItCuts) {
  Terminal terminal;
  terminal.width = 10;
  const std::string text = shown({{.title = "PEER", .shortest = 8}, {.title = ""}}, {{{"very-long-name.example", Color::none, false, ":443"}, {"x"}}}, terminal);
  EXPECT_NE(text.find("ver…:443  x"), std::string::npos) << text;
}

TEST(Table, NeverCutsAnAddress) {
  const std::string address = "[2001:db8:1111:2222:3333:4444:5555:6666]:65535";
  Terminal terminal;
  terminal.width = 30;
  const std::string text = shown({{.title = "PEER", .shortest = 8, .longest = 20}, {.title = "LAST"}}, {{{address, Color::none, true}, {"refused"}}}, terminal);
  EXPECT_NE(text.find(address + "  refused"), std::string::npos) << text;
}

TEST(Table, ColoursDoNotDisturbTheColumns) {
  Terminal terminal;
  terminal.color = true;
  EXPECT_EQ(shown({{.title = "A"}, {.title = "B"}}, {{{"xyz", Color::red}, {"1"}}}, terminal),
            "\x1b[1mA\x1b[0m    \x1b[1mB\x1b[0m\n\x1b[31mxyz\x1b[0m  1\n");
}

}  // namespace
}  // namespace iris::cli
