// SPDX-License-Identifier: Apache-2.0
#include "flow/merge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>

namespace iris::flow {
namespace {

using ::testing::ElementsAre;

base::IpAddress ip(const char* text) { return *base::IpAddress::parse(text); }

OwnerPtr owner(std::uint64_t cgroup_id, const std::string& name = "") {
  Owner made;
  made.kind = OwnerKind::container;
  made.cgroup_id = cgroup_id;
  made.name = name;
  return std::make_shared<const Owner>(made);
}

FlowRecord flow(std::uint64_t window, const OwnerPtr& of, const char* peer, std::uint64_t bytes) {
  FlowRecord record;
  record.window_start_wall_ns = window;
  record.window_end_wall_ns = window + 10;
  record.owner = of;
  record.protocol = 6;
  record.peer_address = ip(peer);
  record.service_port = 502;
  record.originator_bytes = bytes;
  record.first_seen_wall_ns = window + 1;
  record.last_seen_wall_ns = window + 9;
  return record;
}

Batch batch(std::uint64_t window, std::vector<Record> records) { return {window, window + 10, std::move(records), {}}; }

const FlowRecord& as_flow(const Batch& from, std::size_t index) { return std::get<FlowRecord>(from.records.at(index)); }

TEST(Merge, CountersAddAndExtremesStay) {
  auto first = flow(100, owner(1), "203.0.113.1", 5);
  first.opened = 1;
  first.established = 2;
  first.closed = 3;
  first.active = 4;
  first.failed = {1, 2, 3, 4, 5, 6};
  first.responder_bytes = 7;
  first.originator_packets = 1;
  first.responder_packets = 2;
  first.retransmits = 1;
  first.rtt_us = RttSummary{10, 20, 30};
  first.peer_names = {"a", "b"};
  first.processes = {"p"};
  first.attribution = Attribution::exact;
  first.local_address = ip("203.0.113.9");
  auto second = first;
  second.window_start_wall_ns = 110;
  second.window_end_wall_ns = 120;
  second.active = 1;
  second.rtt_us = RttSummary{5, 40, 25};
  second.peer_names = {"b", "c"};
  second.processes = {"q", "p"};
  second.pre_existing = true;
  second.attribution = Attribution::socket;
  second.first_seen_wall_ns = 90;
  second.last_seen_wall_ns = 115;
  second.peer_device = "meter";

  const Batch merged = merge({batch(100, {first}), batch(110, {second})});
  EXPECT_EQ(merged.start_wall_ns, 100U);
  EXPECT_EQ(merged.end_wall_ns, 120U);
  ASSERT_EQ(merged.records.size(), 1U);
  const auto& sum = as_flow(merged, 0);
  EXPECT_EQ(sum.window_start_wall_ns, 100U);
  EXPECT_EQ(sum.window_end_wall_ns, 120U);
  EXPECT_EQ(sum.opened, 2U);
  EXPECT_EQ(sum.established, 4U);
  EXPECT_EQ(sum.closed, 6U);
  EXPECT_EQ(sum.active, 1U);
  EXPECT_THAT(sum.failed, ElementsAre(2, 4, 6, 8, 10, 12));
  EXPECT_EQ(sum.originator_bytes, 10U);
  EXPECT_EQ(sum.responder_bytes, 14U);
  EXPECT_EQ(sum.originator_packets, 2U);
  EXPECT_EQ(sum.responder_packets, 4U);
  EXPECT_EQ(sum.retransmits, 2U);
  ASSERT_TRUE(sum.rtt_us);
  EXPECT_EQ(sum.rtt_us->min_us, 5U);
  EXPECT_EQ(sum.rtt_us->mean_us, 30U);
  EXPECT_EQ(sum.rtt_us->max_us, 30U);
  EXPECT_THAT(sum.peer_names, ElementsAre("a", "b", "c"));
  EXPECT_THAT(sum.processes, ElementsAre("p", "q"));
  EXPECT_TRUE(sum.pre_existing);
  EXPECT_EQ(sum.attribution, Attribution::socket);
  EXPECT_EQ(sum.first_seen_wall_ns, 90U);
  EXPECT_EQ(sum.last_seen_wall_ns, 115U);
  EXPECT_EQ(sum.peer_device, "meter");
  EXPECT_EQ(sum.local_address, ip("203.0.113.9"));
}

TEST(Merge, EveryPartOfTheKeyTellsApart) {
  const auto base_flow = flow(0, owner(1), "203.0.113.1", 1);
  std::vector<FlowRecord> others(9, base_flow);
  others[0].owner = owner(2);
  others[1].owner = nullptr;
  others[2].role = Role::responder;
  others[3].protocol = 17;
  others[4].peer_address = ip("203.0.113.2");
  others[5].peer_address.reset();
  others[6].service_port = 503;
  others[7].scope = Scope::site;
  others[8].folded = true;
  Batch first = batch(0, {base_flow});
  for (const auto& other : others) first.records.emplace_back(other);
  const Batch merged = merge({first, first});
  ASSERT_EQ(merged.records.size(), 10U);
  for (std::size_t i = 0; i < merged.records.size(); ++i) EXPECT_EQ(as_flow(merged, i).originator_bytes, 2U) << i;
}

TEST(Merge, OneOwnerFromTwoCopiesIsOneAndTheLaterStands) {
  const auto reused_inode = [] {
    Owner made;
    made.cgroup_id = 1;
    made.container_id = "other";
    return std::make_shared<const Owner>(made);
  }();
  ExitRecord exit;
  exit.owner = owner(1, "");
  const Batch merged = merge({batch(0, {flow(0, owner(1, ""), "203.0.113.1", 1), exit}),
                              batch(10, {flow(10, owner(1, "named"), "203.0.113.1", 2)}),
                              batch(20, {flow(20, reused_inode, "203.0.113.1", 4)})});
  ASSERT_EQ(merged.records.size(), 3U);
  EXPECT_EQ(as_flow(merged, 0).originator_bytes, 3U);
  EXPECT_EQ(as_flow(merged, 0).owner->name, "named");
  EXPECT_EQ(std::get<ExitRecord>(merged.records[1]).owner, as_flow(merged, 0).owner) << "the encoder tells by pointer";
  EXPECT_EQ(as_flow(merged, 2).owner, reused_inode);
}

TEST(Merge, LedgersAddAndEndTheBatch) {
  const Ledger first{0, 10, 7, 100, 90, 4, {{"ring_full", 5}, {"decode", 1}}};
  const Ledger second{10, 20, 8, 10, 5, 0, {{"ring_full", 5}}};
  Batch a = batch(0, {first});
  a.gaps = {{1, 2, "agent_stopped", 0, 0}};
  Batch b = batch(10, {flow(10, owner(1), "203.0.113.1", 1), second});
  b.gaps = {{3, 4, "spool_full", 2, 9}};
  const Batch merged = merge({a, b});
  ASSERT_EQ(merged.records.size(), 2U);
  const auto& sum = std::get<Ledger>(merged.records[1]);
  EXPECT_EQ(sum.window_start_wall_ns, 0U + 10U) << "0 is not known";
  EXPECT_EQ(sum.window_end_wall_ns, 20U);
  EXPECT_EQ(sum.sequence, 8U);
  EXPECT_EQ(sum.produced, 110U);
  EXPECT_EQ(sum.delivered, 95U);
  EXPECT_EQ(sum.folded, 4U);
  EXPECT_EQ(sum.dropped, (std::map<std::string, std::uint64_t>{{"ring_full", 10}, {"decode", 1}}));
  EXPECT_THAT(merged.gaps, ElementsAre(a.gaps[0], b.gaps[0]));
}

TEST(Merge, OtherRecordsKeepTheirOrder) {
  const auto exec = [](std::uint32_t pid) { return ExecRecord{pid, nullptr, pid, "sh", "/bin/sh"}; };
  ExitRecord exit;
  exit.pid = 3;
  const Batch merged = merge({batch(0, {exec(1), flow(0, owner(1), "203.0.113.1", 1), exec(2), Ledger{}}),
                              batch(10, {exit, flow(10, owner(1), "203.0.113.1", 1), exec(4), Ledger{}})});
  ASSERT_EQ(merged.records.size(), 6U);
  EXPECT_EQ(std::get<ExecRecord>(merged.records[0]).pid, 1U);
  EXPECT_EQ(as_flow(merged, 1).originator_bytes, 2U);
  EXPECT_EQ(std::get<ExecRecord>(merged.records[2]).pid, 2U);
  EXPECT_EQ(std::get<ExitRecord>(merged.records[3]).pid, 3U);
  EXPECT_EQ(std::get<ExecRecord>(merged.records[4]).pid, 4U);
  EXPECT_TRUE(std::holds_alternative<Ledger>(merged.records[5]));
}

TEST(Merge, NamesAreBounded) {
  std::vector<Batch> batches;
  for (std::uint64_t i = 0; i < 100; ++i) {
    auto one = flow(i, owner(1), "203.0.113.1", 1);
    one.processes = {"p" + std::to_string(i)};
    batches.push_back(batch(i, {one}));
  }
  const Batch merged = merge(std::move(batches));
  EXPECT_EQ(as_flow(merged, 0).originator_bytes, 100U);
  EXPECT_EQ(as_flow(merged, 0).processes.size(), 32U);
  EXPECT_EQ(as_flow(merged, 0).processes[0], "p0");
}

Batch random_batch(std::mt19937& random, std::uint64_t window, const std::vector<OwnerPtr>& owners) {
  const auto below = [&](std::uint32_t limit) { return static_cast<std::uint32_t>(random() % limit); };
  Batch made = batch(window, {});
  for (std::uint32_t i = 0, count = below(12); i < count; ++i) {
    const std::string peer = "203.0.113." + std::to_string(below(3));
    auto one = flow(window, owners[below(static_cast<std::uint32_t>(owners.size()))], peer.c_str(), below(1000));
    one.originator_packets = below(50);
    one.active = below(5);
    if (below(2) == 0) one.rtt_us = RttSummary{below(10), below(100), below(1000)};
    one.processes = {"p" + std::to_string(below(4))};
    one.attribution = static_cast<Attribution>(below(4));
    made.records.emplace_back(one);
    if (below(4) == 0) made.records.emplace_back(ExecRecord{window, one.owner, below(100), "sh", ""});
  }
  made.records.emplace_back(Ledger{window, window + 10, window, below(100), below(100), 0, {{"x", below(3)}}});
  return made;
}

/// Everything that a flow or another record says, as far as the tests vary it.
std::string text_of(const Batch& from) {
  std::string text = std::to_string(from.start_wall_ns) + "-" + std::to_string(from.end_wall_ns) + "\n";
  const auto put = [&](std::uint64_t value) { text += std::to_string(value) + " "; };
  for (const auto& record : from.records) {
    if (const auto* one = std::get_if<FlowRecord>(&record)) {
      put(reinterpret_cast<std::uintptr_t>(one->owner.get()));
      text += one->peer_address->to_string() + " ";
      for (const auto value : {one->window_start_wall_ns, one->window_end_wall_ns, one->originator_bytes, one->active,
                               one->originator_packets, static_cast<std::uint64_t>(one->attribution)}) {
        put(value);
      }
      if (one->rtt_us) {
        for (const auto value : {one->rtt_us->min_us, one->rtt_us->mean_us, one->rtt_us->max_us}) put(value);
      }
      for (const auto& name : one->processes) text += name + " ";
    } else if (const auto* exec = std::get_if<ExecRecord>(&record)) {
      put(reinterpret_cast<std::uintptr_t>(exec->owner.get()));
      put(exec->pid);
    } else {
      const auto& ledger = std::get<Ledger>(record);
      for (const auto value : {ledger.window_start_wall_ns, ledger.window_end_wall_ns, ledger.sequence, ledger.produced,
                               ledger.delivered, ledger.dropped.at("x")}) {
        put(value);
      }
    }
    text += "\n";
  }
  return text;
}

TEST(Merge, InStepsOrAtOnceIsTheSame) {
  std::mt19937 random(2026);
  const std::vector<OwnerPtr> owners{owner(1, "old"), owner(1, "new"), owner(2), nullptr};
  for (int round = 0; round < 500; ++round) {
    const Batch a = random_batch(random, 100, owners);
    const Batch b = random_batch(random, 110, owners);
    const Batch c = random_batch(random, 120, owners);
    const std::string at_once = text_of(merge({a, b, c}));
    ASSERT_EQ(text_of(merge({merge({a, b}), c})), at_once) << "round " << round;
    ASSERT_EQ(text_of(merge({merge({a, b, c})})), at_once) << "round " << round;
  }
}

TEST(Merge, SumsAreExact) {
  std::mt19937 random(7);
  const std::vector<OwnerPtr> owners{owner(1), owner(2), owner(3)};
  std::vector<Batch> batches;
  std::uint64_t bytes = 0;
  for (std::uint64_t window = 0; window < 200; ++window) {
    batches.push_back(random_batch(random, window, owners));
    for (const auto& record : batches.back().records) {
      if (const auto* one = std::get_if<FlowRecord>(&record)) bytes += one->originator_bytes;
    }
  }
  std::uint64_t merged_bytes = 0;
  std::size_t flows = 0;
  for (const auto& record : merge(std::move(batches)).records) {
    if (const auto* one = std::get_if<FlowRecord>(&record)) {
      merged_bytes += one->originator_bytes;
      ++flows;
    }
  }
  EXPECT_EQ(merged_bytes, bytes);
  EXPECT_EQ(flows, 9U) << "three owners, three peers";
}

TEST(CanWait, OnlyWithNothingNew) {
  const auto of = owner(1);
  const Batch before = batch(0, {flow(0, of, "203.0.113.1", 1), flow(0, of, "203.0.113.2", 1)});
  const auto known = flow(10, owner(1, "now with a name"), "203.0.113.1", 5);
  EXPECT_TRUE(can_wait(batch(10, {}), before));
  EXPECT_TRUE(can_wait(batch(10, {known, ExecRecord{}, DnsRecord{}, Ledger{}}), before));
  EXPECT_FALSE(can_wait(batch(10, {known, flow(10, of, "203.0.113.3", 1)}), before));
  EXPECT_FALSE(can_wait(batch(10, {known}), batch(0, {})));
  EXPECT_FALSE(can_wait(batch(10, {ExitRecord{}}), before));
  EXPECT_FALSE(can_wait(batch(10, {ContainerRecord{}}), before));
  Batch with_gap = batch(10, {known});
  with_gap.gaps.push_back({});
  EXPECT_FALSE(can_wait(with_gap, before));
  Ledger ledger;
  ledger.dropped["ring_full"] = 0;
  EXPECT_TRUE(can_wait(batch(10, {ledger}), before));
  ledger.dropped["ring_full"] = 1;
  EXPECT_FALSE(can_wait(batch(10, {ledger}), before));
}

}  // namespace
}  // namespace iris::flow
