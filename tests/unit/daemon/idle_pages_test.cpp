// SPDX-License-Identifier: Apache-2.0
#include "daemon/idle_pages.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <span>
#include <string>

#include "base/unique_fd.h"

namespace iris::daemon {
namespace {

constexpr std::size_t kPages = 16;

class IdlePagesTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string path = "/tmp/iris-idle-pages-XXXXXX";
    file_ = base::UniqueFd(mkstemp(path.data()));
    ASSERT_TRUE(file_);
    unlink(path.c_str());
    const std::string text(size_, 'x');
    ASSERT_EQ(write(file_.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  std::span<char> map(int protection, int flags) {
    void* at = mmap(nullptr, size_, protection, flags, file_.get(), 0);
    EXPECT_NE(at, MAP_FAILED);
    return {static_cast<char*>(at), size_};
  }
  bool all(std::span<const char> bytes, char wanted) const {
    return std::all_of(bytes.begin(), bytes.end(), [wanted](char byte) { return byte == wanted; });
  }
  /// Of the mapping that begins there.
  static std::size_t resident_kib(const void* at) {
    FILE* file = std::fopen("/proc/self/smaps", "r");
    char line[512];
    bool here = false;
    std::size_t kib = 0;
    while (std::fgets(line, sizeof(line), file) != nullptr) {
      std::uintptr_t start = 0;
      std::uintptr_t end = 0;
      if (std::sscanf(line, "%lx-%lx ", &start, &end) == 2) here = start == reinterpret_cast<std::uintptr_t>(at);
      if (here && std::sscanf(line, "Rss: %zu kB", &kib) == 1) break;
    }
    std::fclose(file);
    return kib;
  }

  const std::size_t size_ = kPages * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  base::UniqueFd file_;
};

TEST_F(IdlePagesTest, WhatWasOnlyReadIsGivenBackAndComesAgain) {
  const auto bytes = map(PROT_READ, MAP_PRIVATE);
  ASSERT_TRUE(all(bytes, 'x'));
  ASSERT_EQ(resident_kib(bytes.data()) * 1024, size_);
  const auto dropped = drop_idle_pages();
  ASSERT_TRUE(dropped);
  EXPECT_GE(*dropped, size_);
  EXPECT_EQ(resident_kib(bytes.data()), 0u);
  EXPECT_TRUE(all(bytes, 'x'));
  munmap(bytes.data(), size_);
}

TEST_F(IdlePagesTest, WhatWasWrittenStays) {
  const auto relocated = map(PROT_READ | PROT_WRITE, MAP_PRIVATE);
  relocated[3] = 'y';
  ASSERT_EQ(mprotect(relocated.data(), size_, PROT_READ), 0);  // as the loader does with relocations
  const auto writable = map(PROT_READ | PROT_WRITE, MAP_PRIVATE);
  std::fill(writable.begin(), writable.end(), 'z');
  const auto shared = map(PROT_READ, MAP_SHARED);
  ASSERT_TRUE(all(shared, 'x'));
  ASSERT_TRUE(drop_idle_pages());
  EXPECT_EQ(relocated[3], 'y');
  EXPECT_TRUE(all(writable, 'z'));
  EXPECT_GT(resident_kib(shared.data()), 0u);  // as a ring that the kernel writes
  for (const auto bytes : {relocated, writable, shared}) munmap(bytes.data(), size_);
}

}  // namespace
}  // namespace iris::daemon
