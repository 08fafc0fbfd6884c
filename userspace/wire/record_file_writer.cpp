// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>
#include <zstd.h>

#include <array>
#include <cerrno>

#include "wire/flow_codec.h"
#include "wire/frame_input.h"
#include "wire/record_file.h"
#include "wire/record_format.h"

namespace iris::wire {
namespace {

// Level 3 over 256 KiB: compresses a connection to a few bytes, and the
// compressor stays near 1 MiB, which the memory promise has room for.
constexpr int kCompressionLevel = 3;
constexpr int kWindowLog = 18;
constexpr std::size_t kBatchBytes = 64 * 1024;

struct FreeContext {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
};

}  // namespace

WriteBytes write_to(int fd) {
  return [fd](std::string_view bytes) -> base::Result<void> {
    while (!bytes.empty()) {
      const ssize_t written = ::write(fd, bytes.data(), bytes.size());
      if (written < 0) {
        if (errno == EINTR) continue;
        return base::fail_errno("cannot write the recording", errno);
      }
      bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    return {};
  };
}

class RecordFileWriter::Impl {
 public:
  Impl(WriteBytes out, const RecordFileHeader& header) : out_(std::move(out)), context_(ZSTD_createCCtx()) {
    ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_compressionLevel, kCompressionLevel);
    ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_windowLog, kWindowLog);
    ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_checksumFlag, 1);
    v1::Message message;
    auto* to = message.mutable_header();
    to->set_magic(kRecordMagic);
    to->set_format_version(kRecordFileVersion);
    to->set_host_name(header.host_name);
    to->set_kernel_release(header.kernel_release);
    to->set_start_wall_ns(header.start_wall_ns);
    to->set_program_version(header.program_version);
    append(message);
    // At once and in a block of its own: what is cut short in its first window is still a recording.
    compress(ZSTD_e_flush);
  }

  base::Result<void> write(const flow::Record& record) {
    encoder_.encode(record, [this](const v1::Message& message) { append(message); });
    ++records_;
    if (pending_.size() >= kBatchBytes) compress(ZSTD_e_continue);
    return state_;
  }

  base::Result<void> flush() {
    compress(ZSTD_e_flush);
    return state_;
  }

  base::Result<void> finish(std::uint64_t end_wall_ns) {
    v1::Message message;
    message.mutable_end()->set_records(records_);
    message.mutable_end()->set_end_wall_ns(end_wall_ns);
    append(message);
    compress(ZSTD_e_end);
    return state_;
  }

  std::uint64_t records() const { return records_; }
  std::uint64_t bytes() const { return bytes_; }

 private:
  void append(const v1::Message& message) {
    if (message.ByteSizeLong() > kMaxMessageBytes) {
      if (state_) state_ = base::fail("a record is too large for a recording");
      return;
    }
    append_delimited(pending_, message);
  }

  void compress(ZSTD_EndDirective directive) {
    ZSTD_inBuffer in{pending_.data(), pending_.size(), 0};
    std::size_t rest = 1;
    while (state_ && (rest != 0 || in.pos < in.size)) {
      ZSTD_outBuffer out{block_.data(), block_.size(), 0};
      rest = ZSTD_compressStream2(context_.get(), &out, &in, directive);
      if (ZSTD_isError(rest) != 0) {
        state_ = base::fail(std::string("cannot compress the recording: ") + ZSTD_getErrorName(rest));
        break;
      }
      bytes_ += out.pos;
      if (out.pos > 0) state_ = out_({block_.data(), out.pos});
      if (directive == ZSTD_e_continue && in.pos == in.size) break;  // may keep some for later
    }
    pending_.clear();
  }

  WriteBytes out_;
  std::unique_ptr<ZSTD_CCtx, FreeContext> context_;
  RecordEncoder encoder_;
  std::string pending_;  // delimited messages not compressed yet
  std::array<char, 32 * 1024> block_{};
  base::Result<void> state_;
  std::uint64_t records_ = 0;
  std::uint64_t bytes_ = 0;
};

RecordFileWriter::RecordFileWriter(WriteBytes out, const RecordFileHeader& header)
    : impl_(std::make_unique<Impl>(std::move(out), header)) {}
RecordFileWriter::~RecordFileWriter() = default;
RecordFileWriter::RecordFileWriter(RecordFileWriter&&) noexcept = default;

base::Result<void> RecordFileWriter::write(const flow::Record& record) { return impl_->write(record); }
base::Result<void> RecordFileWriter::flush() { return impl_->flush(); }
base::Result<void> RecordFileWriter::finish(std::uint64_t end_wall_ns) { return impl_->finish(end_wall_ns); }
std::uint64_t RecordFileWriter::records() const { return impl_->records(); }
std::uint64_t RecordFileWriter::bytes() const { return impl_->bytes(); }

}  // namespace iris::wire
