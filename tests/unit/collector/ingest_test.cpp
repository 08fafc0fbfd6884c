// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include <filesystem>
#include <thread>

#include "ship/cutting_proxy.h"
#include "ship/stream_fixture.h"

namespace iris::collector {
namespace {

using namespace test_support;
using testing::HasSubstr;

class IngestTest : public StreamTest {};

TEST_F(IngestTest, CutBetweenCommitAndAcknowledgementCountsOnce) {
  start_plain();
  const auto id = add_gateway("g1");
  CuttingProxy proxy(server->port());
  std::atomic<int> cuts{3};
  store.after_commit([&]() -> base::Result<void> {
    if (cuts > 0) {
      --cuts;
      proxy.cut_all();
      std::this_thread::sleep_for(20ms);  // before the acknowledgement can leave
    }
    return {};
  });
  MemorySource source(7);
  source.add(40);
  const auto uplink = connect(plain_options("g1", proxy.port()), source);
  ASSERT_TRUE(poll_until(*uplink, [&] { return source.empty(); }));
  EXPECT_EQ(store.windows(id), one_to(40));
  EXPECT_EQ(cuts, 0);
  EXPECT_GE(uplink->status().connections, 2U);
}

TEST_F(IngestTest, CollectorThatDiesAfterTheCommitCountsOnce) {
  start_plain();
  const auto id = add_gateway("g1");
  std::atomic<bool> dead{false};
  store.after_commit([&]() -> base::Result<void> {
    if (!dead.exchange(true)) return base::fail("killed");  // it is durable, and nobody was told
    return {};
  });
  MemorySource source(7);
  source.add(20);
  const auto uplink = connect(plain_options("g1"), source);
  ASSERT_TRUE(poll_until(*uplink, [&] { return dead.load(); }));
  const int port = server->port();
  server.reset();
  IngestOptions options;
  options.insecure = true;
  start(options, port);
  ASSERT_TRUE(poll_until(*uplink, [&] { return source.empty(); }));
  EXPECT_EQ(store.windows(id), one_to(20));
}

TEST_F(IngestTest, BadNetworkLosesAndDoublesNothing) {
  start_plain();
  const auto id = add_gateway("g1");
  CuttingProxy proxy(server->port(), 20261124);
  proxy.cut_after_at_most(3000);
  MemorySource source(7, 4, 99);
  auto options = plain_options("g1", proxy.port());
  options.keepalive = 1s;  // finds resets that gRPC overlooks
  const auto uplink = connect(options, source);
  const auto end = std::chrono::steady_clock::now() + 15s;
  for (int round = 0; proxy.cuts() < 50 && std::chrono::steady_clock::now() < end; ++round) {
    proxy.set_slow(round % 16 == 3);
    source.add(2);
    uplink->poll(5ms);
  }
  EXPECT_GE(proxy.cuts(), 50) << uplink->status().fault;
  proxy.cut_after_at_most(0);
  proxy.set_slow(false);
  proxy.cut_all();
  ASSERT_TRUE(poll_until(*uplink, [&] { return source.empty(); }));
  EXPECT_EQ(store.windows(id), one_to(source.last()));
}

TEST_F(IngestTest, TwoGatewaysWithTheSameBatchesDoNotMix) {
  start_plain();
  const auto one = add_gateway("g1");
  const auto two = add_gateway("g2");
  MemorySource first(7);
  MemorySource second(7);
  first.add(10);
  second.add(6);
  const auto uplink_one = connect(plain_options("g1"), first);
  const auto uplink_two = connect(plain_options("g2"), second);
  EXPECT_TRUE(poll_until(*uplink_one, [&] {
    uplink_two->poll(1ms);
    return first.empty() && second.empty();
  }));
  EXPECT_EQ(store.windows(one), one_to(10));
  EXPECT_EQ(store.windows(two), one_to(6));
  EXPECT_EQ(server->status().streams, 2U);
  EXPECT_EQ(server->status().flows, 16U);
}

TEST_F(IngestTest, NewerStreamOfAGatewayEndsTheOlder) {
  start_plain();
  const auto id = add_gateway("g1");
  MemorySource source(7);
  MemorySource copy(7);  // the same spool, say of a cloned machine
  source.add(5);
  copy.add(8);
  auto options = plain_options("g1");
  options.max_backoff = 60s;
  const auto older = connect(options, source);
  ASSERT_TRUE(poll_until(*older, [&] { return source.empty(); }));
  const auto newer = connect(options, copy);
  ASSERT_TRUE(poll_until(*newer, [&] { return copy.empty(); }));
  ASSERT_TRUE(poll_until(*older, [&] { return !older->status().connected; }));
  EXPECT_THAT(older->status().fault, HasSubstr("took its place"));
  EXPECT_EQ(store.windows(id), one_to(8));
  EXPECT_EQ(server->status().streams, 1U);
}

TEST_F(IngestTest, TwoMachinesOfOneNameTakeTurnsAndCountOnce) {
  start_plain();
  const auto id = add_gateway("g1");
  MemorySource one(7);
  MemorySource two(8);  // not a clone: a spool of its own
  const auto first = connect(plain_options("g1"), one);
  const auto second = connect(plain_options("g1"), two);
  for (int round = 0; round < 5; ++round) {
    one.add(3);
    two.add(4);
    ASSERT_TRUE(poll_until(*first, [&] { return one.empty(); })) << round;
    ASSERT_TRUE(poll_until(*second, [&] { return two.empty(); })) << round;
  }
  auto windows = store.windows(id);
  std::sort(windows.begin(), windows.end());
  auto expected = one_to(15);
  for (const auto sequence : one_to(20)) expected.push_back(sequence);
  std::sort(expected.begin(), expected.end());
  EXPECT_EQ(windows, expected);
  EXPECT_EQ(server->status().duplicates, 0U);
}

TEST_F(IngestTest, ASpoolPutBackFromABackupBeginsANewEpochInsteadOfLosing) {
  start_plain();
  const auto id = add_gateway("g1");
  {
    MemorySource source(7);
    source.add(9);
    const auto uplink = connect(plain_options("g1"), source);
    ASSERT_TRUE(poll_until(*uplink, [&] { return source.empty(); }));
  }
  MemorySource backup(7);
  backup.add(4);
  const auto uplink = connect(plain_options("g1"), backup);
  ASSERT_TRUE(poll_until(*uplink, [&] { return backup.empty(); }));
  EXPECT_EQ(backup.epoch(), 8U);
  EXPECT_EQ(store.windows(id).size(), 13U);
}

TEST_F(IngestTest, TwoHundredStreamsWithFewThreads) {
  constexpr int kGateways = 200;
  start_plain();
  std::vector<std::int64_t> ids;
  std::vector<std::unique_ptr<MemorySource>> sources;
  std::vector<std::unique_ptr<ship::Uplink>> uplinks;
  for (int i = 0; i < kGateways; ++i) {
    const auto name = "g" + std::to_string(i);
    ids.push_back(add_gateway(name));
    sources.push_back(std::make_unique<MemorySource>(7));
    sources.back()->add(5);
    uplinks.push_back(connect(plain_options(name), *sources.back()));
  }
  const auto all_empty = [&] {
    return std::all_of(sources.begin(), sources.end(), [](const auto& source) { return source->empty(); });
  };
  const auto end = std::chrono::steady_clock::now() + 15s;
  while (!all_empty() && std::chrono::steady_clock::now() < end) {
    for (const auto& uplink : uplinks) uplink->poll(0ms);
    std::this_thread::sleep_for(1ms);
  }
  ASSERT_TRUE(all_empty());
  EXPECT_EQ(server->status().streams, 200U);
  const std::filesystem::directory_iterator tasks("/proc/self/task");
  EXPECT_LT(std::distance(begin(tasks), std::filesystem::directory_iterator()), 40);
  for (const auto id : ids) EXPECT_EQ(store.windows(id), one_to(5));
  EXPECT_LT(store.commits(), 1000U);  // in groups
}

TEST_F(IngestTest, StoreThatFailsAcknowledgesNothing) {
  start_plain();
  const auto id = add_gateway("g1");
  std::atomic<bool> broken{true};
  store.before_commit([&]() -> base::Result<void> {
    if (broken) return base::fail("disk full");
    return {};
  });
  MemorySource source(7);
  source.add(30);
  const auto uplink = connect(plain_options("g1"), source);
  ASSERT_TRUE(poll_until(*uplink, [&] { return uplink->status().connections >= 3; }));
  EXPECT_EQ(source.oldest_sequence(), 1U);
  EXPECT_EQ(server->status().fault, "disk full");
  broken = false;
  ASSERT_TRUE(poll_until(*uplink, [&] { return source.empty(); }));
  EXPECT_EQ(store.windows(id), one_to(30));
  EXPECT_EQ(server->status().fault, "");
}

TEST_F(IngestTest, StopCommitsWhatWaits) {
  start_plain();
  const auto id = add_gateway("g1");
  std::atomic<bool> held{true};
  store.before_commit([&]() -> base::Result<void> {
    while (held) std::this_thread::sleep_for(1ms);
    return {};
  });
  MemorySource source(7);
  source.add(8);
  const auto uplink = connect(plain_options("g1"), source);
  EXPECT_TRUE(poll_until(*uplink, [&] { return server->status().waiting_batches == 8; }));
  std::thread stopper([&] { server->stop(5s); });
  std::this_thread::sleep_for(20ms);
  held = false;
  stopper.join();
  EXPECT_EQ(store.windows(id), one_to(8));
  EXPECT_TRUE(poll_until(*uplink, [&] { return source.empty(); }));  // the acknowledgement came, too
}

TEST(IngestOptionsTest, FaultsOfTheOptionsComeAtOnce) {
  MemoryStore store;
  const auto fault = [&](const IngestOptions& options) {
    const auto server = IngestServer::start(options, store, [] { return std::uint64_t{1}; });
    return server ? std::string() : server.error().message;
  };
  IngestOptions options;
  options.insecure = true;
  options.listen = "0.0.0.0:0";
  EXPECT_THAT(fault(options), HasSubstr("plain text"));
  options.listen = "127.0.0.1:0";
  EXPECT_EQ(fault(options), "");
  const auto first = IngestServer::start(options, store, [] { return std::uint64_t{1}; });
  ASSERT_TRUE(first);
  options.listen = "127.0.0.1:" + std::to_string((*first)->port());
  EXPECT_THAT(fault(options), HasSubstr("cannot listen"));
  options.insecure = false;
  options.certificate_file = "/nowhere/server.pem";
  EXPECT_THAT(fault(options), HasSubstr("/nowhere/server.pem"));
}

TEST(Token, HashIsSha256AndTokensDiffer) {
  using namespace std::string_literals;
  EXPECT_EQ(hash_token("abc"), "\xba\x78\x16\xbf\x8f\x01\xcf\xea\x41\x41\x40\xde\x5d\xae\x22\x23"
                               "\xb0\x03\x61\xa3\x96\x17\x7a\x9c\xb4\x10\xff\x61\xf2\x00\x15\xad"s);
  EXPECT_EQ(new_token().size(), 5 + 64U);
  EXPECT_NE(new_token(), new_token());
}

}  // namespace
}  // namespace iris::collector
