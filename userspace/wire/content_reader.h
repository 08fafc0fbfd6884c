// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <google/protobuf/io/coded_stream.h>
#include <string_view>
#include <vector>

namespace iris::wire {

/// The fields of one serialized message, one after the other, without building the
/// message: two bytes of it could ask for hundreds. Borrows the bytes.
class FieldReader {
 public:
  explicit FieldReader(std::string_view bytes);

  struct Field {
    int number = 0;
    bool delimited = false;
    std::uint64_t value = 0;    // unless delimited
    std::string_view payload;   // when delimited
  };
  /// False at the end, and when the bytes are malformed or fields out of order.
  bool next(Field& field);
  bool malformed() const { return malformed_; }

 private:
  bool refuse();

  std::string_view bytes_;
  google::protobuf::io::CodedInputStream in_;
  int last_number_ = 0;
  bool malformed_ = false;
};

/// Unpacks a packed field, at most `most` values; false when there are more or
/// the bytes are malformed.
bool read_packed(std::string_view payload, std::size_t most, std::vector<std::uint64_t>& to);

}  // namespace iris::wire
