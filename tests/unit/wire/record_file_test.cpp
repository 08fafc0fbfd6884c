// SPDX-License-Identifier: Apache-2.0
#include "wire/record_file.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zstd.h>

#include <cstring>
#include <random>

#include "iris/v1/record.pb.h"
#include "sample_records.h"
#include "wire/json_writer.h"
#include "wire/record_format.h"

namespace iris::wire {
namespace {

using ::testing::HasSubstr;

const RecordFileHeader kHeader{"gateway-7", "6.1.0", samples::kTime, "0.1.0"};

ReadBytes reader_of(const std::string& bytes, std::size_t chunk = 4096) {
  auto at = std::make_shared<std::size_t>(0);
  return [bytes, at, chunk](char* into, std::size_t size) -> base::Result<std::size_t> {
    const std::size_t count = std::min({size, chunk, bytes.size() - *at});
    std::memcpy(into, bytes.data() + *at, count);
    *at += count;
    return count;
  };
}

WriteBytes writer_to(std::string& bytes) {
  return [&bytes](std::string_view piece) -> base::Result<void> {
    bytes += piece;
    return {};
  };
}

std::string recording_of(const std::vector<flow::Record>& records, bool finished = true, std::size_t flush_every = 0) {
  std::string bytes;
  RecordFileWriter writer(writer_to(bytes), kHeader);
  for (const auto& record : records) {
    EXPECT_TRUE(writer.write(record));
    if (flush_every != 0 && writer.records() % flush_every == 0) {
      EXPECT_TRUE(writer.flush());
    }
  }
  if (finished) {
    EXPECT_TRUE(writer.finish(samples::kTime + 1));
    EXPECT_EQ(writer.bytes(), bytes.size());
  }
  return bytes;
}

std::string json_of(const std::vector<flow::Record>& records) {
  JsonWriter writer;
  std::string text;
  for (const auto& record : records) writer.append(text, record);
  return text;
}

struct Outcome {
  std::vector<flow::Record> records;
  std::string error;  // of open() or of next()
};

Outcome read_all(ReadBytes in) {
  Outcome outcome;
  auto reader = RecordFileReader::open(std::move(in));
  if (!reader) {
    outcome.error = reader.error().message;
    return outcome;
  }
  for (;;) {
    auto record = reader->next();
    if (!record) {
      outcome.error = record.error().message;
      EXPECT_FALSE(reader->next()) << "an error stays";
      break;
    }
    if (!*record) break;
    outcome.records.push_back(std::move(**record));
  }
  EXPECT_EQ(reader->records(), outcome.records.size());
  return outcome;
}

std::string zstd(const std::string& content) {
  std::string bytes(ZSTD_compressBound(content.size()), '\0');
  bytes.resize(ZSTD_compress(bytes.data(), bytes.size(), content.data(), content.size(), 3));
  return bytes;
}

std::string delimited(const v1::Message& message) {
  const std::string body = message.SerializeAsString();
  std::string bytes;
  for (std::size_t rest = body.size();; rest >>= 7) {
    bytes += static_cast<char>((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
    if (rest <= 0x7f) break;
  }
  return bytes + body;
}

std::string header_message(std::uint32_t version = kRecordFileVersion) {
  v1::Message message;
  message.mutable_header()->set_magic(kRecordMagic);
  message.mutable_header()->set_format_version(version);
  message.mutable_header()->set_program_version("9.9");
  return delimited(message);
}

TEST(RecordFile, GivesBackEveryRecordWhole) {
  const auto records = samples::all();
  const std::string bytes = recording_of(records);
  for (const std::size_t chunk : {std::size_t{1}, std::size_t{7}, std::size_t{1} << 20}) {
    const Outcome outcome = read_all(reader_of(bytes, chunk));
    EXPECT_EQ(outcome.error, "");
    EXPECT_EQ(json_of(outcome.records), json_of(records));
  }
  const auto back = read_all(reader_of(bytes));
  // Kept, though the JSON does not show them.
  EXPECT_EQ(std::get<flow::SocketEvent>(back.records[2]).peer_names, samples::full_close().peer_names);
  EXPECT_EQ(std::get<flow::SocketEvent>(back.records[2]).owner->cgroup_path, samples::module_owner()->cgroup_path);
}

TEST(RecordFile, KeepsItsHeader) {
  auto reader = RecordFileReader::open(reader_of(recording_of({})));
  ASSERT_TRUE(reader);
  EXPECT_EQ(reader->header().host_name, "gateway-7");
  EXPECT_EQ(reader->header().kernel_release, "6.1.0");
  EXPECT_EQ(reader->header().start_wall_ns, samples::kTime);
  EXPECT_EQ(reader->header().program_version, "0.1.0");
}

TEST(RecordFile, IsTheSameForTheSameRecords) {
  EXPECT_EQ(recording_of(samples::all()), recording_of(samples::all()));
}

TEST(RecordFile, KeepsTextThatIsNotUtf8) {
  auto event = samples::full_close();
  event.process = std::string("\xff\x00\xc3", 3);
  const Outcome outcome = read_all(reader_of(recording_of({event})));
  ASSERT_EQ(outcome.records.size(), 1U) << outcome.error;
  EXPECT_EQ(std::get<flow::SocketEvent>(outcome.records[0]).process, event.process);
}

// More owners than the table has slots, each record with two, old ones coming back.
TEST(RecordFile, OwnersFindTheirRecordsBeyondTheTable) {
  std::vector<flow::OwnerPtr> owners;
  for (std::uint64_t i = 0; i < 3000; ++i) {
    flow::Owner owner;
    owner.cgroup_id = i + 1;
    owners.push_back(std::make_shared<const flow::Owner>(owner));
  }
  std::mt19937 random(3);
  std::vector<flow::Record> records;
  for (int i = 0; i < 20'000; ++i) {
    flow::FlowRecord flow;
    flow.owner = owners[i % 5 == 0 ? 0 : random() % owners.size()];
    flow.peer_owner = owners[random() % owners.size()];
    records.emplace_back(flow);
  }
  const Outcome outcome = read_all(reader_of(recording_of(records)));
  EXPECT_EQ(outcome.error, "");
  EXPECT_TRUE(json_of(outcome.records) == json_of(records));
}

TEST(RecordFile, AnOwnerWithVeryManyLabelsLosesSomeButStaysReadable) {
  flow::Owner owner;
  owner.name = std::string(100'000, 'n');
  for (int i = 0; i < 5000; ++i) owner.labels[fmt::format("label{:04}", i)] = std::string(50, 'v');
  flow::ExecRecord exec;
  exec.owner = std::make_shared<const flow::Owner>(owner);
  const Outcome outcome = read_all(reader_of(recording_of({exec})));
  ASSERT_EQ(outcome.error, "");
  const auto& back = *std::get<flow::ExecRecord>(outcome.records.at(0)).owner;
  EXPECT_GT(back.labels.size(), 50U);
  EXPECT_LT(back.labels.size(), 5000U);
  EXPECT_EQ(back.name.size(), 4096U);
}

TEST(RecordFile, RefusesForeignFilesInWords) {
  EXPECT_THAT(read_all(reader_of("")).error, HasSubstr("empty"));
  EXPECT_THAT(read_all(reader_of("#!/bin/sh\necho hello\n")).error, HasSubstr("not a recording"));
  EXPECT_THAT(read_all(reader_of(std::string(100'000, '\0'))).error, HasSubstr("not a recording"));
  EXPECT_THAT(read_all(reader_of(zstd("some other file"))).error, HasSubstr("not a recording"));
  v1::Message ledger;
  ledger.mutable_ledger()->set_produced(1);
  EXPECT_THAT(read_all(reader_of(zstd(delimited(ledger)))).error, HasSubstr("not a recording"));
}

TEST(RecordFile, NamesAnotherVersion) {
  const std::string error = read_all(reader_of(zstd(header_message(2)))).error;
  EXPECT_THAT(error, HasSubstr("version 2"));
  EXPECT_THAT(error, HasSubstr("9.9"));
}

TEST(RecordFile, PassesOnWhatReadingAndWritingSay) {
  const auto broken = [](char*, std::size_t) -> base::Result<std::size_t> { return base::fail("disk on fire"); };
  EXPECT_EQ(read_all(broken).error, "disk on fire");

  RecordFileWriter writer([](std::string_view) -> base::Result<void> { return base::fail("no space"); }, kHeader);
  EXPECT_EQ(writer.write(samples::full_exit()).error().message, "no space");  // of the header, already
  ASSERT_FALSE(writer.flush());
  EXPECT_EQ(writer.finish(1).error().message, "no space");
}

TEST(RecordFile, CutShortGivesAllUpToTheLastFlush) {
  std::vector<flow::Record> records;
  for (int i = 0; i < 10; ++i) records.insert(records.end(), {samples::full_flow(), samples::full_ledger()});
  std::string bytes;
  RecordFileWriter writer(writer_to(bytes), kHeader);
  for (const auto& record : records) ASSERT_TRUE(writer.write(record));
  ASSERT_TRUE(writer.flush());
  ASSERT_TRUE(writer.write(samples::full_exit()));  // never flushed: the power went

  const Outcome outcome = read_all(reader_of(bytes));
  EXPECT_EQ(json_of(outcome.records), json_of(records));
  EXPECT_THAT(outcome.error, HasSubstr("cut short: 20 records were read"));
}

TEST(RecordFile, TruncatedAtEveryByteGivesAPrefixAndAnError) {
  const auto records = samples::all();
  const std::string bytes = recording_of(records, true, 3);
  std::size_t most = 0;
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    const Outcome outcome = read_all(reader_of(bytes.substr(0, length)));
    ASSERT_NE(outcome.error, "") << length;
    ASSERT_GE(outcome.records.size(), most) << "more bytes, fewer records";
    most = outcome.records.size();
    const std::vector<flow::Record> expected(records.begin(), records.begin() + static_cast<std::ptrdiff_t>(most));
    ASSERT_EQ(json_of(outcome.records), json_of(expected)) << length;
  }
  EXPECT_EQ(most, records.size());
}

TEST(RecordFile, EveryChangedBitIsNoticed) {
  const std::string bytes = recording_of(samples::all(), true, 3);
  std::mt19937 random(11);
  for (int round = 0; round < 3000; ++round) {
    std::string damaged = bytes;
    damaged[random() % damaged.size()] ^= static_cast<char>(1U << (random() % 8));
    const Outcome outcome = read_all(reader_of(damaged));
    // The checksum sees whatever the structure does not; a few bits of the frame's header mean nothing.
    if (outcome.error.empty()) {
      ASSERT_EQ(json_of(outcome.records), json_of(samples::all())) << round;
    }
  }
}

TEST(RecordFile, TrailingBytesAndASecondFrameAreDamage) {
  const std::string bytes = recording_of(samples::all());
  EXPECT_THAT(read_all(reader_of(bytes + "x")).error, HasSubstr("damaged"));
  EXPECT_THAT(read_all(reader_of(bytes + bytes)).error, HasSubstr("damaged"));
}

// Well-formed frames with a content that is not: past the checksum, on to the decoder.
TEST(RecordFile, HostileContentIsRefused) {
  const auto error_of = [](const std::string& content) { return read_all(reader_of(zstd(header_message() + content))).error; };
  EXPECT_THAT(error_of(""), HasSubstr("without an end mark"));
  EXPECT_THAT(error_of(std::string(1, '\0')), HasSubstr("empty message"));
  EXPECT_THAT(error_of("\xff\xff\xff\xff\x0f"), HasSubstr("4294967295 bytes"));
  EXPECT_THAT(error_of("\x05hello"), HasSubstr("damaged"));

  v1::Message message;
  message.mutable_exec()->set_owner(7);
  EXPECT_THAT(error_of(delimited(message)), HasSubstr("owner number"));
  message.mutable_owner()->set_number(1025);
  EXPECT_THAT(error_of(delimited(message)), HasSubstr("owner number"));
  message.mutable_owner()->set_number(1);
  message.mutable_owner()->set_name(std::string(70'000, 'x'));
  EXPECT_THAT(error_of(delimited(message)), HasSubstr("owner too large"));
  message.mutable_flow()->set_protocol(256);
  EXPECT_THAT(error_of(delimited(message)), HasSubstr("protocol"));
  message.mutable_flow()->set_protocol(6);
  message.mutable_flow()->set_peer_address("12345");
  EXPECT_THAT(error_of(delimited(message)), HasSubstr("peer address"));
  message.mutable_exit()->set_exit_class(static_cast<v1::ExitClass>(99));
  EXPECT_THAT(error_of(delimited(message)), HasSubstr("exit class"));
  message.mutable_end()->set_records(5);
  EXPECT_THAT(error_of(delimited(message)), HasSubstr("end mark says 5"));
  EXPECT_THAT(error_of(header_message()), HasSubstr("damaged"));
}

TEST(RecordFile, SkipsKindsOfRecordsFromTheFuture) {
  const std::string unknown("\x05\xa2\x06\x02hi", 6);  // field 100, two bytes
  v1::Message end;
  end.mutable_end()->set_records(0);
  const Outcome outcome = read_all(reader_of(zstd(header_message() + unknown + delimited(end))));
  EXPECT_EQ(outcome.error, "");
}

TEST(RecordFile, ABombIsReadWithoutItsSizeInMemory) {
  // 64 MiB of zeros behind the header: the first of them is already an error.
  EXPECT_THAT(read_all(reader_of(zstd(header_message() + std::string(64 << 20, '\0')))).error, HasSubstr("damaged"));
  // A window of 2 GiB, asked for in the frame's header.
  std::string content = header_message() + std::string(1 << 20, 'x');
  std::string bytes(ZSTD_compressBound(content.size()), '\0');
  ZSTD_CCtx* context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, 27);
  ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 0);
  ZSTD_inBuffer in{content.data(), content.size(), 0};
  ZSTD_outBuffer out{bytes.data(), bytes.size(), 0};
  ZSTD_compressStream2(context, &out, &in, ZSTD_e_flush);
  ZSTD_compressStream2(context, &out, &in, ZSTD_e_end);
  ZSTD_freeCCtx(context);
  bytes.resize(out.pos);
  EXPECT_THAT(read_all(reader_of(bytes)).error, HasSubstr("not a recording"));
}

}  // namespace
}  // namespace iris::wire
