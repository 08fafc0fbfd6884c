// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <numeric>
#include <thread>

#include "collector/ingest_server.h"
#include "collector/memory_store.h"
#include "enrich/temporary_directory.h"
#include "ship/memory_source.h"
#include "ship/uplink.h"
#include "tls/test_authority.h"

namespace iris::test_support {

using namespace std::chrono_literals;

/// Polls until `done` or the time is over; gives whether it was done.
template <typename Done>
bool poll_until(ship::Uplink& uplink, Done done, std::chrono::milliseconds most = 8s) {
  const auto end = std::chrono::steady_clock::now() + most;
  while (!done()) {
    if (std::chrono::steady_clock::now() > end) return false;
    uplink.poll(20ms);
  }
  return true;
}

inline std::vector<std::uint64_t> one_to(std::uint64_t last) {
  std::vector<std::uint64_t> numbers(last);
  std::iota(numbers.begin(), numbers.end(), 1);
  return numbers;
}

/// A collector with a store in memory, and uplinks to it.
class StreamTest : public testing::Test {
 protected:
  void start_tls(const TestAuthority* client_authority = nullptr) {
    install_server_certificate(authority);
    write_file(directory / "ca.pem", authority.certificate());
    collector::IngestOptions options;
    options.certificate_file = directory / "server.pem";
    options.key_file = directory / "server.key";
    if (client_authority != nullptr) {
      write_file(directory / "client-ca.pem", client_authority->certificate());
      options.client_ca_file = directory / "client-ca.pem";
    }
    start(options);
  }
  void start_plain(collector::IngestOptions options = {}) {
    options.insecure = true;
    start(options);
  }
  void start(collector::IngestOptions options, int port = 0) {
    options.listen = "127.0.0.1:" + std::to_string(port);
    options.commit_interval = 1ms;
    auto started = collector::IngestServer::start(options, store, [this] { return now_wall_ns.load(); });
    ASSERT_TRUE(started) << started.error().message;
    server = std::move(*started);
  }
  void install_server_certificate(const TestAuthority& issuer) const {
    const auto issued = issuer.issue("collector", "DNS:collector.test,IP:127.0.0.1");
    write_file(directory / "server.key", issued.key);
    write_file(directory / "server.pem", issued.certificate);
  }
  /// Its id; the token is in `directory`/NAME.token.
  std::int64_t add_gateway(const std::string& name) {
    tokens[name] = collector::new_token();
    write_file(directory / (name + ".token"), tokens[name] + "\n");
    return store.add_gateway(name, collector::hash_token(tokens[name]), 1)->id;
  }
  ship::UplinkOptions plain_options(const std::string& gateway, int port = 0) const {
    ship::UplinkOptions options;
    options.target = "127.0.0.1:" + std::to_string(port != 0 ? port : server->port());
    options.insecure = true;
    options.token_file = directory / (gateway + ".token");
    options.agent_version = "test";
    options.min_backoff = 2ms;
    options.max_backoff = 50ms;
    return options;
  }
  ship::UplinkOptions tls_options(const std::string& gateway) const {
    auto options = plain_options(gateway);
    options.insecure = false;
    options.ca_file = directory / "ca.pem";
    return options;
  }
  static std::unique_ptr<ship::Uplink> connect(const ship::UplinkOptions& options, ship::BatchSource& source) {
    auto uplink = ship::Uplink::create(options, source);
    EXPECT_TRUE(uplink) << (uplink ? "" : uplink.error().message);
    return uplink ? std::move(*uplink) : nullptr;
  }

  TemporaryDirectory directory;
  TestAuthority authority;
  MemoryStore store;
  std::atomic<std::uint64_t> now_wall_ns{1};
  std::map<std::string, std::string> tokens;
  std::unique_ptr<collector::IngestServer> server;
};

}  // namespace iris::test_support
