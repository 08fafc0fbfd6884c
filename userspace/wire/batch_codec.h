// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "flow/batch.h"

/// Batch to bytes and back, in two forms: packed (complete in itself, for the
/// spool) and streamed (refers to what the stream has carried before, for the wire).
namespace iris::wire {

/// Largest batch that either form yields or accepts, before compression.
inline constexpr std::size_t kMaxContentBytes = 8U << 20;

/// Complete in itself: length-delimited v1.Message records and gaps in one zstd frame.
base::Result<std::string> pack(const flow::Batch& batch);
/// Checks every value: the bytes may come from a damaged disk.
base::Result<flow::Batch> unpack(std::string_view packed);

/// Content of v1.EncodedBatch.
struct EncodedContent {
  std::string bytes;
  std::uint32_t content_bytes = 0;  // before compression
  bool compressed = false;          // zstd, when that is smaller
};

/// The sending end of one stream: owners, names and flow keys are sent once and
/// referred to by number. Bounded: numbers are slots used again. Exact but for
/// first and last seen (milliseconds), texts beyond 4096 bytes and names beyond
/// 256 a key, which are cut. After an error the stream is of no more use.
class StreamEncoder {
 public:
  StreamEncoder();
  ~StreamEncoder();
  StreamEncoder(StreamEncoder&&) noexcept;
  base::Result<EncodedContent> encode(const flow::Batch& batch);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// The receiving end. After an error the stream is of no more use. Memory is
/// bounded whatever the bytes say: 32 MiB for what the stream has defined (a gateway
/// of 20 flow keys takes 14 KiB, one of 200 takes 74), and while a batch is decoded
/// 64 MiB for its records and as much again for what they are made from.
class StreamDecoder {
 public:
  StreamDecoder();
  ~StreamDecoder();
  StreamDecoder(StreamDecoder&&) noexcept;
  base::Result<flow::Batch> decode(std::string_view content, std::uint32_t content_bytes, bool compressed);
  /// Records of kinds that a later version added: left out so far.
  std::uint64_t skipped_records() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace iris::wire
