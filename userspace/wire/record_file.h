// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "flow/records.h"

/// Recordings: what `iris-trace record` writes and `replay` reads. The format
/// is described in include/iris/v1/record.proto.
namespace iris::wire {

inline constexpr std::uint32_t kRecordFileVersion = 1;

struct RecordFileHeader {
  std::string host_name;
  std::string kernel_release;
  std::uint64_t start_wall_ns = 0;
  std::string program_version;
};

/// Takes all of the bytes or gives an error.
using WriteBytes = std::function<base::Result<void>(std::string_view)>;
/// Puts up to `size` bytes at `into`; 0 is the end.
using ReadBytes = std::function<base::Result<std::size_t>(char* into, std::size_t size)>;

/// Whole-buffer writing and reading on a descriptor, for the two types above.
/// The descriptor stays the caller's.
WriteBytes write_to(int fd);
ReadBytes read_from(int fd);

/// Writes one recording. Errors stick: after the first, nothing more is written
/// and each call gives it again.
class RecordFileWriter {
 public:
  RecordFileWriter(WriteBytes out, const RecordFileHeader& header);
  ~RecordFileWriter();
  RecordFileWriter(RecordFileWriter&&) noexcept;

  base::Result<void> write(const flow::Record& record);
  /// Everything written so far can be read from here on, even if no more comes.
  base::Result<void> flush();
  /// Last message and end of the frame.
  base::Result<void> finish(std::uint64_t end_wall_ns);

  std::uint64_t records() const;
  std::uint64_t bytes() const;  // as compressed so far

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// Reads one recording, holding at most one message at a time.
class RecordFileReader {
 public:
  /// Reads as far as the header. An error says what the file is not.
  static base::Result<RecordFileReader> open(ReadBytes in);
  ~RecordFileReader();
  RecordFileReader(RecordFileReader&&) noexcept;

  const RecordFileHeader& header() const;
  /// The next record, none at the proper end. Of a file that is cut short or
  /// damaged, all that is whole comes first, then the error.
  base::Result<std::optional<flow::Record>> next();
  std::uint64_t records() const;  // given so far

 private:
  class Impl;
  explicit RecordFileReader(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace iris::wire
