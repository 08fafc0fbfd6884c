// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <google/protobuf/io/coded_stream.h>
#include <unistd.h>

#include <cerrno>

#include "wire/flow_codec.h"
#include "wire/frame_input.h"
#include "wire/record_file.h"
#include "wire/record_format.h"

namespace iris::wire {

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
    std::uint32_t size = 0;
    switch (read_delimited(stream_, message_, size)) {
      case Delimited::message: return {};
      case Delimited::end: return tl::unexpected(why_it_ended());
      case Delimited::too_large: return tl::unexpected(damaged(fmt::format("a message of {} bytes", size)));
      case Delimited::undecodable: break;
    }
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
