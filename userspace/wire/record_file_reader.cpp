// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <unistd.h>
#include <zstd.h>

#include <array>
#include <cerrno>

#include "wire/flow_codec.h"
#include "wire/record_file.h"
#include "wire/record_format.h"

namespace iris::wire {
namespace {

/// Largest window that a file may ask of us: 8 MiB. Ours asks for 256 KiB.
constexpr int kMaxWindowLog = 23;

struct FreeContext {
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

/// One zstd frame as a stream of its content, with the reason when it ends.
class FrameInput : public google::protobuf::io::CopyingInputStream {
 public:
  enum class End { none, complete, cut_short, damaged, unreadable, trailing };

  explicit FrameInput(ReadBytes in) : in_(std::move(in)), context_(ZSTD_createDCtx()) {
    ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax, kMaxWindowLog);
  }

  int Read(void* buffer, int size) override {
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
    if (out.pos > 0) return static_cast<int>(out.pos);
    return end_ == End::complete || end_ == End::cut_short ? 0 : -1;
  }

  /// After the frame: is there nothing more in the file?
  void expect_end_of_file() {
    if (end_ != End::complete) return;
    if (source_.pos < source_.size || refill()) fail(End::trailing, "");
    else if (end_ == End::cut_short) end_ = End::complete;  // refill() met the end, as it should
  }

  End end() const { return end_; }
  const std::string& detail() const { return detail_; }
  bool empty() const { return !any_input_; }

 private:
  bool refill() {
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

  void fail(End end, std::string detail) {
    end_ = end;
    detail_ = std::move(detail);
  }

  ReadBytes in_;
  std::unique_ptr<ZSTD_DCtx, FreeContext> context_;
  std::array<char, 32 * 1024> input_{};
  ZSTD_inBuffer source_{nullptr, 0, 0};
  bool more_inside_ = false;
  bool any_input_ = false;
  End end_ = End::none;
  std::string detail_;
};

}  // namespace

ReadBytes read_from(int fd) {
  return [fd](char* into, std::size_t size) -> base::Result<std::size_t> {
    for (;;) {
      const ssize_t got = ::read(fd, into, size);
      if (got >= 0) return static_cast<std::size_t>(got);
      if (errno != EINTR) return base::fail_errno("cannot read the recording", errno);
    }
  };
}

class RecordFileReader::Impl {
 public:
  explicit Impl(ReadBytes in) : frame_(std::move(in)), stream_(&frame_, kBlockBytes) {}

  base::Result<void> read_header() {
    const auto whole = read_message();
    if (!whole || message_.kind_case() != v1::Message::kHeader || message_.header().magic() != kRecordMagic) {
      if (frame_.end() == FrameInput::End::unreadable) return base::fail(frame_.detail());
      if (frame_.empty()) return base::fail("the file is empty, not a recording");
      return base::fail("not a recording of iris-trace");
    }
    const auto& from = message_.header();
    if (from.format_version() != kRecordFileVersion) {
      return base::fail(fmt::format(
          "the recording has format version {} (written by version {}); this program reads version {}",
          from.format_version(), from.program_version().substr(0, 32), kRecordFileVersion));
    }
    header_ = {from.host_name(), from.kernel_release(), from.start_wall_ns(), from.program_version()};
    return {};
  }

  base::Result<std::optional<flow::Record>> next() {
    if (failure_) return tl::unexpected(*failure_);
    if (finished_) return std::optional<flow::Record>{};
    for (;;) {
      if (auto whole = read_message(); !whole) return give_up(std::move(whole.error()));
      switch (message_.kind_case()) {
        case v1::Message::KIND_NOT_SET:
          // A kind of record that a later version added; but nothing at all is damage.
          if (message_.ByteSizeLong() == 0) return give_up(damaged("an empty message"));
          continue;
        case v1::Message::kOwner:
          if (auto added = decoder_.add_owner(message_.owner()); !added) return give_up(damaged(added.error().message));
          continue;
        case v1::Message::kEnd: {
          if (auto ended = check_end(); !ended) return give_up(std::move(ended.error()));
          finished_ = true;
          return std::optional<flow::Record>{};
        }
        default: {
          auto record = decoder_.decode(message_);
          if (!record) return give_up(damaged(record.error().message));
          ++records_;
          return std::optional<flow::Record>{std::move(*record)};
        }
      }
    }
  }

  const RecordFileHeader& header() const { return header_; }
  std::uint64_t records() const { return records_; }

 private:
  static constexpr int kBlockBytes = 64 * 1024;

  base::Error damaged(const std::string& what) const {
    return {base::Error::Kind::failed,
            fmt::format("the recording is damaged after {} records ({}); the last of them may be wrong", records_, what)};
  }

  base::Error why_it_ended() const {
    switch (frame_.end()) {
      case FrameInput::End::cut_short:
        return {base::Error::Kind::failed,
                fmt::format("the recording is cut short: {} records were read, the rest is missing", records_)};
      case FrameInput::End::unreadable: return {base::Error::Kind::failed, frame_.detail()};
      case FrameInput::End::trailing: return damaged("there is more behind its end");
      case FrameInput::End::damaged: return damaged(frame_.detail());
      default: return damaged("it ends without an end mark");
    }
  }

  tl::expected<void, base::Error> read_message() {
    google::protobuf::io::CodedInputStream coded(&stream_);
    std::uint32_t size = 0;
    if (!coded.ReadVarint32(&size)) return tl::unexpected(why_it_ended());
    if (size > kMaxMessageBytes) return tl::unexpected(damaged(fmt::format("a message of {} bytes", size)));
    const auto limit = coded.PushLimit(static_cast<int>(size));
    message_.Clear();
    const bool whole = message_.MergeFromCodedStream(&coded) && coded.ConsumedEntireMessage() &&
                       coded.BytesUntilLimit() == 0;
    coded.PopLimit(limit);
    if (whole) return {};
    const auto end = frame_.end();
    if (end == FrameInput::End::none || end == FrameInput::End::complete) {
      return tl::unexpected(damaged("a message cannot be decoded"));
    }
    return tl::unexpected(why_it_ended());
  }

  tl::expected<void, base::Error> check_end() {
    const std::uint64_t promised = message_.end().records();
    {
      // Drives the decompressor to the end of the frame, where it verifies the checksum.
      google::protobuf::io::CodedInputStream coded(&stream_);
      std::uint32_t size = 0;
      if (coded.ReadVarint32(&size)) return tl::unexpected(damaged("there is more behind its end mark"));
    }
    frame_.expect_end_of_file();
    if (frame_.end() != FrameInput::End::complete) return tl::unexpected(why_it_ended());
    if (promised != records_) return tl::unexpected(damaged(fmt::format("its end mark says {}", promised)));
    return {};
  }

  tl::unexpected<base::Error> give_up(base::Error error) {
    failure_ = error;
    return tl::unexpected(std::move(error));
  }

  FrameInput frame_;
  google::protobuf::io::CopyingInputStreamAdaptor stream_;
  RecordDecoder decoder_;
  v1::Message message_;
  RecordFileHeader header_;
  std::uint64_t records_ = 0;
  bool finished_ = false;
  std::optional<base::Error> failure_;
};

base::Result<RecordFileReader> RecordFileReader::open(ReadBytes in) {
  auto impl = std::make_unique<Impl>(std::move(in));
  if (auto header = impl->read_header(); !header) return tl::unexpected(header.error());
  return RecordFileReader(std::move(impl));
}

RecordFileReader::RecordFileReader(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
RecordFileReader::~RecordFileReader() = default;
RecordFileReader::RecordFileReader(RecordFileReader&&) noexcept = default;

const RecordFileHeader& RecordFileReader::header() const { return impl_->header(); }
base::Result<std::optional<flow::Record>> RecordFileReader::next() { return impl_->next(); }
std::uint64_t RecordFileReader::records() const { return impl_->records(); }

}  // namespace iris::wire
