// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include <thread>

#include "ship/stream_fixture.h"

namespace iris::ship {
namespace {

using namespace test_support;
using testing::HasSubstr;
using testing::Not;

class SecurityTest : public StreamTest {
 protected:
  bool ships(const UplinkOptions& options) {
    MemorySource source(7);
    source.add(3);
    const auto uplink = connect(options, source);
    return poll_until(*uplink, [&] { return source.empty(); });
  }
  /// The fault of an uplink that must not get a batch through.
  std::string refused(const UplinkOptions& options) {
    MemorySource source(7);
    source.add(3);
    const auto uplink = connect(options, source);
    EXPECT_TRUE(poll_until(*uplink, [&] { return !uplink->status().fault.empty(); }));
    EXPECT_EQ(uplink->status().connections, 0U);
    EXPECT_EQ(uplink->status().sent_batches, 0U);
    EXPECT_EQ(server->status().received_bytes, 0U);
    EXPECT_FALSE(source.empty());
    return uplink->status().fault;
  }
};

TEST_F(SecurityTest, TokenOverTls) {
  start_tls();
  const auto id = add_gateway("g1");
  EXPECT_TRUE(ships(tls_options("g1")));
  EXPECT_EQ(store.windows(id), one_to(3));
  const auto gateway = *store.gateway_by_name("g1");
  EXPECT_EQ(gateway->agent_version, "test");
  EXPECT_NE(gateway->host_name, "");
}

TEST_F(SecurityTest, CollectorOfAnotherAuthorityIsNotTrusted) {
  start_tls();
  add_gateway("g1");
  write_file(directory / "ca.pem", TestAuthority().certificate());
  EXPECT_THAT(refused(tls_options("g1")), Not(HasSubstr(tokens["g1"])));
}

TEST_F(SecurityTest, CollectorOfAnotherNameIsNotTrusted) {
  start_tls();
  add_gateway("g1");
  auto options = tls_options("g1");
  options.server_name = "other.test";
  refused(options);
  options.server_name = "collector.test";
  EXPECT_TRUE(ships(options));
}

TEST_F(SecurityTest, PlainTextToATlsPortGetsNowhere) {
  start_tls();
  add_gateway("g1");
  refused(plain_options("g1"));
}

TEST_F(SecurityTest, UnknownAndRevokedTokensAreRefusedWithoutData) {
  start_tls();
  add_gateway("g1");
  write_file(directory / "stranger.token", collector::new_token());
  EXPECT_THAT(refused(tls_options("stranger")), HasSubstr("refuses this gateway's token (revoked or unknown)"));
  ASSERT_TRUE(store.revoke_gateway("g1"));
  const auto fault = refused(tls_options("g1"));
  EXPECT_THAT(fault, HasSubstr("refuses this gateway's token (revoked or unknown)"));
  EXPECT_THAT(fault, Not(HasSubstr(tokens["g1"])));
  EXPECT_EQ(server->status().refused_streams, 2U);
}

TEST_F(SecurityTest, RefusedTokenIsTriedAgainOnlySlowly) {
  start_plain();
  write_file(directory / "stranger.token", collector::new_token());
  auto options = plain_options("stranger");
  options.max_backoff = 60s;
  MemorySource source(7);
  const auto uplink = connect(options, source);
  ASSERT_TRUE(poll_until(*uplink, [&] { return !uplink->status().fault.empty(); }));
  poll_until(*uplink, [] { return false; }, 300ms);
  EXPECT_EQ(server->status().refused_streams, 1U);
}

TEST_F(SecurityTest, RevocationEndsTheStreamWithinSeconds) {
  start_plain();
  const auto id = add_gateway("g1");
  MemorySource source(7);
  source.add(1);
  auto options = plain_options("g1");
  options.max_backoff = 60s;
  const auto uplink = connect(options, source);
  ASSERT_TRUE(poll_until(*uplink, [&] { return source.empty(); }));
  ASSERT_TRUE(store.revoke_gateway("g1"));
  ASSERT_TRUE(poll_until(*uplink, [&] { return !uplink->status().connected; }, 5s));
  EXPECT_THAT(uplink->status().fault, HasSubstr("revoked"));
  source.add(1);
  poll_until(*uplink, [] { return false; }, 100ms);
  EXPECT_EQ(store.windows(id), one_to(1));
}

TEST_F(SecurityTest, ClientCertificateNamesTheGateway) {
  const TestAuthority fleet;
  start_tls(&fleet);
  const auto id = add_gateway("g1");
  const auto use = [&](const TestAuthority& issuer, const std::string& name) {
    const auto issued = issuer.issue(name, "");
    write_file(directory / "client.pem", issued.certificate);
    write_file(directory / "client.key", issued.key);
    auto options = tls_options("g1");
    options.token_file.clear();
    options.certificate_file = directory / "client.pem";
    options.key_file = directory / "client.key";
    return options;
  };
  EXPECT_THAT(refused(use(fleet, "stranger")), HasSubstr("refuses this gateway's certificate"));
  refused(use(TestAuthority(), "g1"));  // an authority that anybody can make
  EXPECT_TRUE(ships(use(fleet, "g1")));
  EXPECT_EQ(store.windows(id), one_to(3));
  ASSERT_TRUE(store.revoke_gateway("g1"));
  const auto received = server->status().received_bytes;
  MemorySource source(8);
  const auto uplink = connect(use(fleet, "g1"), source);
  EXPECT_TRUE(poll_until(*uplink, [&] { return !uplink->status().fault.empty(); }));
  EXPECT_EQ(server->status().received_bytes, received);
}

TEST_F(SecurityTest, CertificateCountsOnlyWhereItsAuthorityIsSet) {
  start_tls();
  add_gateway("g1");
  const auto issued = authority.issue("g1", "");
  write_file(directory / "client.pem", issued.certificate);
  write_file(directory / "client.key", issued.key);
  auto options = tls_options("g1");
  options.token_file.clear();
  options.certificate_file = directory / "client.pem";
  options.key_file = directory / "client.key";
  EXPECT_THAT(refused(options), HasSubstr("refuses"));
}

TEST_F(SecurityTest, NewTokenIsReadAtTheNextConnection) {
  start_plain();
  add_gateway("g1");
  const auto good = tokens["g1"];
  write_file(directory / "g1.token", collector::new_token());
  MemorySource source(7);
  source.add(2);
  const auto uplink = connect(plain_options("g1"), source);
  ASSERT_TRUE(poll_until(*uplink, [&] { return !uplink->status().fault.empty(); }));
  write_file(directory / "g1.token", good);
  EXPECT_TRUE(poll_until(*uplink, [&] { return source.empty(); }));
}

TEST_F(SecurityTest, CertificatesAreReplacedWithoutARestart) {
  start_tls();
  add_gateway("g1");
  const auto options = tls_options("g1");
  EXPECT_TRUE(ships(options));
  MemorySource source(9);
  const auto uplink = connect(options, source);
  ASSERT_TRUE(poll_until(*uplink, [&] { return uplink->status().connected; }));
  const TestAuthority next;
  install_server_certificate(next);
  write_file(directory / "ca.pem", next.certificate());
  // The stream that stands goes on; a new one trusts the new authority only.
  source.add(1);
  EXPECT_TRUE(poll_until(*uplink, [&] { return source.empty(); }));
  EXPECT_EQ(uplink->status().connections, 1U);
  MemorySource later(10);
  later.add(1);
  const auto reconnected = connect(options, later);
  EXPECT_TRUE(poll_until(*reconnected, [&] { return later.empty(); }));
}

}  // namespace
}  // namespace iris::ship
