// SPDX-License-Identifier: Apache-2.0
#include "rpc/pem_file.h"

#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sys/stat.h>

#include <cerrno>
#include <memory>

#include "base/unique_fd.h"

namespace iris::rpc {
namespace {

constexpr off_t kMaxFileBytes = 1 << 20;

template <auto free>
struct Freed {
  template <typename T>
  void operator()(T* object) const {
    free(object);
  }
};
using Bio = std::unique_ptr<BIO, Freed<BIO_free>>;
using Certificate = std::unique_ptr<X509, Freed<X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;

Bio bio_of(const std::string& pem) { return Bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()))); }

Certificate first_certificate(const std::string& pem) {
  const Bio bio = bio_of(pem);
  Certificate certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  ERR_clear_error();
  return certificate;
}

Key private_key(const std::string& pem) {
  const Bio bio = bio_of(pem);
  // A key with a passphrase is refused rather than asked for on the terminal.
  const auto no_passphrase = [](char*, int, int, void*) { return -1; };
  Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr));
  ERR_clear_error();
  return key;
}

}  // namespace

base::Result<std::string> read_small_file(const std::filesystem::path& path) {
  // A fifo in its place must not hold up who reads.
  const base::UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd) {
    const auto kind = errno == EACCES ? base::Error::Kind::permission : base::Error::Kind::failed;
    return base::fail_errno(path.string(), errno, kind);
  }
  struct stat about {};
  if (fstat(fd.get(), &about) != 0) return base::fail_errno(path.string(), errno);
  if (!S_ISREG(about.st_mode)) return base::fail(path.string() + ": not a regular file");
  if (about.st_size > kMaxFileBytes) return base::fail(path.string() + ": larger than 1 MiB");
  std::string bytes(static_cast<std::size_t>(about.st_size), '\0');
  std::size_t filled = 0;
  while (filled < bytes.size()) {
    const ssize_t got = read(fd.get(), bytes.data() + filled, bytes.size() - filled);
    if (got < 0) return base::fail_errno(path.string(), errno);
    if (got == 0) break;
    filled += static_cast<std::size_t>(got);
  }
  bytes.resize(filled);
  return bytes;
}

base::Result<CertificateAndKey> read_certificate_and_key(const std::filesystem::path& certificate_file,
                                                         const std::filesystem::path& key_file) {
  auto chain = read_small_file(certificate_file);
  if (!chain) return tl::unexpected(std::move(chain.error()));
  auto key_text = read_small_file(key_file);
  if (!key_text) return tl::unexpected(std::move(key_text.error()));
  const auto certificate = first_certificate(*chain);
  if (!certificate) return base::fail(certificate_file.string() + ": not a certificate in PEM form");
  const auto key = private_key(*key_text);
  if (!key) return base::fail(key_file.string() + ": not a private key in PEM form without a passphrase");
  const bool matches = X509_check_private_key(certificate.get(), key.get()) == 1;
  ERR_clear_error();
  if (!matches) {
    return base::fail(key_file.string() + " is not the key of the certificate in " + certificate_file.string());
  }
  return CertificateAndKey{std::move(*chain), std::move(*key_text)};
}

base::Result<std::string> read_authorities(const std::filesystem::path& ca_file) {
  auto pem = read_small_file(ca_file);
  if (!pem) return pem;
  if (!first_certificate(*pem)) return base::fail(ca_file.string() + ": not a certificate in PEM form");
  return pem;
}

}  // namespace iris::rpc
