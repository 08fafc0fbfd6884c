// SPDX-License-Identifier: Apache-2.0
#include "collector_program/self_signed.h"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <optional>

#include "base/ip_address.h"
#include "collector_program/data_directory.h"

namespace iris::collector {
namespace {

constexpr long kValidSeconds = 10L * 365 * 86'400;
constexpr long kClockSkewSeconds = 86'400;  // a gateway without a clock of its own may be behind

template <auto free>
struct Freed {
  template <typename T>
  void operator()(T* object) const {
    free(object);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Freed<X509_free>>;
using Extension = std::unique_ptr<X509_EXTENSION, Freed<X509_EXTENSION_free>>;
using Bio = std::unique_ptr<BIO, Freed<BIO_free>>;

std::string host_name() {
  std::array<char, 256> name{};
  return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

/// Letters, digits, '.', '-' and '_' alone, so that it cannot end its part of the list.
bool is_plain_name(const std::string& name) {
  return !name.empty() && name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") ==
                              std::string::npos;
}

std::string alternative_names(const std::string& listen_host) {
  std::string names = "DNS:localhost,IP:127.0.0.1,IP:::1";
  for (const auto& host : {host_name(), listen_host}) {
    const auto address = base::IpAddress::parse(host);
    if (address && !address->is_unspecified() && !address->is_loopback()) {
      names += ",IP:" + address->to_string();
    } else if (!address && is_plain_name(host) && host != "localhost") {
      names += ",DNS:" + host;
    }
  }
  return names;
}

bool add_extension(X509* certificate, int id, const std::string& value) {
  const Extension extension(X509V3_EXT_conf_nid(nullptr, nullptr, id, value.c_str()));
  return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

bool set_serial(X509* certificate) {
  std::uint64_t serial = 0;
  return RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof(serial)) == 1 &&
         ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial | 1) == 1;
}

Certificate make_certificate(EVP_PKEY* key, const std::string& listen_host) {
  Certificate certificate(X509_new());
  X509* x509 = certificate.get();
  if (x509 == nullptr || X509_set_version(x509, 2) != 1 || !set_serial(x509)) return nullptr;
  X509_gmtime_adj(X509_getm_notBefore(x509), -kClockSkewSeconds);
  X509_gmtime_adj(X509_getm_notAfter(x509), kValidSeconds);
  X509_NAME* name = X509_get_subject_name(x509);
  const auto* common = reinterpret_cast<const unsigned char*>("iris-collector");
  const bool signed_well = X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, common, -1, -1, 0) == 1 &&
                           X509_set_issuer_name(x509, name) == 1 && X509_set_pubkey(x509, key) == 1 &&
                           add_extension(x509, NID_subject_alt_name, alternative_names(listen_host)) &&
                           add_extension(x509, NID_basic_constraints, "critical,CA:FALSE") &&
                           add_extension(x509, NID_ext_key_usage, "serverAuth") && X509_sign(x509, key, EVP_sha256()) > 0;
  return signed_well ? std::move(certificate) : nullptr;
}

std::string content_of(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<std::size_t>(size)};
}

base::Result<void> make_files(const CertificateFiles& files, const std::string& listen_host) {
  const auto failed = [] { return base::fail("OpenSSL could not make a certificate"); };
  const Key key(EVP_EC_gen("P-256"));
  if (!key) return failed();
  const auto certificate = make_certificate(key.get(), listen_host);
  const Bio key_text(BIO_new(BIO_s_mem()));
  const Bio certificate_text(BIO_new(BIO_s_mem()));
  if (!certificate || !key_text || !certificate_text ||
      PEM_write_bio_PKCS8PrivateKey(key_text.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1 ||
      PEM_write_bio_X509(certificate_text.get(), certificate.get()) != 1) {
    return failed();
  }
  if (auto written = write_private_file(files.key, content_of(key_text.get())); !written) return written;
  if (auto written = write_private_file(files.certificate, content_of(certificate_text.get())); !written) return written;
  chmod(files.certificate.c_str(), 0644);  // it is public
  return {};
}

}  // namespace

base::Result<CertificateFiles> self_signed_certificate(const std::filesystem::path& directory,
                                                       const std::string& listen_host) {
  CertificateFiles files{directory / "tls-certificate.pem", directory / "tls-key.pem", false};
  // The certificate is written last: with it there, both are.
  if (std::filesystem::exists(files.certificate) && std::filesystem::exists(files.key)) return files;
  if (auto made = make_files(files, listen_host); !made) return tl::unexpected(std::move(made.error()));
  files.made = true;
  return files;
}

}  // namespace iris::collector
