// SPDX-License-Identifier: Apache-2.0
#include "store/packed.h"

namespace iris::store {

void append_number(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}

void append_text(std::string& out, std::string_view text) {
  append_number(out, text.size());
  out += text;
}

// Zigzag, so that a time just before the base is short, too; shifted by one for "not known".
void append_time(std::string& out, std::uint64_t wall_ns, std::uint64_t base_ns) {
  if (wall_ns == 0) return append_number(out, 0);
  const bool before = wall_ns < base_ns;
  const std::uint64_t distance = before ? base_ns - wall_ns : wall_ns - base_ns;
  append_number(out, (distance & (UINT64_MAX >> 2)) * 2 + (before ? 1 : 0) + 1);
}

void PackedReader::fault() {
  ok_ = false;
  bytes_ = {};
}

std::uint64_t PackedReader::number() {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    if (bytes_.empty()) break;
    const auto byte = static_cast<unsigned char>(bytes_.front());
    bytes_.remove_prefix(1);
    value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  fault();
  return 0;
}

std::string_view PackedReader::text() {
  const std::uint64_t size = number();
  if (size > bytes_.size()) {
    fault();
    return {};
  }
  const auto text = bytes_.substr(0, size);
  bytes_.remove_prefix(size);
  return text;
}

std::uint64_t PackedReader::time(std::uint64_t base_ns) {
  const std::uint64_t value = number();
  if (value == 0) return 0;
  const std::uint64_t distance = (value - 1) / 2;
  return (value - 1) % 2 != 0 ? base_ns - distance : base_ns + distance;
}

}  // namespace iris::store
