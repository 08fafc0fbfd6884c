// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

/// State as bytes and back: one function a type names its fields in order, for both
/// ways. Little-endian, with a length before each text. The reader takes foreign
/// bytes: what does not fit is false, and nothing is made larger than its bytes.
namespace iris::profile {

class StateWriter {
 public:
  static constexpr bool kReads = false;
  std::string bytes;

  template <typename T>
  bool value(T& field) {
    if constexpr (std::is_enum_v<T>) {
      auto raw = static_cast<std::underlying_type_t<T>>(field);
      return value(raw);
    } else if constexpr (std::is_same_v<T, float>) {
      auto raw = std::bit_cast<std::uint32_t>(field);
      return value(raw);
    } else if constexpr (std::is_same_v<T, double>) {
      auto raw = std::bit_cast<std::uint64_t>(field);
      return value(raw);
    } else {
      static_assert(std::is_integral_v<T>);
      for (std::size_t i = 0; i < sizeof(T); ++i)
        bytes.push_back(static_cast<char>(static_cast<std::uint64_t>(field) >> (8 * i)));
      return true;
    }
  }
  /// Cut at 255 bytes.
  bool text(std::string& field) { return sized<std::uint8_t>(field, UINT8_MAX); }
  /// Cut at 65,535 bytes.
  bool long_text(std::string& field) { return sized<std::uint16_t>(field, UINT16_MAX); }

 private:
  template <typename Size>
  bool sized(const std::string& field, std::size_t most) {
    auto size = static_cast<Size>(field.size() < most ? field.size() : most);
    value(size);
    bytes.append(field, 0, size);
    return true;
  }
};

class StateReader {
 public:
  static constexpr bool kReads = true;
  explicit StateReader(std::string_view bytes) : rest_(bytes) {}

  template <typename T>
  bool value(T& field) {
    if constexpr (std::is_enum_v<T>) {
      std::underlying_type_t<T> raw{};
      if (!value(raw)) return false;
      field = static_cast<T>(raw);
      return true;
    } else if constexpr (std::is_same_v<T, float>) {
      std::uint32_t raw = 0;
      if (!value(raw)) return false;
      field = std::bit_cast<float>(raw);
      return field == field;  // no NaN
    } else if constexpr (std::is_same_v<T, double>) {
      std::uint64_t raw = 0;
      if (!value(raw)) return false;
      field = std::bit_cast<double>(raw);
      return field == field;
    } else {
      static_assert(std::is_integral_v<T>);
      if (rest_.size() < sizeof(T)) return false;
      std::uint64_t raw = 0;
      for (std::size_t i = 0; i < sizeof(T); ++i)
        raw |= static_cast<std::uint64_t>(static_cast<std::uint8_t>(rest_[i])) << (8 * i);
      field = static_cast<T>(raw);
      rest_.remove_prefix(sizeof(T));
      return true;
    }
  }
  bool text(std::string& field) { return sized<std::uint8_t>(field); }
  bool long_text(std::string& field) { return sized<std::uint16_t>(field); }
  bool done() const { return rest_.empty(); }
  /// All that is left.
  std::string_view take_rest() { return std::exchange(rest_, std::string_view()); }

 private:
  template <typename Size>
  bool sized(std::string& field) {
    Size size = 0;
    if (!value(size) || rest_.size() < size) return false;
    field.assign(rest_.substr(0, size));
    rest_.remove_prefix(size);
    return true;
  }

  std::string_view rest_;
};

template <typename Stream, typename... Fields>
bool values(Stream& stream, Fields&... fields) {
  return (stream.value(fields) && ...);
}

template <typename Stream, typename Array>
bool array(Stream& stream, Array& items) {
  for (auto& item : items)
    if (!stream.value(item)) return false;
  return true;
}

/// A list of at most `most` items. `one(item)` transfers an item; `add(item)` puts a
/// read one where it belongs.
template <typename Stream, typename List, typename One, typename Add>
bool list(Stream& stream, List& items, std::size_t most, One one, Add add) {
  auto count = static_cast<std::uint32_t>(items.size());
  if (!stream.value(count) || count > most) return false;
  if constexpr (Stream::kReads) {
    for (std::uint32_t i = 0; i < count; ++i) {
      typename List::value_type item{};
      if (!one(item)) return false;
      add(std::move(item));
    }
  } else {
    for (auto& item : items)
      if (!one(item)) return false;
  }
  return true;
}

template <typename Stream, typename List, typename One>
bool list(Stream& stream, List& items, std::size_t most, One one) {
  return list(stream, items, most, one, [&items](auto&& item) { items.push_back(std::move(item)); });
}

}  // namespace iris::profile
