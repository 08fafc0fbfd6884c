// SPDX-License-Identifier: Apache-2.0
#include "wire/content_reader.h"

#include <google/protobuf/wire_format_lite.h>

namespace iris::wire {
namespace {

using google::protobuf::internal::WireFormatLite;

const std::uint8_t* begin_of(std::string_view bytes) { return reinterpret_cast<const std::uint8_t*>(bytes.data()); }

}  // namespace

FieldReader::FieldReader(std::string_view bytes)
    : bytes_(bytes), in_(begin_of(bytes), static_cast<int>(bytes.size())) {}

bool FieldReader::refuse() {
  malformed_ = true;
  return false;
}

bool FieldReader::next(Field& field) {
  if (malformed_ || static_cast<std::size_t>(in_.CurrentPosition()) == bytes_.size()) return false;
  const std::uint32_t tag = in_.ReadTag();
  field = Field{};
  field.number = WireFormatLite::GetTagFieldNumber(tag);
  if (field.number == 0 || field.number < last_number_) return refuse();
  last_number_ = field.number;
  switch (WireFormatLite::GetTagWireType(tag)) {
    case WireFormatLite::WIRETYPE_VARINT: return in_.ReadVarint64(&field.value) || refuse();
    case WireFormatLite::WIRETYPE_FIXED64: return in_.ReadLittleEndian64(&field.value) || refuse();
    case WireFormatLite::WIRETYPE_FIXED32: {
      std::uint32_t value = 0;
      if (!in_.ReadLittleEndian32(&value)) return refuse();
      field.value = value;
      return true;
    }
    case WireFormatLite::WIRETYPE_LENGTH_DELIMITED: break;
    default: return refuse();
  }
  std::uint64_t size = 0;
  if (!in_.ReadVarint64(&size)) return refuse();
  const auto at = static_cast<std::size_t>(in_.CurrentPosition());
  if (size > bytes_.size() - at) return refuse();
  field.delimited = true;
  field.payload = bytes_.substr(at, size);
  in_.Skip(static_cast<int>(size));
  return true;
}

bool read_packed(std::string_view payload, std::size_t most, std::vector<std::uint64_t>& to) {
  google::protobuf::io::CodedInputStream in(begin_of(payload), static_cast<int>(payload.size()));
  while (static_cast<std::size_t>(in.CurrentPosition()) < payload.size()) {
    std::uint64_t value = 0;
    if (to.size() == most || !in.ReadVarint64(&value)) return false;
    to.push_back(value);
  }
  return true;
}

}  // namespace iris::wire
