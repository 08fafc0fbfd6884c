// SPDX-License-Identifier: Apache-2.0
#include "wire/frame_input.h"

#include <google/protobuf/io/coded_stream.h>

#include "wire/record_format.h"

namespace iris::wire {
namespace {

/// Largest window that a frame may ask of us: 8 MiB. Ours asks for 256 KiB.
constexpr int kMaxWindowLog = 23;

}  // namespace

FrameInput::FrameInput(ReadBytes in, std::uint64_t max_bytes)
    : in_(std::move(in)), max_bytes_(max_bytes), context_(ZSTD_createDCtx()) {
  ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax, kMaxWindowLog);
}

int FrameInput::Read(void* buffer, int size) {
  ZSTD_outBuffer out{buffer, static_cast<std::size_t>(size), 0};
  while (end_ == End::none && out.pos == 0) {
    // After a full output buffer zstd may hold more, input or not.
    if (source_.pos == source_.size && !more_inside_ && !refill()) break;
    const std::size_t rest = ZSTD_decompressStream(context_.get(), &out, &source_);
    if (ZSTD_isError(rest) != 0) {
      fail(End::damaged, ZSTD_getErrorName(rest));
    } else if (rest == 0) {
      end_ = End::complete;
    }
    more_inside_ = out.pos == out.size;
  }
  given_bytes_ += out.pos;
  if (given_bytes_ > max_bytes_) {
    fail(End::too_large, "");
    return -1;
  }
  if (out.pos > 0) return static_cast<int>(out.pos);
  return end_ == End::complete || end_ == End::cut_short ? 0 : -1;
}

void FrameInput::expect_end_of_file() {
  if (end_ != End::complete) return;
  if (source_.pos < source_.size || refill()) fail(End::trailing, "");
  else if (end_ == End::cut_short) end_ = End::complete;  // refill() met the end, as it should
}

bool FrameInput::refill() {
  auto got = in_(input_.data(), input_.size());
  if (!got) {
    fail(End::unreadable, got.error().message);
    return false;
  }
  if (*got == 0) {
    end_ = End::cut_short;
    return false;
  }
  any_input_ = true;
  source_ = {input_.data(), *got, 0};
  return true;
}

void FrameInput::fail(End end, std::string detail) {
  end_ = end;
  detail_ = std::move(detail);
}

void append_delimited(std::string& to, const google::protobuf::MessageLite& message) {
  google::protobuf::io::StringOutputStream stream(&to);
  google::protobuf::io::CodedOutputStream coded(&stream);
  coded.WriteVarint32(static_cast<std::uint32_t>(message.ByteSizeLong()));
  message.SerializeWithCachedSizes(&coded);
}

Delimited read_delimited(google::protobuf::io::ZeroCopyInputStream& from, google::protobuf::MessageLite& message,
                         std::uint32_t& size) {
  google::protobuf::io::CodedInputStream coded(&from);
  if (!coded.ReadVarint32(&size)) return Delimited::end;
  if (size > kMaxMessageBytes) return Delimited::too_large;
  const auto limit = coded.PushLimit(static_cast<int>(size));
  message.Clear();
  const bool whole = message.MergeFromCodedStream(&coded) && coded.ConsumedEntireMessage() &&
                     coded.BytesUntilLimit() == 0;
  coded.PopLimit(limit);
  return whole ? Delimited::message : Delimited::undecodable;
}

}  // namespace iris::wire
