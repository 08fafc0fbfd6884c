// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>

namespace iris::test_support {

inline void write_file(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::trunc) << text;
}

/// A certificate authority that lives as long as the test.
class TestAuthority {
 public:
  struct Issued {
    std::string certificate;
    std::string key;
  };

  TestAuthority() : key_(new_key()), certificate_(sign("Iris test authority", key_.get(), nullptr, "CA:TRUE", "")) {}

  std::string certificate() const { return pem(certificate_.get()); }
  /// `names` as in "DNS:collector.test,IP:127.0.0.1"; empty: none.
  Issued issue(const std::string& common_name, const std::string& names) const {
    const auto key = new_key();
    const auto certificate = sign(common_name, key.get(), certificate_.get(), "CA:FALSE", names);
    return {pem(certificate.get()), pem(key.get())};
  }

 private:
  struct Free {
    void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
    void operator()(X509* certificate) const { X509_free(certificate); }
    void operator()(BIO* bio) const { BIO_free(bio); }
  };
  using Key = std::unique_ptr<EVP_PKEY, Free>;
  using Certificate = std::unique_ptr<X509, Free>;

  static void check(bool ok) {
    if (!ok) throw std::runtime_error("OpenSSL cannot make the certificates of the test");
  }
  static Key new_key() {
    Key key(EVP_EC_gen("P-256"));
    check(key != nullptr);
    return key;
  }
  static void add_extension(X509* certificate, X509* issuer, int nid, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
    check(extension != nullptr && X509_add_ext(certificate, extension, -1) == 1);
    X509_EXTENSION_free(extension);
  }
  Certificate sign(const std::string& common_name, EVP_PKEY* key, X509* issuer, const std::string& constraints,
                   const std::string& names) const {
    static long serial = 0;
    Certificate certificate(X509_new());
    X509_set_version(certificate.get(), 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 86'400);
    X509_set_pubkey(certificate.get(), key);
    X509_NAME* name = X509_get_subject_name(certificate.get());
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(common_name.c_str()),
                               -1, -1, 0);
    X509_set_issuer_name(certificate.get(), issuer != nullptr ? X509_get_subject_name(issuer) : name);
    X509* const signer = issuer != nullptr ? issuer : certificate.get();
    add_extension(certificate.get(), signer, NID_basic_constraints, constraints);
    if (!names.empty()) add_extension(certificate.get(), signer, NID_subject_alt_name, names);
    check(X509_sign(certificate.get(), key_.get(), EVP_sha256()) > 0);
    return certificate;
  }
  static std::string text_of(BIO* bio) {
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio, &data);
    return {data, static_cast<std::size_t>(size)};
  }
  static std::string pem(X509* certificate) {
    const std::unique_ptr<BIO, Free> bio(BIO_new(BIO_s_mem()));
    check(PEM_write_bio_X509(bio.get(), certificate) == 1);
    return text_of(bio.get());
  }
  static std::string pem(EVP_PKEY* key) {
    const std::unique_ptr<BIO, Free> bio(BIO_new(BIO_s_mem()));
    check(PEM_write_bio_PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1);
    return text_of(bio.get());
  }

  Key key_;
  Certificate certificate_;
};

}  // namespace iris::test_support
