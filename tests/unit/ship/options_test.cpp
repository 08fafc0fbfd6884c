// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include "rpc/endpoint.h"
#include "ship/backoff.h"
#include "ship/stream_fixture.h"

namespace iris::ship {
namespace {

using namespace test_support;
using testing::HasSubstr;

class OptionsTest : public testing::Test {
 protected:
  OptionsTest() {
    write_file(directory / "token", "iris_secret\n");
    options.token_file = directory / "token";
    options.target = "127.0.0.1:1";
    options.insecure = true;
  }
  std::string fault() {
    const auto uplink = Uplink::create(options, source);
    return uplink ? "" : uplink.error().message;
  }

  TemporaryDirectory directory;
  MemorySource source{1};
  UplinkOptions options;
};

TEST_F(OptionsTest, PlainTextOnlyToThisMachine) {
  for (const char* near : {"127.0.0.1:1", "127.8.9.10:1", "[::1]:1", "unix:/nowhere/socket"}) {
    options.target = near;
    EXPECT_EQ(fault(), "") << near;
  }
  for (const char* far : {"192.0.2.1:443", "collector.example:443", "localhost:443", "[2001:db8::1]:443"}) {
    options.target = far;
    EXPECT_THAT(fault(), HasSubstr("plain text")) << far;
  }
}

TEST_F(OptionsTest, TargetsThatAreNone) {
  options.insecure = false;
  for (const char* target : {"", "host", "host:", "host:x", "host:70000", "host:0", "unix:", "unix:relative",
                             "ipv4:192.0.2.1:443", "xds:///name", "a/b:1", "[127.0.0.1]:1"}) {
    options.target = target;
    EXPECT_NE(fault(), "") << target;
  }
}

TEST_F(OptionsTest, NeedsACredential) {
  options.token_file.clear();
  EXPECT_THAT(fault(), HasSubstr("token file or a client certificate"));
  options.insecure = false;
  options.certificate_file = directory / "gateway.pem";
  EXPECT_THAT(fault(), HasSubstr("key"));
}

TEST_F(OptionsTest, MissingFilesAreNamed) {
  options.insecure = false;
  options.token_file = directory / "no-token";
  EXPECT_THAT(fault(), HasSubstr("no-token: No such file"));
  options.token_file = directory / "token";
  options.ca_file = directory / "no-ca";
  EXPECT_THAT(fault(), HasSubstr("no-ca: No such file"));
}

TEST_F(OptionsTest, TokenThatWouldNotFitAHeaderIsRefusedWithoutQuotingIt) {
  for (const char* text : {"", "two words", "line\nbreak\n", "caf\xc3\xa9"}) {
    write_file(directory / "token", text);
    EXPECT_THAT(fault(), HasSubstr("not a token")) << text;
    EXPECT_THAT(fault(), testing::Not(HasSubstr("words")));
  }
}

TEST_F(OptionsTest, KeyOfAnotherCertificateIsRefused) {
  const TestAuthority authority;
  const auto one = authority.issue("one", "");
  const auto other = authority.issue("other", "");
  write_file(directory / "one.pem", one.certificate);
  write_file(directory / "other.key", other.key);
  options.insecure = false;
  options.certificate_file = directory / "one.pem";
  options.key_file = directory / "other.key";
  EXPECT_THAT(fault(), HasSubstr("is not the key of"));
  write_file(directory / "other.key", one.key);
  EXPECT_EQ(fault(), "");
}

TEST(Backoff, GrowsToItsBoundWithFullJitter) {
  Backoff backoff(500ms, 60'000ms);
  for (const int bound : {500, 1000, 2000, 4000, 8000, 16'000, 32'000, 60'000, 60'000}) {
    EXPECT_LE(backoff.next(), std::chrono::milliseconds(bound));
  }
  auto least = 60'000ms;
  auto most = 0ms;
  for (int i = 0; i < 2000; ++i) {
    const auto pause = backoff.next();
    least = std::min(least, pause);
    most = std::max(most, pause);
    EXPECT_GE(backoff.slowest(), 30'000ms);
  }
  EXPECT_LT(least, 6'000ms);
  EXPECT_GT(most, 54'000ms);
  EXPECT_LE(most, 60'000ms);
  backoff.reset();
  EXPECT_LE(backoff.next(), 500ms);
}

}  // namespace
}  // namespace iris::ship
