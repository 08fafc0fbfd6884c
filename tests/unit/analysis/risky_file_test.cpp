// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "analysis/risky_file.h"

namespace iris::analysis {
namespace {

TEST(RiskyFile, ToldOnceForEachStateOfTheFile) {
  std::string pattern = std::filesystem::temp_directory_path() / "iris-risky-XXXXXX";
  ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
  const auto path = std::filesystem::path(pattern) / "list";
  RiskyFile file(path);
  EXPECT_FALSE(file.read_if_changed());              // not there
  EXPECT_FALSE(file.read_if_changed()->has_value());  // told already
  std::ofstream(path) << "process xmrig high miner\n";
  auto list = file.read_if_changed();
  ASSERT_TRUE(list && *list);
  EXPECT_NE((*list)->match_process("/tmp/xmrig"), nullptr);
  EXPECT_FALSE(file.read_if_changed()->has_value());
  std::ofstream(path) << "process xmrig no-such-severity\n";
  EXPECT_FALSE(file.read_if_changed());
  std::filesystem::remove_all(pattern);
}

TEST(RiskyFile, NoneIsNoFault) {
  RiskyFile none("");
  EXPECT_FALSE(none.read_if_changed()->has_value());
}

TEST(RiskyFile, ADirectoryIsAFault) {
  RiskyFile file("/tmp");
  EXPECT_FALSE(file.read_if_changed());
}

}  // namespace
}  // namespace iris::analysis
