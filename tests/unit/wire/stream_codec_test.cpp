// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "iris/v1/batch.pb.h"
#include "sample_records.h"
#include "stream_check.h"
#include "wire/memory_cost.h"
#include "wire/stream_state.h"

namespace iris::wire {
namespace {

using ::testing::HasSubstr;

constexpr std::uint64_t kMinute = 60'000'000'000;

flow::Batch batch_of(std::vector<flow::Record> records, std::uint64_t start = samples::kTime) {
  return {start, start + kMinute, std::move(records), {}};
}

/// What the encoder sends, readable: small batches only.
v1::StreamContent content_of(StreamEncoder& encoder, const flow::Batch& batch) {
  const auto encoded = encoder.encode(batch);
  EXPECT_TRUE(encoded);
  v1::StreamContent content;
  EXPECT_FALSE(encoded->compressed) << "too large to be looked into";
  EXPECT_TRUE(content.ParseFromString(encoded->bytes));
  return content;
}

flow::FlowRecord small_flow() {
  flow::FlowRecord flow;
  flow.window_start_wall_ns = samples::kTime;
  flow.window_end_wall_ns = samples::kTime + kMinute;
  flow.peer_address = samples::ip("203.0.113.9");
  flow.service_port = 8883;
  flow.originator_bytes = 1000;
  return flow;
}

base::Result<flow::Batch> decode(StreamDecoder& decoder, const std::string& bytes) {
  return decoder.decode(bytes, static_cast<std::uint32_t>(bytes.size()), false);
}
base::Result<flow::Batch> decode(StreamDecoder& decoder, const v1::StreamContent& content) {
  return decode(decoder, content.SerializeAsString());
}
std::string error_of(const v1::StreamContent& content) {
  StreamDecoder decoder;
  const auto batch = decode(decoder, content);
  EXPECT_FALSE(batch);
  if (batch) return "";
  const auto again = decode(decoder, v1::StreamContent());
  EXPECT_FALSE(again) << "it stays refused";
  return batch.error().message;
}

TEST(StreamCodec, GivesBackEveryRecordInOrder) {
  StreamEncoder encoder;
  StreamDecoder decoder;
  flow::Batch batch = batch_of(samples::all());
  batch.gaps = {{1, 2, "spool_full", 3, 4}, {}};
  for (int i = 0; i < 3; ++i) {
    expect_same(encoder, decoder, batch);
    std::rotate(batch.records.begin(), batch.records.begin() + 5, batch.records.end());
  }
  expect_same(encoder, decoder, {});
  EXPECT_EQ(decoder.skipped_records(), 0U);
}

TEST(StreamCodec, SendsOwnersNamesAndKeysOnce) {
  StreamEncoder encoder;
  StreamDecoder decoder;
  const std::size_t first = expect_same(encoder, decoder, batch_of({samples::full_flow()})).bytes.size();
  // Other objects of the same value: the spool makes new ones for each batch.
  const auto second = content_of(encoder, batch_of({samples::full_flow()}, samples::kTime + kMinute));
  ASSERT_EQ(second.blocks_size(), 1);
  EXPECT_EQ(second.blocks(0).owners_size() + second.blocks(0).names_size() + second.blocks(0).keys_size(), 0);
  EXPECT_LT(second.ByteSizeLong(), 60U);
  EXPECT_GT(first, 200U);
}

TEST(StreamCodec, SendsNothingForWhatStaysTheSame) {
  StreamEncoder encoder;
  content_of(encoder, batch_of({small_flow()}));
  auto flow = small_flow();
  flow.window_start_wall_ns += kMinute;
  flow.window_end_wall_ns += kMinute;
  EXPECT_EQ(content_of(encoder, batch_of({flow}, samples::kTime + kMinute)).ByteSizeLong(), 4U)
      << "one block with the number of its flows";
}

TEST(StreamCodec, SendsAKeyAgainWhenItChanged) {
  StreamEncoder encoder;
  StreamDecoder decoder;
  auto flow = samples::full_flow();
  const auto renamed = [&](const flow::Owner& before) {
    auto owner = before;
    owner.labels["more"] = "is known";
    return std::make_shared<const flow::Owner>(owner);
  };
  expect_same(encoder, decoder, batch_of({flow}));
  flow.processes.push_back("one more");
  expect_same(encoder, decoder, batch_of({flow}));
  flow.peer_names.clear();
  flow.local_address.reset();
  expect_same(encoder, decoder, batch_of({flow}));
  flow.owner = renamed(*flow.owner);
  expect_same(encoder, decoder, batch_of({flow}));
  flow.peer_owner = renamed(*flow.peer_owner);
  expect_same(encoder, decoder, batch_of({flow}));
  flow.pre_existing = false;
  flow.attribution = flow::Attribution::socket;
  const auto content = content_of(encoder, batch_of({flow}));
  ASSERT_EQ(content.blocks_size(), 1);
  ASSERT_EQ(content.blocks(0).keys_size(), 1);
  EXPECT_TRUE(content.blocks(0).keys(0).update());
  EXPECT_EQ(content.blocks(0).owners_size(), 0);
}

TEST(StreamCodec, KeepsApartFlowsThatDifferInTheRestOfTheirKey) {
  StreamEncoder encoder;
  StreamDecoder decoder;
  std::vector<flow::Record> records;
  for (int i = 0; i < 6; ++i) {
    auto flow = samples::full_flow();
    flow.local_address = samples::ip(i % 2 == 0 ? "203.0.113.5" : "203.0.113.6");
    flow.opened = static_cast<std::uint64_t>(i);
    records.emplace_back(flow);
  }
  expect_same(encoder, decoder, batch_of(records));
}

TEST(StreamCodec, SeenTimesAreWholeMillisecondsInsideTheWindow) {
  StreamEncoder encoder;
  StreamDecoder decoder;
  auto flow = small_flow();
  flow.first_seen_wall_ns = flow.window_start_wall_ns + 1'999'999;
  flow.last_seen_wall_ns = flow.window_end_wall_ns - 1'999'999;
  const auto encoded = encoder.encode(batch_of({flow}));
  ASSERT_TRUE(encoded);
  const auto batch = decoder.decode(encoded->bytes, encoded->content_bytes, encoded->compressed);
  ASSERT_TRUE(batch);
  const auto& seen = std::get<flow::FlowRecord>(batch->records.at(0));
  EXPECT_EQ(seen.first_seen_wall_ns, flow.window_start_wall_ns + 1'000'000);
  EXPECT_EQ(seen.last_seen_wall_ns, flow.window_end_wall_ns - 1'000'000);
}

TEST(StreamCodec, HoldsExtremes) {
  StreamEncoder encoder;
  StreamDecoder decoder;
  auto flow = small_flow();
  for (const std::uint64_t value : {UINT64_MAX, std::uint64_t{0}, std::uint64_t{1} << 32, std::uint64_t{1} << 63}) {
    flow.originator_bytes = value;
    flow.failed[5] = ~value;
    flow.rtt_us = flow::RttSummary{static_cast<std::uint32_t>(value), UINT32_MAX, static_cast<std::uint32_t>(~value)};
    flow.window_start_wall_ns = value;
    flow.first_seen_wall_ns = 5'000'000;
    flow.last_seen_wall_ns = flow.window_end_wall_ns + kMinute;
    expect_same(encoder, decoder, {value, ~value, {flow, flow}, {}});
    flow.rtt_us.reset();
    expect_same(encoder, decoder, {~value, value, {flow}, {}});
  }
}

TEST(StreamCodec, EndsABlockWhenATableIsFull) {
  StreamEncoder encoder;
  StreamDecoder decoder;
  std::vector<flow::Record> records;
  for (std::uint32_t i = 0; i < 20'000; ++i) {
    auto flow = small_flow();
    flow.peer_address->bytes[12] = static_cast<std::uint8_t>(i >> 8);
    flow.peer_address->bytes[13] = static_cast<std::uint8_t>(i);
    if (i % 3 == 0) flow.peer_names = {"name-" + std::to_string(i)};
    if (i % 10 == 0) {
      flow::Owner owner;
      owner.cgroup_id = i;
      flow.owner = std::make_shared<const flow::Owner>(owner);
    }
    records.emplace_back(flow);
  }
  expect_same(encoder, decoder, batch_of(records));
  expect_same(encoder, decoder, batch_of(records));
}

TEST(StreamCodec, ResetsTheStreamBeforeItsTablesTakeTooMuch) {
  StreamEncoder encoder;
  StreamDecoder decoder;
  for (int round = 0; round < 4; ++round) {
    std::vector<flow::Record> records;
    for (int i = 0; i < 300; ++i) {
      flow::Owner owner;
      owner.name = std::to_string(round) + "-" + std::to_string(i);
      owner.labels["large"] = std::string(16'000, 'x');
      records.emplace_back(flow::ExecRecord{1, std::make_shared<const flow::Owner>(owner), 2, "sh", "/bin/sh"});
    }
    expect_same(encoder, decoder, batch_of(records));
  }
}

TEST(StreamCodec, RefusesToSendWhatNobodyAccepts) {
  StreamEncoder encoder;
  EXPECT_FALSE(encoder.encode(batch_of(std::vector<flow::Record>(kMaxRecords + 1, small_flow()))));
  EXPECT_TRUE(encoder.encode(batch_of({small_flow()}))) << "nothing had been taken note of";
  flow::ExecRecord exec;
  exec.executable = std::string(300'000, 'x');
  EXPECT_FALSE(encoder.encode(batch_of({exec})));
  EXPECT_FALSE(encoder.encode(batch_of({small_flow()}))) << "the receiver never saw what was defined";
}

// ---- versions

TEST(StreamCodecVersions, IgnoresUnknownFieldsEverywhere) {
  v1::StreamContent content;
  auto* block = content.add_blocks();
  block->set_flows(1);
  auto* key = block->add_keys();
  key->set_number(1);
  std::string unknown;
  for (const char* field : {"\xa2\x06\x03xyz", "\xa8\x06\x7f", "\xad\x06""1234", "\xb1\x06""12345678"}) unknown += field;
  ASSERT_TRUE(key->MergeFromString(unknown));
  ASSERT_TRUE(block->MergeFromString(unknown));
  ASSERT_TRUE(content.MergeFromString(unknown));
  StreamDecoder decoder;
  const auto batch = decode(decoder, content);
  ASSERT_TRUE(batch) << batch.error().message;
  EXPECT_EQ(batch->records.size(), 1U);
}

TEST(StreamCodecVersions, SkipsAndCountsUnknownKindsOfRecord) {
  v1::StreamContent content;
  auto* block = content.add_blocks();
  block->set_flows(2);
  block->add_key(0);
  block->add_key(-1);
  block->add_keys()->set_number(1);
  block->add_opened(7);
  block->add_opened(1);
  block->add_flows_before(1);  // flow, unknown, exit, unknown, flow
  ASSERT_TRUE(block->add_records()->MergeFromString("\xa2\x06\x03xyz"));
  block->add_records()->mutable_record()->mutable_exit()->set_pid(5);
  ASSERT_TRUE(block->add_records()->mutable_record()->MergeFromString("\xa2\x06\x03xyz"));
  StreamDecoder decoder;
  const auto batch = decode(decoder, content);
  ASSERT_TRUE(batch) << batch.error().message;
  EXPECT_EQ(decoder.skipped_records(), 2U);
  ASSERT_EQ(batch->records.size(), 3U);
  EXPECT_EQ(std::get<flow::FlowRecord>(batch->records[0]).opened, 7U);
  EXPECT_EQ(std::get<flow::ExitRecord>(batch->records[1]).pid, 5U);
  EXPECT_EQ(std::get<flow::FlowRecord>(batch->records[2]).opened, 8U);
}

// ---- hostile senders

TEST(StreamCodecHostile, RefusesNumbersWithoutAMeaning) {
  const auto error = [](const auto& change) {
    v1::StreamContent content;
    change(*content.add_blocks());
    return error_of(content);
  };
  EXPECT_THAT(error([](auto& block) { block.set_flows(1); }), HasSubstr("flow key has no meaning"));
  EXPECT_THAT(error([](auto& block) { block.add_owners(); }), HasSubstr("owner number"));
  EXPECT_THAT(error([](auto& block) { block.add_names()->set_number(kMaxNames + 1); }), HasSubstr("name number"));
  EXPECT_THAT(error([](auto& block) { block.add_keys()->set_number(kMaxKeys + 1); }), HasSubstr("flow key out of"));
  const auto key_error = [&](const auto& change) {
    return error([&](auto& block) {
      auto* key = block.add_keys();
      key->set_number(1);
      change(*key);
    });
  };
  EXPECT_THAT(key_error([](auto& key) { key.set_update(true); }), HasSubstr("not defined"));
  EXPECT_THAT(key_error([](auto& key) { key.set_owner(1); }), HasSubstr("owner number of a flow key"));
  EXPECT_THAT(key_error([](auto& key) { key.set_peer_owner(70'000); }), HasSubstr("owner number of a flow key"));
  EXPECT_THAT(key_error([](auto& key) { key.set_peer_device(1); }), HasSubstr("name number of a flow key"));
  EXPECT_THAT(key_error([](auto& key) { key.add_processes(0); }), HasSubstr("name number of a flow key"));
  EXPECT_THAT(key_error([](auto& key) { key.set_local_address("123"); }), HasSubstr("address"));
  EXPECT_THAT(key_error([](auto& key) { key.set_protocol(256); }), HasSubstr("protocol"));
  EXPECT_THAT(key_error([](auto& key) { key.set_service_port(65'536); }), HasSubstr("port"));
  EXPECT_THAT(key_error([](auto& key) { key.set_scope(static_cast<v1::Scope>(5)); }), HasSubstr("scope"));
  EXPECT_THAT(key_error([](auto& key) { for (int i = 0; i < 257; ++i) key.add_peer_names(1); }), HasSubstr("too many"));
  EXPECT_THAT(error([](auto& block) { block.add_records()->mutable_ledger()->add_dropped(); }), HasSubstr("ledger"));
  EXPECT_THAT(error([](auto& block) { block.add_records()->mutable_record()->mutable_owner(); }), HasSubstr("record"));
  EXPECT_THAT(error([](auto& block) { block.add_records()->mutable_record()->mutable_exit()->set_owner(1); }),
              HasSubstr("owner number"));
}

TEST(StreamCodecHostile, RefusesColumnsOutOfRange) {
  const auto error = [](const auto& change) {
    v1::StreamContent content;
    auto* block = content.add_blocks();
    block->add_keys()->set_number(1);
    block->set_flows(1);
    change(*block);
    return error_of(content);
  };
  EXPECT_THAT(error([](auto& block) { block.set_flows(kMaxRecords + 1); }), HasSubstr("number of flows"));
  EXPECT_THAT(error([](auto& block) { block.add_opened(1); block.add_opened(2); }), HasSubstr("column"));
  EXPECT_THAT(error([](auto& block) { block.add_shape(8); }), HasSubstr("shape"));
  EXPECT_THAT(error([](auto& block) { block.add_shape(-1); }), HasSubstr("shape"));
  EXPECT_THAT(error([](auto& block) { block.add_first_seen(INT64_MIN); }), HasSubstr("time"));
  EXPECT_THAT(error([](auto& block) { block.add_last_seen(INT64_MAX); }), HasSubstr("time"));
  EXPECT_THAT(error([](auto& block) { block.add_shape(1); block.add_rtt_min_us(-1); }), HasSubstr("round-trip"));
  EXPECT_THAT(error([](auto& block) { block.add_key(INT64_MIN); }), HasSubstr("flow key"));
  EXPECT_THAT(error([](auto& block) { block.add_flows_before(0); }), HasSubstr("order of records"));
  EXPECT_THAT(error([](auto& block) { block.add_records(); block.add_flows_before(2); }), HasSubstr("order of records"));
}

TEST(StreamCodecHostile, BoundsTheMemoryThatAnInputAsksFor) {
  v1::StreamContent large;  // 2 MiB of names, but 65536 flows with all of them
  auto* block = large.add_blocks();
  auto* key = block->add_keys();
  key->set_number(1);
  for (std::uint32_t i = 1; i <= 256; ++i) {
    auto* name = block->add_names();
    name->set_number(i);
    name->set_text(std::string(kMaxNameBytes, 'n'));
    key->add_peer_names(i);
  }
  block->set_flows(kMaxRecords);
  for (std::size_t i = 0; i < kMaxRecords; ++i) block->add_key(i == 0 ? 0 : -1);
  EXPECT_THAT(error_of(large), HasSubstr("too much memory"));

  v1::StreamContent owners;
  std::string error;
  StreamDecoder decoder;
  for (std::uint32_t i = 1; i <= 1024 && error.empty(); ++i) {  // each content small, the tables grow
    owners.Clear();
    auto* owner = owners.add_blocks()->add_owners();
    owner->set_number(i);
    owner->set_name(std::string(60'000, 'o'));
    if (auto batch = decode(decoder, owners); !batch) error = batch.error().message;
  }
  EXPECT_THAT(error, HasSubstr("too much memory"));

  v1::StreamContent empty;
  auto* records = empty.add_blocks();
  for (std::size_t i = 0; i <= kMaxRecords; ++i) records->add_records();
  EXPECT_THAT(error_of(empty), HasSubstr("too many records"));

  v1::StreamContent gaps;
  for (std::size_t i = 0; i <= kMaxGaps; ++i) gaps.add_gaps();
  EXPECT_THAT(error_of(gaps), HasSubstr("too many gaps"));
}

TEST(StreamCodecHostile, RefusesContentThatLiesAboutItself) {
  const auto error = [](std::string_view bytes, std::uint32_t size, bool compressed) {
    StreamDecoder decoder;
    const auto batch = decoder.decode(bytes, size, compressed);
    EXPECT_FALSE(batch);
    return batch ? std::string() : batch.error().message;
  };
  StreamEncoder encoder;
  const auto encoded = encoder.encode(batch_of(samples::all()));
  ASSERT_TRUE(encoded);
  ASSERT_TRUE(encoded->compressed);
  EXPECT_THAT(error(encoded->bytes, encoded->content_bytes + 1, true), HasSubstr("says that it has"));
  EXPECT_THAT(error(encoded->bytes, encoded->content_bytes - 1, true), HasSubstr("decompress"));
  EXPECT_THAT(error(encoded->bytes + encoded->bytes, encoded->content_bytes, true), HasSubstr("one zstd frame"));
  EXPECT_THAT(error(encoded->bytes.substr(1), encoded->content_bytes, true), HasSubstr("zstd frame"));
  EXPECT_THAT(error("", 0, true), HasSubstr("zstd frame"));
  EXPECT_THAT(error("abc", 2, false), HasSubstr("says that it has"));
  EXPECT_THAT(error("", kMaxContentBytes + 1, true), HasSubstr("more than"));
  EXPECT_THAT(error("\x10", 1, false), HasSubstr("cannot be decoded"));
  EXPECT_THAT(error(std::string_view("\x2a\x00\x10\x02", 4), 4, false), HasSubstr("cannot be decoded")) << "order";
}

}  // namespace
}  // namespace iris::wire
