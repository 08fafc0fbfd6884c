// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/utsname.h>

#include <cerrno>
#include <ctime>

#include "base/unique_fd.h"
#include "cli/commands.h"
#include "cli/printers.h"
#include "cli/stop_signals.h"
#include "cli/text_format.h"
#include "cli/version.h"
#include "wire/record_file.h"

namespace iris::cli {
namespace {

std::uint64_t now_wall_ns() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(now.tv_nsec);
}

wire::RecordFileHeader header() {
  utsname host{};
  uname(&host);
  return {host.nodename, host.release, now_wall_ns(), kVersion};
}

/// Writes records to the file, flushed at the end of each window. An error
/// stops the tracer and waits for whoever asks.
class FileSink : public flow::RecordSink {
 public:
  FileSink(wire::RecordFileWriter& writer, TraceSource& source) : writer_(writer), source_(source) {}

  void write(const flow::Record& record) override {
    keep(writer_.write(record));
    window_ended_ = window_ended_ || std::holds_alternative<flow::Ledger>(record);
  }
  void flush() override {
    // Batches of events end more often; a flush for each would cost the compression.
    if (window_ended_) keep(writer_.flush());
    window_ended_ = false;
  }
  const base::Result<void>& state() const { return state_; }

 private:
  void keep(base::Result<void> result) {
    if (result || !state_) return;
    state_ = std::move(result);
    source_.request_stop();
  }

  wire::RecordFileWriter& writer_;
  TraceSource& source_;
  base::Result<void> state_;
  bool window_ended_ = false;
};

}  // namespace

base::Result<void> record(const Options& options, const Backend& backend, Output& output) {
  const bool to_output = options.file == "-";
  if (to_output && detect_terminal(output.fd()).is_terminal) {
    return base::fail("a recording is not for a terminal; give a file name or a pipe", base::Error::Kind::usage);
  }
  // The tracer first: without the rights to trace no file is left behind.
  auto session = Session::open(options.tracer, backend, output);
  if (!session) return tl::unexpected(session.error());

  base::UniqueFd file;
  if (!to_output) {
    // Command names and addresses of a whole host are nobody else's business.
    file.reset(::open(options.file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!file) return base::fail_errno("cannot create " + options.file, errno);
  }
  // Through `output` a pipe that nobody reads any more ends us quietly, as it does for text.
  const wire::WriteBytes through_output = [&output](std::string_view bytes) -> base::Result<void> {
    output.append(bytes);
    output.flush();
    if (output.closed() || output.error() != 0) return base::fail("the output is closed");
    return {};
  };
  wire::RecordFileWriter writer(to_output ? through_output : wire::write_to(file.get()), header());
  FileSink to_file(writer, *session->operator->());
  SelectingSink sink(to_file, options.selection, options.filter);

  complain("attached");
  auto done = (*session)->run(sink, options.duration);
  auto finished = to_file.state() ? writer.finish(now_wall_ns()) : to_file.state();
  if (!done) return done;
  if (output.closed() || output.error() != 0) return {};
  if (!finished) return finished;
  if (!to_output && ::close(file.release()) != 0) return base::fail_errno("cannot write " + options.file, errno);
  complain(fmt::format("{}; {} written", summary(sink.totals()), human_bytes(writer.bytes())));
  return {};
}

base::Result<void> replay(const Options& options, Output& output) {
  base::UniqueFd file;
  if (options.file != "-") {
    file.reset(::open(options.file.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file) return base::fail_errno("cannot open " + options.file, errno);
  }
  const std::string name = options.file == "-" ? "standard input" : options.file;
  auto reader = wire::RecordFileReader::open(wire::read_from(file ? file.get() : 0));
  if (!reader) return base::with_context(name, reader.error());

  auto printer = make_printer(options, output);
  SelectingSink sink(*printer, options.selection, options.filter);
  base::Result<void> state;
  while (!output.closed() && output.error() == 0 && !StopSignals::requested()) {
    auto record = reader->next();
    if (!record) {
      state = base::with_context(name, record.error());
      break;
    }
    if (!*record) break;
    sink.write(**record);
    if (std::holds_alternative<flow::Ledger>(**record)) sink.flush();
  }
  sink.flush();
  return state;
}

}  // namespace iris::cli
