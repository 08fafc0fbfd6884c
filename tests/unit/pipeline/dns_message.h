// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace iris::pipeline::test_support {

using Bytes = std::vector<std::uint8_t>;

/// Writes DNS messages as RFC 1035 section 4 has them.
class DnsMessage {
 public:
  explicit DnsMessage(std::string_view question, std::uint16_t flags = 0x8180, std::uint16_t type = 1) {
    for (const std::uint16_t word : {0x1234, static_cast<int>(flags), 1, 0, 0, 0}) put16(word);
    put_name(question);
    put16(type);
    put16(1);
  }

  DnsMessage& a(std::string_view name, std::uint8_t last, std::uint32_t ttl = 60) {
    return record(name, 1, ttl, {203, 0, 113, last});
  }
  DnsMessage& cname(std::string_view name, std::string_view target) {
    return record(name, 5, 60, DnsMessage::name_bytes(target));
  }
  DnsMessage& record(std::string_view name, std::uint16_t type, std::uint32_t ttl, const Bytes& data) {
    put_name(name);
    put16(type);
    put16(1);
    put16(static_cast<std::uint16_t>(ttl >> 16));
    put16(static_cast<std::uint16_t>(ttl));
    put16(static_cast<std::uint16_t>(data.size()));
    bytes_.insert(bytes_.end(), data.begin(), data.end());
    ++bytes_[7];
    return *this;
  }
  Bytes bytes() const { return bytes_; }

  static Bytes name_bytes(std::string_view name) {
    Bytes out;
    while (!name.empty()) {
      const std::string_view label = name.substr(0, name.find('.'));
      out.push_back(static_cast<std::uint8_t>(label.size()));
      out.insert(out.end(), label.begin(), label.end());
      name.remove_prefix(std::min(name.size(), label.size() + 1));
    }
    out.push_back(0);
    return out;
  }

 private:
  void put16(std::uint16_t value) {
    bytes_.push_back(static_cast<std::uint8_t>(value >> 8));
    bytes_.push_back(static_cast<std::uint8_t>(value));
  }
  void put_name(std::string_view name) {
    const Bytes encoded = name_bytes(name);
    bytes_.insert(bytes_.end(), encoded.begin(), encoded.end());
  }

  Bytes bytes_;
};

}  // namespace iris::pipeline::test_support
