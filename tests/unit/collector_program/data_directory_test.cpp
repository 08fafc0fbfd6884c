// SPDX-License-Identifier: Apache-2.0
#include "collector_program/data_directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collector_program/self_signed.h"
#include "rpc/pem_file.h"
#include "temporary_directory.h"

namespace iris::collector {
namespace {

using ::testing::HasSubstr;

mode_t mode_of(const std::filesystem::path& path) {
  struct stat status {};
  EXPECT_EQ(::stat(path.c_str(), &status), 0) << path;
  return status.st_mode & 07777;
}

TEST(DataDirectory, IsMadeForItsOwnerAlone) {
  const TemporaryDirectory parent;
  ASSERT_TRUE(make_data_directory(parent.path() / "a" / "b"));
  EXPECT_EQ(mode_of(parent.path() / "a" / "b"), 0700U);
  EXPECT_TRUE(make_data_directory(parent.path() / "a" / "b"));
  const auto file = parent.write("file", "");
  EXPECT_FALSE(make_data_directory(file + "/x"));
}

TEST(ApiToken, IsMadeOnceAndKept) {
  const TemporaryDirectory directory;
  const auto first = api_token(directory.path());
  ASSERT_TRUE(first);
  EXPECT_TRUE(first->made);
  EXPECT_EQ(mode_of(first->path), 0600U);
  const auto second = api_token(directory.path());
  ASSERT_TRUE(second);
  EXPECT_FALSE(second->made);
  EXPECT_EQ(first->token, second->token);
  EXPECT_EQ(first->token.size(), 69U);
}

TEST(ApiToken, AnEmptyFileIsAnErrorNotAnOpenDoor) {
  const TemporaryDirectory directory;
  directory.write("api-token", "\n");
  const auto token = api_token(directory.path());
  ASSERT_FALSE(token);
  EXPECT_THAT(token.error().message, HasSubstr("no token"));
}

TEST(StoreLock, LetsOneIn) {
  const TemporaryDirectory directory;
  const auto store = directory.path() / "collector.db";
  {
    const auto first = StoreLock::take(store);
    ASSERT_TRUE(first);
    const auto second = StoreLock::take(store);
    ASSERT_FALSE(second);
    EXPECT_THAT(second.error().message, HasSubstr("process " + std::to_string(::getpid())));
  }
  EXPECT_TRUE(StoreLock::take(store));
}

class CertificateTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto made = self_signed_certificate(directory_.path(), "192.0.2.7");
    ASSERT_TRUE(made) << made.error().message;
    files_ = *made;
    FILE* file = std::fopen(files_.certificate.c_str(), "r");
    ASSERT_NE(file, nullptr);
    certificate_ = PEM_read_X509(file, nullptr, nullptr, nullptr);
    std::fclose(file);
    ASSERT_NE(certificate_, nullptr);
  }
  void TearDown() override { X509_free(certificate_); }

  TemporaryDirectory directory_;
  CertificateFiles files_;
  X509* certificate_ = nullptr;
};

TEST_F(CertificateTest, NamesTheHostAndHidesTheKey) {
  EXPECT_TRUE(files_.made);
  EXPECT_EQ(mode_of(files_.key), 0600U);
  EXPECT_TRUE(rpc::read_certificate_and_key(files_.certificate, files_.key));
  EXPECT_EQ(X509_check_host(certificate_, "localhost", 0, 0, nullptr), 1);
  std::array<char, 256> name{};
  ASSERT_EQ(::gethostname(name.data(), name.size() - 1), 0);
  EXPECT_EQ(X509_check_host(certificate_, name.data(), 0, 0, nullptr), 1);
  for (const char* address : {"127.0.0.1", "::1", "192.0.2.7"}) EXPECT_EQ(X509_check_ip_asc(certificate_, address, 0), 1) << address;
  EXPECT_NE(X509_check_ip_asc(certificate_, "192.0.2.8", 0), 1);
}

TEST_F(CertificateTest, IsItsOwnAuthority) {
  X509_STORE* store = X509_STORE_new();
  X509_STORE_add_cert(store, certificate_);
  X509_STORE_CTX* context = X509_STORE_CTX_new();
  X509_STORE_CTX_init(context, store, certificate_, nullptr);
  X509_STORE_CTX_set_purpose(context, X509_PURPOSE_SSL_SERVER);
  EXPECT_EQ(X509_verify_cert(context), 1) << X509_verify_cert_error_string(X509_STORE_CTX_get_error(context));
  X509_STORE_CTX_free(context);
  X509_STORE_free(store);
}

TEST_F(CertificateTest, IsKept) {
  const auto before = content_of(files_.certificate);
  const auto again = self_signed_certificate(directory_.path(), "192.0.2.9");
  ASSERT_TRUE(again);
  EXPECT_FALSE(again->made);
  EXPECT_EQ(content_of(files_.certificate), before);
}

TEST(SelfSigned, AHostileListenHostCannotAddNames) {
  const TemporaryDirectory directory;
  EXPECT_TRUE(self_signed_certificate(directory.path(), "a,DNS:evil.example"));
  FILE* file = std::fopen((directory.path() / "tls-certificate.pem").c_str(), "r");
  ASSERT_NE(file, nullptr);
  X509* certificate = PEM_read_X509(file, nullptr, nullptr, nullptr);
  std::fclose(file);
  EXPECT_NE(X509_check_host(certificate, "evil.example", 0, 0, nullptr), 1);
  X509_free(certificate);
}

}  // namespace
}  // namespace iris::collector
