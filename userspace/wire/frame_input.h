// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <google/protobuf/io/zero_copy_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/message_lite.h>
#include <zstd.h>

#include <array>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>

#include "wire/record_file.h"

/// What recordings and packed batches have in common: length-delimited messages
/// in one zstd frame. Only for the sources of this folder.
namespace iris::wire {

/// One zstd frame as a stream of its content, with the reason when it ends. Holds
/// a bounded amount of it, whatever the frame says of itself.
class FrameInput : public google::protobuf::io::CopyingInputStream {
 public:
  enum class End { none, complete, cut_short, damaged, unreadable, trailing, too_large };

  /// Content beyond `max_bytes` ends the stream as too_large.
  explicit FrameInput(ReadBytes in, std::uint64_t max_bytes = std::numeric_limits<std::uint64_t>::max());

  int Read(void* buffer, int size) override;

  /// After the frame: is there nothing more in the file?
  void expect_end_of_file();

  End end() const { return end_; }
  const std::string& detail() const { return detail_; }
  bool empty() const { return !any_input_; }

 private:
  struct FreeContext {
    void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
  };

  bool refill();
  void fail(End end, std::string detail);

  ReadBytes in_;
  std::uint64_t max_bytes_;
  std::uint64_t given_bytes_ = 0;
  std::unique_ptr<ZSTD_DCtx, FreeContext> context_;
  std::array<char, 32 * 1024> input_{};
  ZSTD_inBuffer source_{nullptr, 0, 0};
  bool more_inside_ = false;
  bool any_input_ = false;
  End end_ = End::none;
  std::string detail_;
};

/// Appends the size of `message` and the message.
void append_delimited(std::string& to, const google::protobuf::MessageLite& message);

enum class Delimited {
  message,      // one was read
  end,          // the stream ended, where a message may begin or in the midst of one: ask it why
  too_large,    // it says that it is larger than kMaxMessageBytes
  undecodable,
};

/// Reads what append_delimited() wrote. `size` is what the stream says of the message.
Delimited read_delimited(google::protobuf::io::ZeroCopyInputStream& from, google::protobuf::MessageLite& message,
                         std::uint32_t& size);

}  // namespace iris::wire
