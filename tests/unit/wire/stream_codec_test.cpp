// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "iris/v1/batch.pb.h"
#include "sample_records.h"
#include "wire/batch_codec.h"
#include "wire/flow_columns.h"
#include "wire/json_writer.h"

namespace iris::wire {
namespace {

using ::testing::HasSubstr;

std::string json_of(const std::vector<flow::Record>& records) {
  JsonWriter writer;
  std::string text;
  for (const auto& record : records) writer.append(text, record);
  return text;
}

std::uint64_t down_to_ms(std::uint64_t seen, std::uint64_t start) {
  if (seen == 0) return 0;
  const auto apart = static_cast<std::int64_t>(seen - start);
  const std::int64_t rest = ((apart % 1'000'000) + 1'000'000) % 1'000'000;
  return seen - static_cast<std::uint64_t>(rest);
}

/// What the other end is to get: the same, but for the stated resolution of two fields.
flow::Batch expected(flow::Batch batch) {
  for (auto& record : batch.records) {
    if (auto* flow = std::get_if<flow::FlowRecord>(&record)) {
      flow->first_seen_wall_ns = down_to_ms(flow->first_seen_wall_ns, flow->window_start_wall_ns);
      flow->last_seen_wall_ns = down_to_ms(flow->last_seen_wall_ns, flow->window_start_wall_ns);
    }
  }
  return batch;
}

class StreamCodecTest : public ::testing::Test {
 protected:
  std::size_t expect_same(const flow::Batch& batch) {
    const auto content = encoder_.encode(batch);
    EXPECT_TRUE(content);
    if (!content) return 0;
    const auto arrived = decoder_.decode(content->bytes, content->content_bytes, content->compressed);
    EXPECT_TRUE(arrived) << arrived.error().message;
    if (!arrived) return 0;
    EXPECT_EQ(arrived->start_wall_ns, batch.start_wall_ns);
    EXPECT_EQ(arrived->end_wall_ns, batch.end_wall_ns);
    EXPECT_EQ(arrived->gaps, batch.gaps);
    EXPECT_EQ(json_of(arrived->records), json_of(expected(batch).records));
    return content->bytes.size();
  }

  StreamEncoder encoder_;
  StreamDecoder decoder_;
};

flow::Batch batch_of(std::vector<flow::Record> records) {
  return {samples::kTime, samples::kTime + 10'000'000'000, std::move(records), {}};
}

TEST_F(StreamCodecTest, EveryKindOfRecordArrivesInOrder) {
  flow::Batch batch = batch_of(samples::all());
  batch.gaps = {{samples::kTime - 9, samples::kTime - 1, "agent_stopped", 0, 0}, {1, UINT64_MAX, "spool_full", 7, 140}};
  const std::size_t first = expect_same(batch);
  const std::size_t second = expect_same(batch);
  EXPECT_LT(second, first) << "owners and keys are sent once";
}

TEST_F(StreamCodecTest, AnEmptyBatchArrives) { expect_same(batch_of({})); }

TEST_F(StreamCodecTest, ExtremesAreExact) {
  flow::FlowRecord flow = samples::full_flow();
  for (const std::uint64_t extreme : {UINT64_MAX, std::uint64_t{0}, UINT64_MAX / 2 + 1}) {
    flow.originator_bytes = flow.closed = flow.retransmits = extreme;
    flow.rtt_us = flow::RttSummary{0, UINT32_MAX, UINT32_MAX};
    flow.first_seen_wall_ns = flow.window_start_wall_ns - 3'600'000'000'001;
    expect_same(batch_of({flow}));
    flow.first_seen_wall_ns = flow.last_seen_wall_ns = 0;
    flow.rtt_us.reset();
    expect_same(batch_of({flow}));
  }
}

/// A gateway with `peers` conversations of each of `owners`, the same from window to window.
std::vector<flow::Record> some_flows(std::mt19937_64& random, std::size_t count, std::uint64_t owners, std::uint64_t peers) {
  static std::vector<flow::OwnerPtr> known;
  while (known.size() < owners) {
    flow::Owner owner = *samples::module_owner();
    owner.cgroup_id = known.size() + 1;
    owner.name = "module" + std::to_string(known.size());
    known.push_back(std::make_shared<const flow::Owner>(owner));
  }
  std::vector<flow::Record> records;
  for (std::size_t i = 0; i < count; ++i) {
    flow::FlowRecord flow = samples::full_flow();
    flow.owner = known[random() % owners];
    flow.peer_owner = random() % 3 == 0 ? known[random() % owners] : nullptr;
    flow.service_port = static_cast<std::uint16_t>(random() % peers);
    if (random() % 5 == 0) flow.peer_address = samples::ip("203.0.113.77");
    flow.originator_bytes = random() >> (random() % 64);
    flow.responder_bytes = random() % 5000;
    flow.failed = {random() % 2, 0, 0, 0, 0, 0};
    if (random() % 2 == 0) flow.rtt_us.reset();
    records.push_back(flow);
    if (random() % 50 == 0) records.push_back(samples::full_exit());
    if (random() % 50 == 0) records.push_back(samples::full_ledger());
  }
  return records;
}

TEST_F(StreamCodecTest, AnyTrafficArrives) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 300; ++round) {
    SCOPED_TRACE(round);
    expect_same(batch_of(some_flows(random, random() % 60, 20, 30)));
    if (HasFailure()) return;
  }
}

// More owners and keys than the tables have slots: numbers get new meanings, in the middle of a batch too.
TEST_F(StreamCodecTest, NumbersThatGetNewMeaningsAreUnderstood) {
  std::mt19937_64 random(8);
  for (int round = 0; round < 12; ++round) {
    SCOPED_TRACE(round);
    expect_same(batch_of(some_flows(random, 3000, 1500, 60'000)));
    if (HasFailure()) return;
  }
}

TEST_F(StreamCodecTest, SteadyTrafficIsSmall) {
  std::mt19937_64 random(9);
  constexpr std::size_t kKeys = 20;
  std::vector<flow::FlowRecord> flows;
  for (std::size_t i = 0; i < kKeys; ++i) {
    flow::FlowRecord flow = samples::full_flow();
    flow.service_port = static_cast<std::uint16_t>(i);
    flow.failed = {};
    flow.retransmits = 0;
    flow.active = 0;
    flow.folded = flow.pre_existing = false;
    flows.push_back(flow);
  }
  std::size_t bytes = 0, summaries = 0;
  for (std::uint64_t window = 0; window < 60; ++window) {
    flow::Batch batch{samples::kTime + window * 60'000'000'000, samples::kTime + (window + 1) * 60'000'000'000, {}, {}};
    for (flow::FlowRecord& flow : flows) {
      flow.window_start_wall_ns = batch.start_wall_ns;
      flow.window_end_wall_ns = batch.end_wall_ns;
      flow.first_seen_wall_ns = batch.start_wall_ns + random() % 5'000'000'000;
      flow.last_seen_wall_ns = batch.end_wall_ns - random() % 5'000'000'000;
      flow.opened = flow.established = flow.closed = 12;
      flow.originator_bytes = 12 * 60 + random() % 3 * 60;
      flow.responder_bytes = 12 * 45 + random() % 3 * 45;
      flow.originator_packets = 12 * 6 + random() % 4;
      flow.responder_packets = 12 * 5 + random() % 4;
      flow.rtt_us = flow::RttSummary{static_cast<std::uint32_t>(80 + random() % 40), static_cast<std::uint32_t>(150 + random() % 60),
                                     static_cast<std::uint32_t>(300 + random() % 400)};
      batch.records.emplace_back(flow);
    }
    flow::Ledger ledger = samples::full_ledger();
    ledger.dropped.clear();
    batch.records.emplace_back(ledger);
    const std::size_t size = expect_same(batch);
    if (window == 0) continue;  // what is sent once
    bytes += size + 45;         // frames of gRPC, HTTP/2 and TLS
    summaries += kKeys;
  }
  const double each = static_cast<double>(bytes) / static_cast<double>(summaries);
  RecordProperty("bytes_per_summary", std::to_string(each));
  EXPECT_LT(each, 24.0);
}

// ---- what a foreign sender may send ----

class HostileContentTest : public ::testing::Test {
 protected:
  std::string refusal(const v1::StreamContent& content) {
    const std::string bytes = content.SerializeAsString();
    const auto batch = decoder_.decode(bytes, static_cast<std::uint32_t>(bytes.size()), false);
    if (batch) return "";
    EXPECT_FALSE(decoder_.decode("", 0, false)) << "a broken stream stays broken";
    return batch.error().message;
  }

  StreamDecoder decoder_;
};

TEST_F(HostileContentTest, SizesAreChecked) {
  EXPECT_FALSE(StreamDecoder().decode("abc", 4, false));
  EXPECT_FALSE(StreamDecoder().decode("abc", 3, false));
  EXPECT_FALSE(StreamDecoder().decode("abc", 3, true));
  EXPECT_FALSE(StreamDecoder().decode("", UINT32_MAX, true));
  EXPECT_TRUE(StreamDecoder().decode("", 0, false));
}

TEST_F(HostileContentTest, WindowThatEndsBeforeItStarts) {
  v1::StreamContent content;
  content.set_start_wall_ns(samples::kTime);
  content.set_end_wall_ns(samples::kTime - 1);
  EXPECT_THAT(refusal(content), HasSubstr("ends before it starts"));
}

TEST_F(HostileContentTest, KeyThatWasNotDefined) {
  v1::StreamContent content;
  auto* block = content.add_blocks();
  block->set_flows(1);
  block->add_key(0);
  EXPECT_THAT(refusal(content), HasSubstr("not defined"));
}

TEST_F(HostileContentTest, KeyNumberOutOfItsTable) {
  v1::StreamContent content;
  auto* block = content.add_blocks();
  block->add_keys();
  block->add_key_numbers(kMaxFlowKeys);
  EXPECT_THAT(refusal(content), HasSubstr("out of range"));
}

TEST_F(HostileContentTest, MoreFlowsThanKeys) {
  v1::StreamContent content;
  content.add_blocks()->set_flows(UINT32_MAX);
  EXPECT_THAT(refusal(content), HasSubstr("without keys"));
}

TEST_F(HostileContentTest, ColumnLongerThanFlows) {
  v1::StreamContent content;
  content.add_blocks()->add_opened(1);
  EXPECT_THAT(refusal(content), HasSubstr("more values than flows"));
}

TEST_F(HostileContentTest, OwnerThatWasNotDefined) {
  v1::StreamContent content;
  auto* block = content.add_blocks();
  block->add_keys()->set_owner(3);
  block->add_key_numbers(0);
  block->set_flows(1);
  block->add_key(0);
  EXPECT_THAT(refusal(content), HasSubstr("owner"));
}

TEST_F(HostileContentTest, IdentitiesOutOfRange) {
  const auto refusal_of = [](auto change) {
    v1::StreamContent content;
    change(*content.add_blocks()->add_messages());
    const std::string bytes = content.SerializeAsString();
    const auto batch = StreamDecoder().decode(bytes, static_cast<std::uint32_t>(bytes.size()), false);
    return batch ? std::string() : batch.error().message;
  };
  const auto device = [](v1::Message& message) -> v1::Device& { return *message.mutable_device()->mutable_device(); };
  EXPECT_THAT(refusal_of([](v1::Message& m) { m.mutable_device()->set_change(static_cast<v1::DeviceChangeKind>(9)); }),
              HasSubstr("device change"));
  EXPECT_THAT(refusal_of([&](v1::Message& m) { device(m).add_addresses()->set_ip("12345"); }), HasSubstr("device address"));
  EXPECT_THAT(refusal_of([&](v1::Message& m) { device(m).set_tags(std::string(70'000, ' ')); }), HasSubstr("size of a device"));
  EXPECT_THAT(refusal_of([](v1::Message& m) { m.mutable_security_event()->set_severity(6); }), HasSubstr("severity"));
  EXPECT_THAT(refusal_of([](v1::Message& m) { m.mutable_security_event(); }), HasSubstr("severity"));
}

TEST_F(HostileContentTest, RoundTripTimeOutOfRange) {
  v1::StreamContent content;
  auto* block = content.add_blocks();
  block->add_keys();
  block->add_key_numbers(0);
  block->set_flows(1);
  block->add_key(0);
  block->add_rtt_min(INT64_MAX);
  EXPECT_THAT(refusal(content), HasSubstr("round-trip"));
}

TEST_F(HostileContentTest, KeyThatIsTooLarge) {
  v1::StreamContent content;
  auto* block = content.add_blocks();
  block->add_keys()->add_peer_names(std::string(kMaxFlowKeyBytes + 1, 'x'));
  block->add_key_numbers(0);
  EXPECT_THAT(refusal(content), HasSubstr("too large"));
}

// One key of a few bytes, named by each of a million flows.
TEST_F(HostileContentTest, FewBytesDoNotTakeMuchMemory) {
  v1::StreamContent content;
  auto* block = content.add_blocks();
  block->add_keys()->add_peer_names(std::string(8000, 'x'));
  block->add_key_numbers(0);
  block->set_flows(1'000'000);
  for (int i = 0; i < 1'000'000; ++i) block->add_key(0);
  EXPECT_THAT(refusal(content), HasSubstr("too much memory"));
}

TEST_F(HostileContentTest, WhatALaterVersionAddsIsSkipped) {
  v1::StreamContent content;
  auto* block = content.add_blocks();
  ASSERT_TRUE(block->add_messages()->ParseFromString("\xa2\x06\x01x"));  // field 100, a kind of record not known
  EXPECT_EQ(refusal(content), "");
}

TEST_F(HostileContentTest, AnyBytesAreSurvived) {
  std::mt19937_64 random(10);
  StreamEncoder encoder;
  const auto good = encoder.encode(batch_of(samples::all()));
  ASSERT_TRUE(good);
  int refused = 0;
  for (int round = 0; round < 3000; ++round) {
    std::string bytes = good->bytes;
    for (std::uint64_t i = random() % 4 + 1; i > 0; --i) bytes[random() % bytes.size()] = static_cast<char>(random());
    StreamDecoder decoder;
    refused += decoder.decode(bytes, good->content_bytes, good->compressed) ? 0 : 1;
  }
  EXPECT_GT(refused, 1000);
}

}  // namespace
}  // namespace iris::wire
