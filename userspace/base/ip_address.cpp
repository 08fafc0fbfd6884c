// SPDX-License-Identifier: Apache-2.0
#include "base/ip_address.h"

#include <arpa/inet.h>

#include <charconv>
#include <cstring>

namespace iris::base {
namespace {

constexpr std::array<std::uint8_t, 12> kV4Prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

}  // namespace

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  const std::string terminated(text);
  IpAddress address;
  in_addr v4{};
  if (inet_pton(AF_INET, terminated.c_str(), &v4) == 1) {
    std::memcpy(address.bytes.data(), kV4Prefix.data(), kV4Prefix.size());
    std::memcpy(address.bytes.data() + 12, &v4, 4);
    return address;
  }
  if (inet_pton(AF_INET6, terminated.c_str(), address.bytes.data()) == 1) return address;
  return std::nullopt;
}

bool IpAddress::is_v4() const { return std::memcmp(bytes.data(), kV4Prefix.data(), kV4Prefix.size()) == 0; }

bool IpAddress::is_unspecified() const {
  const std::size_t start = is_v4() ? 12 : 0;
  for (std::size_t i = start; i < bytes.size(); ++i) {
    if (bytes[i] != 0) return false;
  }
  return true;
}

bool IpAddress::is_loopback() const {
  if (is_v4()) return bytes[12] == 127;
  static constexpr std::array<std::uint8_t, 16> kV6Loopback{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  return bytes == kV6Loopback;
}

bool IpAddress::is_site_local() const {
  if (is_v4()) {
    const std::uint8_t a = bytes[12];
    const std::uint8_t b = bytes[13];
    return a == 10 || (a == 172 && (b & 0xf0) == 16) || (a == 192 && b == 168) || (a == 169 && b == 254) ||
           (a == 100 && (b & 0xc0) == 64) || (a == 224 && b == 0) || (a == 239) ||
           (a == 255 && b == 255 && bytes[14] == 255 && bytes[15] == 255);
  }
  if ((bytes[0] & 0xfe) == 0xfc) return true;                            // fc00::/7
  if (bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80) return true;        // fe80::/10
  return bytes[0] == 0xff && (bytes[1] & 0x0f) <= 5;                     // ff0x::, at most site scope
}

void IpAddress::append_to(std::string& out) const {
  char text[INET6_ADDRSTRLEN];
  if (is_v4()) {
    char* end = text;
    for (std::size_t i = 12; i < 16; ++i) {
      if (i > 12) *end++ = '.';
      end = std::to_chars(end, text + sizeof text, bytes[i]).ptr;
    }
    out.append(text, end);
    return;
  }
  if (inet_ntop(AF_INET6, bytes.data(), text, sizeof text) != nullptr) out += text;
}

std::string IpAddress::to_string() const {
  std::string text;
  append_to(text);
  return text;
}

std::size_t IpAddressHash::operator()(const IpAddress& address) const noexcept {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  std::memcpy(&high, address.bytes.data(), 8);
  std::memcpy(&low, address.bytes.data() + 8, 8);
  return static_cast<std::size_t>((high * 0x9e3779b97f4a7c15ULL) ^ (low * 0xc2b2ae3d27d4eb4fULL));
}

std::optional<Cidr> Cidr::parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto address = IpAddress::parse(text.substr(0, slash));
  if (!address) return std::nullopt;
  Cidr block;
  block.network_ = *address;
  if (slash == std::string_view::npos) return block;

  const std::string_view digits = text.substr(slash + 1);
  unsigned bits = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
  const unsigned most = address->is_v4() ? 32 : 128;
  if (error != std::errc{} || end != digits.data() + digits.size() || bits > most) return std::nullopt;
  block.prefix_bits_ = address->is_v4() ? bits + 96 : bits;
  return block;
}

bool Cidr::contains(const IpAddress& address) const {
  const std::size_t whole = prefix_bits_ / 8;
  if (std::memcmp(address.bytes.data(), network_.bytes.data(), whole) != 0) return false;
  const unsigned rest = prefix_bits_ % 8;
  if (rest == 0) return true;
  const auto mask = static_cast<std::uint8_t>(0xff << (8 - rest));
  return ((address.bytes[whole] ^ network_.bytes[whole]) & mask) == 0;
}

}  // namespace iris::base
