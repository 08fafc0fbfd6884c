// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <openssl/crypto.h>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string_view>
#include <utility>

namespace iris::registry {

/// A key, a token or a password. It cannot be printed by accident: there is no stream
/// operator, no formatter and no conversion; reveal() is easy to search for. Its bytes
/// are wiped when it goes. (They live on the heap, so that a move leaves no copy behind,
/// as a short std::string does.)
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string_view bytes) : size_(bytes.size()) {
    if (size_ == 0) return;
    bytes_ = std::make_unique<char[]>(size_);
    std::copy(bytes.begin(), bytes.end(), bytes_.get());
  }
  Secret(const Secret& other) : Secret(other.reveal()) {}
  Secret(Secret&& other) noexcept : bytes_(std::move(other.bytes_)), size_(std::exchange(other.size_, 0)) {}
  Secret& operator=(Secret other) noexcept {
    std::swap(bytes_, other.bytes_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~Secret() {
    if (bytes_) OPENSSL_cleanse(bytes_.get(), size_);
  }

  /// The bytes, for the one call that needs them.
  std::string_view reveal() const { return {bytes_.get(), size_}; }
  bool empty() const { return size_ == 0; }

  friend bool operator==(const Secret& a, const Secret& b) {
    return a.size_ == b.size_ && (a.size_ == 0 || CRYPTO_memcmp(a.bytes_.get(), b.bytes_.get(), a.size_) == 0);
  }

 private:
  std::unique_ptr<char[]> bytes_;
  std::size_t size_ = 0;
};

}  // namespace iris::registry
