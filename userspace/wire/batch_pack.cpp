// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <initializer_list>
#include <string_view>

#include "iris/v1/spool.pb.h"
#include "wire/batch_codec.h"
#include "wire/flow_codec.h"
#include "wire/frame_input.h"
#include "wire/memory_cost.h"
#include "wire/record_format.h"

namespace iris::wire {
namespace {

constexpr std::uint32_t kFormatVersion = 1;
// As a recording: the compressor stays near 1 MiB.
constexpr int kCompressionLevel = 3;
constexpr int kWindowLog = 18;
constexpr int kBlockBytes = 64 * 1024;

struct FreeContext {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
};

/// One frame of the pieces, made in small steps: the result is a fraction of what goes in.
base::Result<std::string> compress(std::initializer_list<std::string_view> pieces) {
  const std::unique_ptr<ZSTD_CCtx, FreeContext> context(ZSTD_createCCtx());
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, kCompressionLevel);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_windowLog, kWindowLog);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_checksumFlag, 1);
  std::size_t total = 0;
  for (const std::string_view piece : pieces) total += piece.size();
  ZSTD_CCtx_setPledgedSrcSize(context.get(), total);

  std::string packed;
  std::array<char, kBlockBytes> block;
  for (const std::string_view& piece : pieces) {
    const bool last = &piece == pieces.end() - 1;
    ZSTD_inBuffer in{piece.data(), piece.size(), 0};
    for (std::size_t left = 1; left != 0;) {
      ZSTD_outBuffer out{block.data(), block.size(), 0};
      const std::size_t result = ZSTD_compressStream2(context.get(), &out, &in, last ? ZSTD_e_end : ZSTD_e_continue);
      if (ZSTD_isError(result) != 0) return base::fail(std::string("cannot compress a batch: ") + ZSTD_getErrorName(result));
      packed.append(block.data(), out.pos);
      left = last ? result : in.size - in.pos;
    }
  }
  return packed;
}

v1::BatchHeader header_of(const flow::Batch& batch, std::uint64_t messages) {
  v1::BatchHeader header;
  header.set_format_version(kFormatVersion);
  header.set_start_wall_ns(batch.start_wall_ns);
  header.set_end_wall_ns(batch.end_wall_ns);
  header.set_messages(messages);
  for (const auto& gap : batch.gaps) {
    auto* to = header.add_gaps();
    to->set_start_wall_ns(gap.start_wall_ns);
    to->set_end_wall_ns(gap.end_wall_ns);
    to->set_reason(gap.reason);
    to->set_windows(gap.windows);
    to->set_flows(gap.flows);
  }
  return header;
}

std::size_t owner_cost(const v1::Owner& owner) {
  return owner.ByteSizeLong() + static_cast<std::size_t>(owner.labels_size()) * kLabelOverheadBytes;
}

ReadBytes reader_of(std::string_view bytes) {
  return [bytes](char* into, std::size_t size) mutable -> base::Result<std::size_t> {
    const std::size_t count = std::min(size, bytes.size());
    if (count > 0) std::memcpy(into, bytes.data(), count);
    bytes.remove_prefix(count);
    return count;
  };
}

/// Reads one packed batch, never holding more than one message beside the result.
class Unpacker {
 public:
  explicit Unpacker(std::string_view packed)
      : frame_(reader_of(packed), kMaxContentBytes), stream_(&frame_, kBlockBytes) {}

  base::Result<flow::Batch> run() {
    v1::BatchHeader header;
    if (auto read = next(header); !read) return tl::unexpected(std::move(read.error()));
    if (header.format_version() != kFormatVersion) return damaged("it has another format version");
    flow::Batch batch{header.start_wall_ns(), header.end_wall_ns(), {}, {}};
    for (const auto& gap : header.gaps()) {
      batch.gaps.push_back({gap.start_wall_ns(), gap.end_wall_ns(), gap.reason(), gap.windows(), gap.flows()});
    }
    for (std::uint64_t i = 0; i < header.messages(); ++i) {
      if (auto read = next(message_); !read) return tl::unexpected(std::move(read.error()));
      if (auto taken = take(batch); !taken) return tl::unexpected(std::move(taken.error()));
    }
    return expect_end() ? base::Result<flow::Batch>(std::move(batch)) : damaged("there is more behind its end");
  }

 private:
  static tl::unexpected<base::Error> damaged(const std::string& what) {
    return base::fail("a stored batch is damaged: " + what);
  }

  base::Result<void> next(google::protobuf::MessageLite& message) {
    std::uint32_t size = 0;
    switch (read_delimited(stream_, message, size)) {
      case Delimited::message: return {};
      case Delimited::too_large: return damaged(fmt::format("a message of {} bytes", size));
      default: break;
    }
    switch (frame_.end()) {
      case FrameInput::End::cut_short: return damaged("it is cut short");
      case FrameInput::End::damaged: return damaged(frame_.detail());
      case FrameInput::End::too_large: return damaged(fmt::format("more than {} bytes of content", kMaxContentBytes));
      default: return damaged("a message cannot be decoded");
    }
  }

  base::Result<void> take(flow::Batch& batch) {
    if (message_.kind_case() == v1::Message::KIND_NOT_SET) {
      // A kind of record that a later version added; but nothing at all is damage.
      if (message_.ByteSizeLong() == 0) return damaged("an empty message");
    } else if (message_.kind_case() == v1::Message::kOwner) {
      decoded_bytes_ += owner_cost(message_.owner());
      if (auto added = decoder_.add_owner(message_.owner()); !added) return damaged(added.error().message);
    } else {
      auto record = decoder_.decode(message_);
      if (!record) return damaged(record.error().message);
      decoded_bytes_ += memory_cost(*record);
      batch.records.push_back(std::move(*record));
    }
    if (decoded_bytes_ > kMaxDecodedBytes) return damaged("it asks for too much memory");
    return {};
  }

  /// Drives the decompressor to the end of the frame, where it verifies the checksum.
  bool expect_end() {
    std::uint32_t size = 0;
    if (read_delimited(stream_, message_, size) != Delimited::end) return false;
    frame_.expect_end_of_file();
    return frame_.end() == FrameInput::End::complete;
  }

  FrameInput frame_;
  google::protobuf::io::CopyingInputStreamAdaptor stream_;
  RecordDecoder decoder_;
  v1::Message message_;
  std::size_t decoded_bytes_ = 0;
};

}  // namespace

base::Result<std::string> pack(const flow::Batch& batch) {
  std::string body;
  std::uint64_t messages = 0;
  std::size_t decoded_bytes = 0;
  bool fits = true;
  RecordEncoder encoder;
  for (const auto& record : batch.records) {
    encoder.encode(record, [&](const v1::Message& message) {
      fits = fits && message.ByteSizeLong() <= kMaxMessageBytes;
      if (message.has_owner()) decoded_bytes += owner_cost(message.owner());
      append_delimited(body, message);
      ++messages;
    });
    decoded_bytes += memory_cost(record);
    if (!fits || body.size() > kMaxContentBytes || decoded_bytes > kMaxDecodedBytes) break;
  }
  const v1::BatchHeader header = header_of(batch, messages);
  fits = fits && decoded_bytes <= kMaxDecodedBytes && header.ByteSizeLong() <= kMaxMessageBytes;
  std::string head;
  append_delimited(head, header);
  if (!fits || head.size() + body.size() > kMaxContentBytes) return base::fail("a batch is too large to be stored");
  return compress({head, body});
}

base::Result<flow::Batch> unpack(std::string_view packed) { return Unpacker(packed).run(); }

}  // namespace iris::wire
