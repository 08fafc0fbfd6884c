// SPDX-License-Identifier: Apache-2.0
#include "store/digest.h"

#include <openssl/evp.h>

#include <new>

namespace iris::store {

void Digester::Free::operator()(evp_md_ctx_st* context) const { EVP_MD_CTX_free(context); }

Digester::Digester() : context_(EVP_MD_CTX_new()) {
  if (!context_ || EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) != 1) throw std::bad_alloc();
}

Digest Digester::operator()(std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> whole;
  // Starting again with the same algorithm: its look-up would cost more than the work.
  const bool done = EVP_DigestInit_ex(context_.get(), nullptr, nullptr) == 1 &&
                    EVP_DigestUpdate(context_.get(), text.data(), text.size()) == 1 &&
                    EVP_DigestFinal_ex(context_.get(), whole.data(), nullptr) == 1;
  if (!done) throw std::bad_alloc();
  Digest digest;
  std::memcpy(digest.data(), whole.data(), digest.size());
  return digest;
}

DigestCache::Entry* DigestCache::find(const Digest& digest) {
  if (const auto found = young_.find(digest); found != young_.end()) return &found->second;
  const auto found = old_.find(digest);
  if (found == old_.end()) return nullptr;
  const Entry entry = found->second;
  insert(digest, entry);
  return &young_.find(digest)->second;
}

void DigestCache::insert(const Digest& digest, Entry entry) {
  if (young_.size() >= half_) {
    old_ = std::move(young_);
    young_.clear();
  }
  young_[digest] = entry;
}

void DigestCache::clear() {
  young_.clear();
  old_.clear();
}

}  // namespace iris::store
