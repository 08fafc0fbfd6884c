// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

/// Numbers and texts of a row in few bytes: LEB128, and lengths in front of text.
namespace iris::store {

void append_number(std::string& out, std::uint64_t value);
void append_text(std::string& out, std::string_view text);
/// `wall_ns` near `base_ns`; 0, not known, stays 0.
void append_time(std::string& out, std::uint64_t wall_ns, std::uint64_t base_ns);

/// Reads them back. After a fault everything reads as 0, and ok() is false.
class PackedReader {
 public:
  explicit PackedReader(std::string_view bytes) : bytes_(bytes) {}
  std::uint64_t number();
  std::string_view text();
  std::uint64_t time(std::uint64_t base_ns);
  bool ok() const { return ok_; }
  bool at_end() const { return bytes_.empty(); }

 private:
  void fault();
  std::string_view bytes_;
  bool ok_ = true;
};

}  // namespace iris::store
