// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zstd.h>

#include <random>

#include "iris/v1/record.pb.h"
#include "iris/v1/spool.pb.h"
#include "sample_records.h"
#include "wire/batch_codec.h"
#include "wire/frame_input.h"
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

flow::Batch full_batch() {
  return {samples::kTime,
          samples::kTime + 10,
          samples::all(),
          {{samples::kTime - 9, samples::kTime - 1, "agent_stopped", 0, 0}, {1, UINT64_MAX, "spool_full", 7, 140}}};
}

std::string frame_of(const std::string& content) {
  std::string frame(ZSTD_compressBound(content.size()), '\0');
  frame.resize(ZSTD_compress(frame.data(), frame.size(), content.data(), content.size(), 1));
  return frame;
}

std::string content_of(const v1::BatchHeader& header, const std::vector<v1::Message>& messages) {
  std::string content;
  append_delimited(content, header);
  for (const auto& message : messages) append_delimited(content, message);
  return content;
}

v1::BatchHeader header_for(std::uint64_t messages) {
  v1::BatchHeader header;
  header.set_format_version(1);
  header.set_messages(messages);
  return header;
}

std::string error_of(std::string_view packed) {
  const auto batch = unpack(packed);
  return batch ? "" : batch.error().message;
}

TEST(BatchPack, KeepsEverything) {
  const flow::Batch batch = full_batch();
  const auto packed = pack(batch);
  ASSERT_TRUE(packed) << packed.error().message;
  const auto back = unpack(*packed);
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->start_wall_ns, batch.start_wall_ns);
  EXPECT_EQ(back->end_wall_ns, batch.end_wall_ns);
  EXPECT_EQ(back->gaps, batch.gaps);
  EXPECT_EQ(json_of(back->records), json_of(batch.records));
}

TEST(BatchPack, KeepsAnEmptyBatch) {
  const auto back = unpack(*pack({1, 2, {}, {}}));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->start_wall_ns, 1U);
  EXPECT_EQ(back->end_wall_ns, 2U);
  EXPECT_TRUE(back->records.empty());
  EXPECT_TRUE(back->gaps.empty());
}

TEST(BatchPack, ManyOwnersReuseTheirNumbers) {
  flow::Batch batch;
  for (std::uint64_t i = 0; i < 3000; ++i) {
    flow::Owner owner;
    owner.cgroup_id = i;
    owner.name = fmt::format("c{}", i);
    flow::FlowRecord flow;
    flow.owner = std::make_shared<const flow::Owner>(owner);
    batch.records.emplace_back(flow);
  }
  const auto back = unpack(*pack(batch));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(json_of(back->records), json_of(batch.records));
}

TEST(BatchPack, EveryCutAndEveryFlippedByteIsFound) {
  const std::string packed = *pack(full_batch());
  for (std::size_t size = 0; size < packed.size(); ++size) {
    ASSERT_NE(error_of(std::string_view(packed).substr(0, size)), "") << size << " bytes";
  }
  for (std::size_t at = 0; at < packed.size(); ++at) {
    std::string wrong = packed;
    wrong[at] = static_cast<char>(wrong[at] ^ 0x41);
    // The reserved and unused bits of the frame's descriptor are the one place where a flip may be harmless.
    if (at == 4) continue;
    ASSERT_NE(error_of(wrong), "") << "byte " << at;
  }
  EXPECT_THAT(error_of(packed + "x"), HasSubstr("more behind its end"));
}

TEST(BatchPack, ABombIsReadWithoutItsSizeInMemory) {
  // A gigabyte of zeros in a few KiB, behind a header that promises messages.
  std::string content = content_of(header_for(UINT64_MAX), {});
  std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)> context(ZSTD_createCCtx(), &ZSTD_freeCCtx);
  std::string frame(1 << 20, '\0');
  ZSTD_outBuffer out{frame.data(), frame.size(), 0};
  v1::Message filler;
  filler.mutable_exec()->set_executable(std::string(200'000, '\0'));
  std::string message;
  append_delimited(message, filler);
  const auto put = [&](const std::string& bytes, ZSTD_EndDirective directive) {
    ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
    while (ZSTD_compressStream2(context.get(), &out, &in, directive) != 0) {
      ASSERT_LT(out.pos, out.size);
    }
  };
  put(content, ZSTD_e_flush);
  for (int i = 0; i < 5000; ++i) put(message, ZSTD_e_flush);
  put("", ZSTD_e_end);
  frame.resize(out.pos);
  EXPECT_THAT(error_of(frame), HasSubstr("bytes of content"));
}

TEST(BatchPack, SmallBytesThatAskForMuchMemoryAreRefused) {
  v1::Message empty;
  empty.mutable_flow();
  std::string content = content_of(header_for(500'000), {});
  for (int i = 0; i < 500'000; ++i) append_delimited(content, empty);
  ASSERT_LT(content.size(), kMaxContentBytes);
  EXPECT_THAT(error_of(frame_of(content)), HasSubstr("too much memory"));
}

TEST(BatchPack, WrongContentIsRefused) {
  v1::Message empty_flow;
  empty_flow.mutable_flow();
  v1::Message wrong_owner;
  wrong_owner.mutable_flow()->set_owner(3);
  v1::Message end;
  end.mutable_end();
  auto other_version = header_for(0);
  other_version.set_format_version(2);

  EXPECT_EQ(error_of(frame_of(content_of(header_for(1), {empty_flow}))), "");
  EXPECT_THAT(error_of(frame_of(content_of(header_for(2), {empty_flow}))), HasSubstr("damaged"));
  EXPECT_THAT(error_of(frame_of(content_of(header_for(0), {empty_flow}))), HasSubstr("more behind"));
  EXPECT_THAT(error_of(frame_of(content_of(header_for(1), {wrong_owner}))), HasSubstr("owner number"));
  EXPECT_THAT(error_of(frame_of(content_of(header_for(1), {end}))), HasSubstr("not a record"));
  EXPECT_THAT(error_of(frame_of(content_of(header_for(1), {v1::Message()}))), HasSubstr("empty message"));
  EXPECT_THAT(error_of(frame_of(content_of(other_version, {}))), HasSubstr("format version"));
  EXPECT_THAT(error_of(frame_of(std::string("\xff\xff\xff\x7f", 4))), HasSubstr("a message of"));
  EXPECT_NE(error_of(frame_of("")), "");
}

TEST(BatchPack, KindsOfALaterVersionAreSkipped) {
  v1::Message flow;
  flow.mutable_flow()->set_opened(5);
  v1::Message later;
  ASSERT_TRUE(later.ParseFromString(std::string("\xfa\x01\x02hi", 5)));  // field 31
  const auto batch = unpack(frame_of(content_of(header_for(2), {later, flow})));
  ASSERT_TRUE(batch) << batch.error().message;
  ASSERT_EQ(batch->records.size(), 1U);
  EXPECT_EQ(std::get<flow::FlowRecord>(batch->records[0]).opened, 5U);
}

TEST(BatchPack, WhatUnpackWouldRefuseIsNotPacked) {
  flow::Batch many;
  many.records.resize(300'000);
  EXPECT_FALSE(pack(many));
  flow::FlowRecord large;
  large.peer_device = std::string(300'000, 'x');
  EXPECT_FALSE(pack({0, 0, {large}, {}}));
  flow::Batch heavy;
  std::mt19937 random(7);
  for (int i = 0; i < 100; ++i) {
    flow::ExecRecord exec;
    exec.executable.resize(100'000);
    for (char& byte : exec.executable) byte = static_cast<char>(random());
    heavy.records.emplace_back(exec);
  }
  EXPECT_FALSE(pack(heavy));
}

}  // namespace
}  // namespace iris::wire
