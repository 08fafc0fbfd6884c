// SPDX-License-Identifier: Apache-2.0
#include "symbolize/candidate_modules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace {

using iris::symbolize::candidate_modules;
using testing::Contains;
using testing::HasSubstr;

TEST(CandidateModules, OfALivingProcessAreItsExecutableMappings) {
  const auto paths = candidate_modules(static_cast<std::uint32_t>(getpid()), "", "");
  const std::string prefix = "/proc/" + std::to_string(getpid()) + "/root";
  EXPECT_THAT(paths, Contains(prefix + std::filesystem::read_symlink("/proc/self/exe").string()));
  EXPECT_THAT(paths, Contains(HasSubstr("libc.so")));
  for (const std::string& path : paths) EXPECT_TRUE(std::filesystem::exists(path)) << path;
}

TEST(CandidateModules, OfADeadOneAreUnderTheContainersRoot) {
  const auto root = std::filesystem::path(testing::TempDir()) / ("iris-candidates-" + std::to_string(getpid()));
  std::filesystem::create_directories(root / "lib64");
  std::ofstream(root / "lib64/libc.so.6") << "x";
  const auto paths = candidate_modules(0, root, "/bin/app");
  EXPECT_EQ(paths, (std::vector<std::string>{root.string() + "/bin/app", root.string() + "/lib64/libc.so.6"}));
  std::filesystem::remove_all(root);
}

TEST(CandidateModules, OfAnUnmountedOverlayAreInItsLayers) {
  const auto store = std::filesystem::path(testing::TempDir()) / ("iris-overlay-" + std::to_string(getpid()));
  for (const char* folder : {"top/diff/bin", "l/AA/bin", "l/BB/lib64"}) std::filesystem::create_directories(store / folder);
  std::ofstream(store / "top/lower") << "l/AA:l/BB";
  std::ofstream(store / "l/AA/bin/app") << "x";
  std::ofstream(store / "l/BB/lib64/libc.so.6") << "x";
  const auto paths = candidate_modules(0, store / "top/merged", "/bin/app");
  EXPECT_EQ(paths, (std::vector<std::string>{store.string() + "/l/AA/bin/app", store.string() + "/l/BB/lib64/libc.so.6"}));

  // Unmounted, but not yet removed.
  std::filesystem::create_directories(store / "top/merged");
  EXPECT_EQ(candidate_modules(0, store / "top/merged", "/bin/app"), paths);

  // Mounted: it comes first, and the layers are there if it goes before it is read.
  std::filesystem::create_directories(store / "top/merged/bin");
  std::ofstream(store / "top/merged/bin/app") << "x";
  const auto mounted = candidate_modules(0, store / "top/merged", "/bin/app");
  ASSERT_EQ(mounted.size(), 3U);
  EXPECT_EQ(mounted[0], store.string() + "/top/merged/bin/app");
  EXPECT_EQ(std::vector<std::string>(mounted.begin() + 1, mounted.end()), paths);
  std::filesystem::remove_all(store);
}

}  // namespace
