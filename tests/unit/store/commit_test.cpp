// SPDX-License-Identifier: Apache-2.0
#include "store_fixture.h"

namespace iris::store {
namespace {

TEST_F(StoreTest, CommitsEachBatchOnce) {
  const auto id = add("one");
  EXPECT_EQ(commit({make_batch(id, 1), make_batch(id, 2)}),
            (std::vector{CommitResult::committed, CommitResult::committed}));
  EXPECT_EQ(commit({make_batch(id, 1), make_batch(id, 2), make_batch(id, 3)}),
            (std::vector{CommitResult::duplicate, CommitResult::duplicate, CommitResult::committed}));
  auto merged = make_batch(id, 3);
  merged.last_sequence = 5;
  EXPECT_EQ(commit({merged}), std::vector{CommitResult::overlap});
  EXPECT_EQ(store_->position(id, 7).value(), 3U);
  EXPECT_EQ(store_->position(id, 8).value(), 0U);
  EXPECT_EQ(bytes(id), 300U);
}

TEST_F(StoreTest, NothingBehindAnOverlapIsCommitted) {
  const auto one = add("one");
  const auto two = add("two");
  commit({make_batch(one, 1), make_batch(one, 2)});
  auto overlapping = make_batch(one, 2);
  overlapping.last_sequence = 4;
  EXPECT_EQ(commit({overlapping, make_batch(one, 5), make_batch(two, 1), make_batch(one, 1, 100, 8), make_batch(one, 6)}),
            (std::vector{CommitResult::overlap, CommitResult::overlap, CommitResult::committed, CommitResult::committed,
                         CommitResult::overlap}));
  EXPECT_EQ(store_->position(one, 7).value(), 2U);
  // It begins again behind the position, and nothing is missing.
  EXPECT_EQ(commit({make_batch(one, 3), make_batch(one, 4), make_batch(one, 5), make_batch(one, 6)}),
            std::vector(4, CommitResult::committed));
  EXPECT_EQ(store_->ledger(one, {})->verdict(), "complete");
}

TEST_F(StoreTest, DoesNotMixGatewaysOrEpochs) {
  const auto one = add("one");
  const auto two = add("two");
  commit({make_batch(one, 1, 100), make_batch(two, 1, 1000), make_batch(one, 1, 10, 8)});
  EXPECT_EQ(bytes(one), 110U);  // a new epoch adds to the same window
  EXPECT_EQ(bytes(two), 1000U);
}

TEST_F(StoreTest, GivesBackAllOfAFlow) {
  const auto id = add("one");
  auto batch = make_batch(id, 1);
  auto& flow = std::get<flow::FlowRecord>(batch.batch.records[0]);
  flow.role = flow::Role::responder;
  flow.local_address = base::IpAddress::parse("203.0.113.1");
  flow.peer_names = {"meter.example", "a\"b"};
  flow.peer_owner = make_owner("peer");
  flow.peer_device = "meter-9";
  flow.scope = flow::Scope::site;
  flow.failed = {1, 2, 3, 4, 5, 6};
  flow.processes = {"modbusd", "sh"};
  flow.pre_existing = flow.folded = true;
  flow.retransmits = UINT64_MAX;
  flow.attribution = flow::Attribution::exact;
  commit({batch});
  const auto found = flows();
  ASSERT_EQ(found.size(), 1U);
  const auto& got = found[0].flow;
  EXPECT_EQ(got.window_start_wall_ns, flow.window_start_wall_ns);
  EXPECT_EQ(got.window_end_wall_ns, flow.window_end_wall_ns);
  EXPECT_EQ(got.role, flow.role);
  EXPECT_EQ(got.local_address, flow.local_address);
  EXPECT_EQ(got.peer_address, flow.peer_address);
  EXPECT_EQ(got.peer_names, flow.peer_names);
  ASSERT_TRUE(got.owner && got.peer_owner);
  EXPECT_EQ(got.owner->labels, flow.owner->labels);
  EXPECT_EQ(got.owner->container_id, flow.owner->container_id);
  EXPECT_EQ(got.peer_owner->name, "peer");
  EXPECT_EQ(got.peer_device, "meter-9");
  EXPECT_EQ(got.scope, flow.scope);
  EXPECT_EQ(got.failed, flow.failed);
  EXPECT_EQ(got.processes, flow.processes);
  EXPECT_TRUE(got.pre_existing && got.folded);
  EXPECT_EQ(got.retransmits, UINT64_MAX);
  EXPECT_EQ(got.active, 2U);
  ASSERT_TRUE(got.rtt_us);
  EXPECT_EQ(got.rtt_us->mean_us, 20U);
  EXPECT_EQ(got.first_seen_wall_ns, flow.first_seen_wall_ns);
  EXPECT_EQ(got.attribution, flow.attribution);
  EXPECT_EQ(store_->owners(id)->size(), 2U);
}

TEST_F(StoreTest, FiltersAndPages) {
  const auto one = add("one");
  const auto two = add("two");
  auto batch = make_batch(two, 1);
  for (int i = 0; i < 10; ++i) {
    batch.batch.records.push_back(make_flow(kNoon + static_cast<std::uint64_t>(i) * kSecond, "other", "203.0.113.9", 443, 1));
  }
  commit({make_batch(one, 2), make_batch(one, 3), batch});
  EXPECT_EQ(flows().size(), 13U);
  FlowQuery query;
  query.owner = "modbus";
  EXPECT_EQ(flows(query).size(), 3U);
  query.gateway_id = one;
  EXPECT_EQ(flows(query).size(), 2U);
  query = {};
  query.peer = base::Cidr::parse("203.0.113.0/24");
  query.port = 443;
  EXPECT_EQ(flows(query).size(), 10U);
  query.port = 444;
  EXPECT_TRUE(flows(query).empty());
  query = {};
  query.limit = 4;
  std::vector<std::uint64_t> starts;
  for (query.offset = 0; query.offset < 20; query.offset += 4) {
    for (const auto& found : flows(query)) starts.push_back(found.flow.window_start_wall_ns);
  }
  EXPECT_EQ(starts.size(), 13U);
  EXPECT_TRUE(std::is_sorted(starts.begin(), starts.end()));
}

TEST_F(StoreTest, NamesMissingSequences) {
  const auto id = add("one");
  commit({make_batch(id, 1), make_batch(id, 4)});
  auto explained = make_batch(id, 9);
  explained.batch.gaps = {{kNoon, kNoon + kSecond, "spool_full", 4, 3}};
  commit({explained});
  const auto account = store_->ledger(id, {});
  ASSERT_TRUE(account) << account.error().message;
  ASSERT_EQ(account->gaps.size(), 2U);
  EXPECT_EQ(account->gaps[0].reason, "spool_full");
  EXPECT_EQ(account->gaps[1].reason, "sequence_missing");
  EXPECT_EQ(account->gaps[1].windows, 2U);
  EXPECT_EQ(account->gaps[1].start_wall_ns, kNoon + 20 * kSecond);
  EXPECT_EQ(account->gaps[1].end_wall_ns, kNoon + 40 * kSecond);
  EXPECT_EQ(account->verdict(), "2 gaps from 2026-01-02T12:00:00Z to 2026-01-02T12:00:40Z");
}

TEST_F(StoreTest, GivesTheVerdictOfTheLedger) {
  const auto id = add("one");
  EXPECT_EQ(store_->ledger(id, {})->verdict(), "no data");
  commit({make_batch(id, 1), make_batch(id, 2)});
  EXPECT_EQ(store_->ledger(id, {})->verdict(), "complete");
  auto lossy = make_batch(id, 3);
  lossy.batch.records = {make_ledger(kNoon + 30 * kSecond, 20, 12)};
  commit({lossy});
  EXPECT_EQ(store_->ledger(id, {})->verdict(), "12 lost");
  EXPECT_EQ(store_->ledger(id, {kNoon, kNoon + 30 * kSecond})->verdict(), "complete");
  auto untrue = make_batch(id, 4);
  auto ledger = make_ledger(kNoon + 40 * kSecond, 9);
  ledger.delivered = 4;
  untrue.batch.records = {ledger};
  commit({untrue});
  EXPECT_EQ(store_->ledger(id, {})->verdict(), "12 lost, 5 not accounted for");
}

TEST_F(StoreTest, KeepsGateways) {
  const auto id = add("one");
  EXPECT_FALSE(store_->add_gateway("one", std::string(32, 'x'), kNoon));
  EXPECT_FALSE(store_->revoke_gateway("none"));
  Gateway hello;
  hello.id = id;
  hello.agent_version = "1";
  hello.host_name = "gw";
  EXPECT_TRUE(store_->describe_gateway(hello));
  EXPECT_TRUE(store_->revoke_gateway("one"));
  commit({make_batch(id, 1)});
  reopen();
  const auto found = store_->gateway_by_token("one" + std::string(29, '#'));
  ASSERT_TRUE(found && *found);
  EXPECT_TRUE((*found)->revoked);
  EXPECT_EQ((*found)->host_name, "gw");
  EXPECT_EQ((*found)->last_seen_wall_ns, kNoon + kDay);
  EXPECT_EQ(store_->gateways()->size(), 1U);
}

TEST_F(StoreTest, DescribesManyGatewaysAtOnce) {
  std::vector<Gateway> hellos(2);
  for (auto& hello : hellos) {
    hello.id = add("gateway" + std::to_string(&hello - hellos.data()));
    hello.agent_version = std::to_string(hello.id);
  }
  EXPECT_TRUE(store_->describe_gateways(hellos));
  reopen();
  const auto gateways = store_->gateways();
  ASSERT_EQ(gateways->size(), 2U);
  for (const auto& gateway : *gateways) EXPECT_EQ(gateway.agent_version, std::to_string(gateway.id));
}

}  // namespace
}  // namespace iris::store
