// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "wire/batch_codec.h"
#include "wire/json_writer.h"

/// What both tests of the stream codec compare with.
namespace iris::wire {

/// `time` at the resolution of the stream: whole milliseconds after `start`.
inline std::uint64_t rounded_down(std::uint64_t time, std::uint64_t start) {
  const auto ns = static_cast<std::int64_t>(time - start);
  const std::int64_t rest = ((ns % 1'000'000) + 1'000'000) % 1'000'000;
  return time - static_cast<std::uint64_t>(rest);
}

inline flow::Record as_streamed(flow::Record record) {
  if (auto* flow = std::get_if<flow::FlowRecord>(&record)) {
    if (flow->first_seen_wall_ns != 0) {
      flow->first_seen_wall_ns = rounded_down(flow->first_seen_wall_ns, flow->window_start_wall_ns);
    }
    if (flow->last_seen_wall_ns != 0) {
      const std::uint64_t end = flow->window_end_wall_ns;
      flow->last_seen_wall_ns = end - (rounded_down(end - flow->last_seen_wall_ns, 0));
    }
  }
  return record;
}

/// Every field of the batch as text; JSON has all of a record but the owner's path.
inline std::string text_of(const flow::Batch& batch) {
  JsonWriter json;
  std::string text = std::to_string(batch.start_wall_ns) + " " + std::to_string(batch.end_wall_ns) + "\n";
  for (const auto& gap : batch.gaps) {
    text += std::to_string(gap.start_wall_ns) + " " + std::to_string(gap.end_wall_ns) + " " + gap.reason + " " +
            std::to_string(gap.windows) + " " + std::to_string(gap.flows) + "\n";
  }
  for (const auto& record : batch.records) {
    json.append(text, record);
    if (const auto* flow = std::get_if<flow::FlowRecord>(&record)) {
      for (const auto& owner : {flow->owner, flow->peer_owner}) text += owner ? owner->cgroup_path + "\n" : "-\n";
    }
  }
  return text;
}

inline flow::Batch as_streamed(flow::Batch batch) {
  for (auto& record : batch.records) record = as_streamed(record);
  return batch;
}

/// Sends the batch through both ends and checks that it arrives.
inline EncodedContent expect_same(StreamEncoder& encoder, StreamDecoder& decoder, const flow::Batch& batch) {
  auto encoded = encoder.encode(batch);
  EXPECT_TRUE(encoded) << encoded.error().message;
  if (!encoded) return {};
  const auto decoded = decoder.decode(encoded->bytes, encoded->content_bytes, encoded->compressed);
  EXPECT_TRUE(decoded) << decoded.error().message;
  // Not EXPECT_EQ, whose difference of two large texts takes minutes.
  if (decoded) {
    EXPECT_TRUE(text_of(*decoded) == text_of(as_streamed(batch)));
  }
  return *encoded;
}

}  // namespace iris::wire
