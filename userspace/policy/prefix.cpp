// SPDX-License-Identifier: Apache-2.0
#include "policy/prefix.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace iris::policy {
namespace {

constexpr unsigned kV4Bits = 96;  // in front of an IPv4 address in the 128-bit form

base::IpAddress masked(base::IpAddress address, unsigned bits) {
  for (unsigned i = 0; i < address.bytes.size(); ++i) {
    const unsigned before = i * 8;
    if (before >= bits) address.bytes[i] = 0;
    else if (bits - before < 8) address.bytes[i] &= static_cast<std::uint8_t>(0xff << (8 - (bits - before)));
  }
  return address;
}

/// Both are one half of the same block, which stays within its family.
bool are_halves(const Prefix& a, const Prefix& b) {
  if (a.bits != b.bits || a.bits == 0 || a.address == b.address) return false;
  if (a.is_v4() != b.is_v4() || (a.is_v4() && a.bits == kV4Bits)) return false;
  return masked(a.address, a.bits - 1) == masked(b.address, b.bits - 1);
}

}  // namespace

std::optional<Prefix> Prefix::parse(std::string_view text) {
  const auto slash = text.find('/');
  const auto address = base::IpAddress::parse(text.substr(0, slash));
  if (!address) return std::nullopt;
  const unsigned before = address->is_v4() ? kV4Bits : 0;
  if (slash == std::string_view::npos) return Prefix{*address, 128};
  const auto digits = text.substr(slash + 1);
  unsigned bits = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
  if (error != std::errc{} || end != digits.data() + digits.size() || bits > 128 - before) return std::nullopt;
  return Prefix{masked(*address, bits + before), bits + before};
}

bool Prefix::contains(const base::IpAddress& other) const {
  return other.is_v4() == is_v4() && masked(other, bits) == address;
}

std::string Prefix::to_string() const { return bits == 128 ? address.to_string() : to_cidr(); }

std::string Prefix::to_cidr() const {
  return fmt::format("{}/{}", address.to_string(), is_v4() ? bits - kV4Bits : bits);
}

std::vector<Prefix> merge(std::vector<Prefix> prefixes) {
  std::sort(prefixes.begin(), prefixes.end());  // a block stands before what it contains
  std::vector<Prefix> merged;
  for (const auto& prefix : prefixes) {
    if (!merged.empty() && merged.back().bits <= prefix.bits && merged.back().contains(prefix.address)) continue;
    merged.push_back(prefix);
    while (merged.size() >= 2 && are_halves(merged[merged.size() - 2], merged.back())) {
      merged.pop_back();
      --merged.back().bits;
      merged.back().address = masked(merged.back().address, merged.back().bits);
    }
  }
  return merged;
}

}  // namespace iris::policy
