// SPDX-License-Identifier: Apache-2.0
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <array>
#include <stdexcept>

#include "collector/ingest_server.h"

namespace iris::collector {
namespace {

constexpr std::size_t kTokenBytes = 32;

}  // namespace

std::string hash_token(const std::string& token) {
  std::string digest(kTokenBytes, '\0');
  unsigned int size = 0;
  if (EVP_Digest(token.data(), token.size(), reinterpret_cast<unsigned char*>(digest.data()), &size, EVP_sha256(),
                 nullptr) != 1 ||
      size != digest.size()) {
    throw std::runtime_error("OpenSSL has no SHA-256");
  }
  return digest;
}

std::string new_token() {
  std::array<unsigned char, kTokenBytes> random{};
  // A token that can be guessed is worse than none.
  if (RAND_bytes(random.data(), static_cast<int>(random.size())) != 1) throw std::runtime_error("no random numbers");
  constexpr char kHex[] = "0123456789abcdef";
  std::string text = "iris_";
  for (const unsigned char byte : random) {
    text += kHex[byte >> 4];
    text += kHex[byte & 15];
  }
  return text;
}

}  // namespace iris::collector
