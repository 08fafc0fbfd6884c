// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace iris::test {

/// What the preloaded library notes down before each change of a file, and after
/// each sync. Behind it: the path, the bytes that were there, the bytes that come.
struct DiskRecord {
  static constexpr std::uint32_t kMagic = 0x4c4f5353;
  enum Kind : std::uint32_t { kWrite, kTruncate, kSync };
  std::uint32_t magic = kMagic;
  std::uint32_t kind = kWrite;
  std::uint64_t offset = 0;    // of a truncation: the new size
  std::uint64_t old_size = 0;  // of the file
  std::uint32_t path_bytes = 0;
  std::uint32_t old_bytes = 0;
  std::uint32_t new_bytes = 0;
  std::uint32_t padding = 0;
};

}  // namespace iris::test
