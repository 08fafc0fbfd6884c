// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "base/ip_address.h"
#include "flow/owner.h"

namespace iris::wire {

/// Reads checked values; the first that is out of range is remembered, so that
/// a record is built straight through and judged once at the end.
class Checker {
 public:
  explicit Checker(const std::vector<flow::OwnerPtr>& owners) : owners_(owners) {}

  template <typename To>
  To enumeration(int value, To last, const char* what) {
    if (value < 0 || value > static_cast<int>(last)) return bad<To>(what);
    return static_cast<To>(value);
  }
  template <typename To>
  To number(std::uint32_t value, const char* what) {
    if (value > std::numeric_limits<To>::max()) return bad<To>(what);
    return static_cast<To>(value);
  }
  base::IpAddress address(const std::string& bytes, const char* what) {
    base::IpAddress address;
    if (bytes.size() == address.bytes.size()) {
      std::memcpy(address.bytes.data(), bytes.data(), bytes.size());
    } else if (bytes.size() == 4) {
      address.bytes[10] = address.bytes[11] = 0xff;
      std::memcpy(address.bytes.data() + 12, bytes.data(), bytes.size());
    } else {
      return bad<base::IpAddress>(what);
    }
    return address;
  }
  std::optional<base::IpAddress> optional_address(const std::string& bytes, const char* what) {
    if (bytes.empty()) return std::nullopt;
    return address(bytes, what);
  }
  template <typename Field>
  std::vector<base::IpAddress> addresses(const Field& field) {
    std::vector<base::IpAddress> all;
    for (const auto& bytes : field) all.push_back(address(bytes, "address"));
    return all;
  }
  flow::OwnerPtr owner(std::uint32_t number) {
    if (number == 0) return nullptr;
    if (number > owners_.size() || !owners_[number - 1]) return bad<flow::OwnerPtr>("owner number");
    return owners_[number - 1];
  }
  void refuse(const char* what) { bad<int>(what); }
  const char* fault() const { return fault_; }

 private:
  template <typename To>
  To bad(const char* what) {
    if (fault_ == nullptr) fault_ = what;
    return To{};
  }
  const std::vector<flow::OwnerPtr>& owners_;
  const char* fault_ = nullptr;
};

template <typename Field>
std::vector<std::string> strings(const Field& field) {
  return {field.begin(), field.end()};
}

}  // namespace iris::wire
