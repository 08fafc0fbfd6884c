// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace iris::wire {

// Shared by the two halves of record_file.h, and by nobody else.
inline constexpr char kRecordMagic[] = "iris-record";
/// Most bytes of one message. A record of ours stays below a hundredth of it;
/// the bound is there for files of unknown origin.
inline constexpr std::uint32_t kMaxMessageBytes = 256 * 1024;

}  // namespace iris::wire
