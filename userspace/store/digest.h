// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>
#include <unordered_map>

struct evp_md_ctx_st;

namespace iris::store {

/// The first half of a SHA-256: what gateways send decides it, so it must be one
/// for which nobody finds a second text.
using Digest = std::array<char, 16>;

inline std::string_view view(const Digest& digest) { return {digest.data(), digest.size()}; }

class Digester {
 public:
  Digester();
  Digest operator()(std::string_view text);

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const;
  };
  std::unique_ptr<evp_md_ctx_st, Free> context_;
};

/// A bounded cache in two generations: what was not asked for while one filled
/// up is forgotten with the older one.
class DigestCache {
 public:
  struct Entry {
    std::int64_t id = 0;
    std::uint64_t touched_ns = 0;
  };
  explicit DigestCache(std::size_t max_entries) : half_(max_entries / 2 + 1) {}

  /// Null: not there. Valid until the next call.
  Entry* find(const Digest& digest);
  void insert(const Digest& digest, Entry entry);
  void clear();

 private:
  struct Hash {
    std::size_t operator()(const Digest& digest) const noexcept {
      std::size_t value;
      std::memcpy(&value, digest.data(), sizeof value);
      return value;
    }
  };
  using Map = std::unordered_map<Digest, Entry, Hash>;
  std::size_t half_;
  Map young_;
  Map old_;
};

}  // namespace iris::store
